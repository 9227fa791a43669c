package campaign

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// For all speeds of the workers: every seed is handed out, in order, the guarded
// ones twice, and never both to one worker unless there is no other.
func TestWorkQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		guarded := rapid.SliceOfN(rapid.Bool(), 1, 30).Draw(t, "guarded")
		c := Campaign{Seeds: uint64(len(guarded))}
		todo := &workQueue{
			ctx: t.Context(), seeds: c.remainingSeeds(), singleWorker: workers == 1,
			isGuarded: func(seed uint64) bool { return guarded[seed] },
		}
		at := make([]int, workers) // work
		for i := range at {
			at[i] = i
		}
		first, second := map[uint64]int{}, map[uint64]int{}
		for len(at) > 0 {
			i := rapid.IntRange(0, len(at)-1).Draw(t, "asks")
			j, ok := todo.next(at[i])
			switch {
			case !ok:
				at = append(at[:i], at[i+1:]...)
			case j.second:
				require.Contains(t, first, j.seed)
				require.NotContains(t, second, j.seed)
				require.True(t, workers == 1 || first[j.seed] != at[i])
				second[j.seed] = at[i]
			default:
				require.EqualValues(t, len(first), j.seed)
				require.Equal(t, guarded[j.seed], j.guarded)
				first[j.seed] = at[i]
			}
		}
		require.Len(t, first, len(guarded))
		for seed, is := range guarded {
			_, twice := second[uint64(seed)]
			require.Equal(t, is, twice)
		}
	})
}
