package keyed_test

import (
	"math"
	"math/bits"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
)

// Every stored plan depends on these values: a change of the hash must be
// intended.
func TestGoldenValues(t *testing.T) {
	root := keyed.Seed(1)
	for _, c := range []struct {
		name string
		got  uint64
		want uint64
	}{
		{"Seed(0)", uint64(keyed.Seed(0)), 0x9d9ec8084f581e51},
		{"Seed(1)", uint64(root), 0x4abe4f0951b59fd7},
		{"Mix", keyed.Mix(1, 2), 0xbd6066e692aeea0c},
		{"Mix swapped", keyed.Mix(2, 1), 0xd876f001a1766145},
		{"String of nothing", keyed.String(""), 0xf52a15e9a9b5e89b},
		{"String", keyed.String("drop"), 0x9b6d342bd87c6d67},
		{"Word", uint64(root.Word(7)), 0x684aa70371e0505b},
		{"Name", uint64(root.Name("drop")), 0x6a3e27d91f22287e},
		{"zero Key", keyed.Key(0).Uint64(), 0x1930eccd32e84ed},
		{"Uint64", root.Uint64(), 0x1bc6178b4a1aebae},
		{"path", root.Name("link").Word(1).Word(2).Uint64(), 0xa51733bb7240b554},
		{"Below", root.Below(1_000_000), 0x1a7cb},
	} {
		if c.got != c.want {
			t.Errorf("%s is %#x, was %#x", c.name, c.got, c.want)
		}
	}
}

func TestOrderOnThePathMatters(t *testing.T) {
	k := keyed.Seed(1)
	require.NotEqual(t, k.Word(1).Word(2), k.Word(2).Word(1))
	require.NotEqual(t, k.Name("a").Name("bc"), k.Name("ab").Name("c"))
	require.Equal(t, k.Name("a"), k.Word(keyed.String("a")))
}

// One bit of the seed, of a word on the path or of the last word changes each
// bit of the choice half the time.
func TestAvalanche(t *testing.T) {
	choice := func(in [3]uint64) uint64 {
		return keyed.Seed(in[0]).Word(in[1]).Word(in[2]).Uint64()
	}
	const trials = 2000
	for place := range 3 {
		for bit := range 64 {
			var flips [64]int
			for i := range uint64(trials) {
				in := [3]uint64{i, i / 7, i % 5}
				before := choice(in)
				in[place] ^= 1 << bit
				for d := before ^ choice(in); d != 0; d &= d - 1 {
					flips[bits.TrailingZeros64(d)]++
				}
			}
			for out, n := range flips {
				require.InDelta(t, trials/2, n, 6*math.Sqrt(trials)/2, "bit %d of word %d on bit %d", bit, place, out)
			}
		}
	}
}

func TestNeighboursDoNotCollide(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(30) {
		for a := range uint64(30) {
			for b := range uint64(30) {
				u := keyed.Seed(seed).Word(a).Word(b).Uint64()
				require.False(t, seen[u])
				seen[u] = true
			}
		}
	}
}

// Chi-squared over the values of Below, for bounds around powers of two and
// others. Its mean is n-1, its variance twice that.
func TestBelowIsUniform(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 7, 10, 64, 100, 1000} {
		counts := make([]int, n)
		expected := 200.0
		for i := range n * 200 {
			counts[keyed.Seed(5).Word(n).Word(i).Below(n)]++
		}
		var chi float64
		for _, c := range counts {
			chi += (float64(c) - expected) * (float64(c) - expected) / expected
		}
		free := float64(n - 1)
		require.InDelta(t, free, chi, 5*math.Sqrt(2*free)+1e-9, "Below(%d)", n)
	}
}

func TestBelowReachesBothEndsOfALargeRange(t *testing.T) {
	low, high := uint64(math.MaxUint64), uint64(0)
	for i := range uint64(1000) {
		v := keyed.Seed(1).Word(i).Below(math.MaxUint64)
		low, high = min(low, v), max(high, v)
	}
	require.Less(t, low, uint64(math.MaxUint64/100))
	require.Greater(t, high, uint64(math.MaxUint64/100*99))
}

func TestChance(t *testing.T) {
	const trials = 100_000
	for _, ppm := range []uint32{1, 1000, 250_000, 999_999} {
		hits := 0
		for i := range uint64(trials) {
			if keyed.Seed(3).Word(uint64(ppm)).Word(i).Chance(ppm) {
				hits++
			}
		}
		p := float64(ppm) / 1e6
		require.InDelta(t, trials*p, hits, 5*math.Sqrt(trials*p*(1-p)), "%d ppm", ppm)
	}
	for i := range uint64(trials) {
		k := keyed.Seed(i)
		require.False(t, k.Chance(0))
		require.True(t, k.Chance(1_000_000))
	}
}
