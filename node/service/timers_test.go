package service

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// timers behaves as a simple model, a map by token.
func TestTimersMatchModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var timers timers
		twin := map[uint64]time.Duration{}
		now := time.Duration(0)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				token, at := rapid.Uint64Range(0, 3).Draw(t, "token"), now+time.Duration(rapid.IntRange(1, 9).Draw(t, "after"))
				timers.set(at, token)
				twin[token] = at
			},
			"wait": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 4).Draw(t, "time"))
				want := map[uint64]bool{}
				for token, at := range twin {
					if at <= now {
						want[token] = true
						delete(twin, token)
					}
				}
				got := map[uint64]bool{}
				for _, ev := range timers.due(now, nil) {
					require.Equal(t, node.Timer, ev.Kind)
					require.False(t, got[ev.Token], "handed over twice")
					got[ev.Token] = true
				}
				require.Equal(t, want, got)
			},
			"": func(t *rapid.T) {
				require.Len(t, timers.last, len(twin))
				for _, at := range twin {
					require.LessOrEqual(t, timers.next(), at, "no timer is late")
				}
			},
		})
	})
}

// Timers that are replaced do not stay until they are due.
func TestReplacedTimersAreForgotten(t *testing.T) {
	var timers timers
	for i := range 1000 {
		timers.set(time.Hour-time.Duration(i), 1)
		timers.set(time.Hour+time.Duration(i%2), 2)
		require.LessOrEqual(t, len(timers.heap), 2*2+maxStale)
	}
	require.Equal(t, time.Hour-999, timers.next())
	require.Len(t, timers.due(2*time.Hour, nil), 2)
	require.Empty(t, timers.heap)
}
