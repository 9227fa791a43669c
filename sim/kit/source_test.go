package kit_test

import (
	"io"
	oldrand "math/rand"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
)

var (
	_ rand.Source      = (*kit.Source)(nil)
	_ oldrand.Source64 = (*kit.Source)(nil)
	_ io.Reader        = (*kit.Source)(nil)
)

// The numbers are part of the hash of every run that uses a source: they never change.
func TestASourceHasFixedNumbers(t *testing.T) {
	s := kit.NewSource(1, 2, 3)
	require.Equal(t, []uint64{0x22b9934530f4124f, 0x7f8353b0480cb157, 0xfe6c080f43d099c5}, []uint64{s.Uint64(), s.Uint64(), s.Named("election").Uint64()})
}

func TestEachSourceIsItsOwn(t *testing.T) {
	seen := map[uint64]bool{}
	for _, s := range []*kit.Source{
		kit.NewSource(1, 2, 3), kit.NewSource(2, 2, 3), kit.NewSource(1, 3, 3), kit.NewSource(1, 2, 4), kit.NewSource(1, 3, 2),
		kit.NewSource(1, 2, 3).Named("a"), kit.NewSource(1, 2, 3).Named("b"),
	} {
		for range 100 {
			seen[s.Uint64()] = true
		}
	}
	require.Len(t, seen, 700)
}

// Draws of one purpose leave those of another alone.
func TestANamedSourceDoesNotDependOnDraws(t *testing.T) {
	s := kit.NewSource(1, 2, 3)
	want := s.Named("a").Uint64()
	s.Uint64()
	require.Equal(t, want, s.Named("a").Uint64())
	s.Seed(5)
	seeded := s.Uint64()
	require.NotEqual(t, want, seeded)
	other := kit.NewSource(1, 2, 3)
	other.Seed(5)
	require.Equal(t, seeded, other.Uint64())
}

func TestASourceServesTheLibraries(t *testing.T) {
	s := kit.NewSource(1, 2, 3)
	require.NoError(t, iotest.TestReader(io.LimitReader(kit.NewSource(1, 2, 3), 20), readAll(t, s, 20)))
	require.Less(t, rand.New(s).IntN(10), 10)
	require.Less(t, oldrand.New(s).Intn(10), 10)
	var ones [64]int
	for range 10_000 {
		word := s.Uint64()
		for bit := range ones {
			ones[bit] += int(word >> bit & 1)
		}
	}
	for bit, n := range ones {
		require.InDelta(t, 5000, n, 300, "bit %d", bit)
	}
	require.GreaterOrEqual(t, s.Int63(), int64(0))
}

func readAll(t *testing.T, r io.Reader, n int) []byte {
	p := make([]byte, n)
	_, err := io.ReadFull(r, p)
	require.NoError(t, err)
	return p
}
