package hash64_test

import (
	"hash/fnv"
	"testing"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/stretchr/testify/require"
)

func TestFNV1aIsThatOfTheStandardLibrary(t *testing.T) {
	for _, s := range []string{"", "a", "lifecycle/web-1", "\x00\xff"} {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s))
		require.Equal(t, h.Sum64(), hash64.FNV1a(0, s))
	}
	require.NotEqual(t, hash64.FNV1a(1, "a"), hash64.FNV1a(2, "a"))
}

// The first outputs of SplitMix64 from 0, which are this finaliser of the
// multiples of its increment (Steele, Lea and Flood, OOPSLA 2014).
func TestFinaliseIsThatOfSplitMix64(t *testing.T) {
	const increment = 0x9e3779b97f4a7c15
	x := uint64(0)
	for _, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		x += increment
		require.Equal(t, want, hash64.Finalise(x))
	}
}
