package arena_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/stretchr/testify/require"
)

func TestValuesAreZeroAndDifferent(t *testing.T) {
	var a arena.Arena[int]
	seen := map[*int]bool{}
	for range 20 {
		x := a.Make(8)
		require.Zero(t, *x)
		require.False(t, seen[x])
		*x, seen[x] = 1, true
	}
}

func TestABlockIsOneAllocation(t *testing.T) {
	require.EqualValues(t, 2, testing.AllocsPerRun(100, func() {
		var a arena.Arena[[4]uint64]
		for range 16 {
			a.Make(8)[0] = 1
		}
	}))
}
