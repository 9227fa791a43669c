package netmodel

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Keys are drawn near each other and near powers of two, so that many have the
// same place and the table wraps around.
func TestCounterCountsAsAMapDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.OneOf(
			rapid.Uint64Range(0, 8),
			rapid.Uint64Range(250, 260),
			rapid.Map(rapid.Uint64Range(0, 20), func(k uint64) uint64 { return k << 8 }),
			rapid.Uint64(),
		), 0, 1000).Draw(t, "keys")
		var c counter
		twin := map[uint64]uint32{}
		for _, k := range keys {
			twin[k]++
			require.Equal(t, twin[k], c.next(k), "key %d", k)
		}
		require.Equal(t, len(twin), c.used)
	})
}

func TestCounterKeepsCountsWhileItGrows(t *testing.T) {
	const keys = 10_000
	var c counter
	for round := range uint32(3) {
		for i := range uint64(keys) {
			require.Equal(t, round+1, c.next(keyed.Mix(1, i)))
		}
	}
	require.Equal(t, keys, c.used)
	require.Len(t, c.tallies, 16384)
}
