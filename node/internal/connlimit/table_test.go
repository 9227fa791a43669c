package connlimit_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/internal/connlimit"
)

// twin is the table as a list of connections in the order in which they became idle.
type twin struct {
	limit        int
	idle, active []int
	evicted      uint64
}

func (w *twin) open(c int) (evicted int, exceeded bool) {
	w.idle = append(w.idle, c)
	if len(w.idle)+len(w.active) <= w.limit {
		return 0, false
	}
	evicted, w.idle = w.idle[0], w.idle[1:]
	w.evicted++
	return evicted, true
}

func (w *twin) remove(c int) bool {
	i, j := slices.Index(w.idle, c), slices.Index(w.active, c)
	if i >= 0 {
		w.idle = slices.Delete(w.idle, i, i+1)
	}
	if j >= 0 {
		w.active = slices.Delete(w.active, j, j+1)
	}
	return i >= 0 || j >= 0
}

// A table does as its twin, with any number of connections, also when the server reports
// something of one that was removed.
func TestTableIsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		table, w, last := connlimit.New[int](limit), &twin{limit: limit}, 0
		any := func(t *rapid.T) int { return rapid.IntRange(max(1, last-2*limit), last+1).Draw(t, "connection") }
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				last++
				evicted, exceeded := table.Open(last)
				wantEvicted, wantExceeded := w.open(last)
				require.Equal(t, wantExceeded, exceeded)
				require.Equal(t, wantEvicted, evicted)
			},
			"idle": func(t *rapid.T) {
				c := any(t)
				table.SetIdle(c)
				if w.remove(c) {
					w.idle = append(w.idle, c)
				}
			},
			"active": func(t *rapid.T) {
				c := any(t)
				table.SetActive(c)
				if w.remove(c) {
					w.active = append(w.active, c)
				}
			},
			"close": func(t *rapid.T) {
				c := any(t)
				table.Close(c)
				w.remove(c)
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(w.idle)+len(w.active), table.Len())
				require.LessOrEqual(t, table.Len(), limit)
				require.Equal(t, append([]int{}, w.idle...), table.Idle())
				require.Equal(t, w.evicted, table.Evicted())
			},
		})
	})
}
