package node

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Duelling proposers separate: their pauses after a failure cover the whole
// window, differ between nodes, and double up to a bound.
func TestBackoffIsJittered(t *testing.T) {
	const delay = 100 * time.Millisecond
	var below [2]int // in the lower half, by node
	differ := 0
	for attempt := range uint64(100) {
		var waits [2]time.Duration
		for i := range waits {
			n := &Node{cfg: Config{ResendTimeout: delay, Jitter: uint64(i + 1)}, boot: 1}
			waits[i] = n.backoff(&machine{key: "lifecycle/a", failures: 1, open: &open{highestRound: attempt}})
			require.Less(t, waits[i], delay)
			if waits[i] < delay/2 {
				below[i]++
			}
		}
		if waits[0]-waits[1] > delay/10 || waits[1]-waits[0] > delay/10 {
			differ++
		}
	}
	for _, n := range below {
		require.InDelta(t, 50, n, 20)
	}
	require.Greater(t, differ, 60)

	n, most := &Node{cfg: Config{ResendTimeout: delay}}, time.Duration(0)
	for top := range uint64(1000) {
		most = max(most, n.backoff(&machine{key: "lifecycle/a", failures: maxFailures, open: &open{highestRound: top}}))
	}
	require.Greater(t, most, delay<<(maxBackoff-1))
	require.Less(t, most, delay<<maxBackoff)
}
