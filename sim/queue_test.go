package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelQueue is a list sorted by time; equal times stay in order of insertion.
type modelQueue []modelEntry

type modelEntry struct {
	at    Duration
	token uint64
}

func (d *modelQueue) push(at Duration, token uint64) {
	*d = append(*d, modelEntry{at, token})
	slices.SortStableFunc(*d, func(a, b modelEntry) int { return int(a.at - b.at) })
}

func (d *modelQueue) pop() modelEntry {
	first := (*d)[0]
	*d = slices.Delete(*d, 0, 1)
	return first
}

// Few distinct times make ties common.
func TestQueueDoesWhatASortedListDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var dumb modelQueue
		most, pushed := 0, uint64(0)
		push := func(n int) {
			at := Duration(n)
			pushed++
			q.push(at, record{token: pushed, msg: note{n: int(pushed)}})
			dumb.push(at, pushed)
			most = max(most, len(dumb))
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) { push(rapid.IntRange(0, 20).Draw(t, "at")) },
			"push many": func(t *rapid.T) { // more than fit into front
				for range rapid.IntRange(1, 100).Draw(t, "records") {
					push(rapid.IntRange(0, 200).Draw(t, "at"))
				}
			},
			"pop": func(t *rapid.T) {
				for range min(len(dumb), rapid.IntRange(1, 40).Draw(t, "records")) {
					var r record
					require.Equal(t, dumb[0].at, q.next())
					at := q.pop(&r)
					require.Equal(t, dumb.pop(), modelEntry{at, r.token})
					require.Equal(t, note{n: int(r.token)}, r.msg)
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(dumb), q.len())
				require.Len(t, q.slab, most, "places are used again")
			},
		})
	})
}

func TestQueueForgetsWhatItGaveAway(t *testing.T) {
	var q queue
	q.push(0, record{msg: note{}})
	var r record
	q.pop(&r)
	require.Nil(t, q.slab[0].msg, "the message would never be collected")
}
