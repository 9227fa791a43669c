package service

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Machines that come in the order of their keys fill the blocks: nothing is set aside for
// those between them.
func TestIndexInOrderIsFull(t *testing.T) {
	x := newIndex(nil)
	for i := range 8 * blockSize {
		x.insert(fmt.Sprintf("lifecycle/%06d", i))
	}
	require.Len(t, x.blocks, 8)
	for _, block := range x.blocks {
		require.Len(t, block, blockSize)
	}
	x.insert("lifecycle/000000-")
	require.Len(t, x.blocks, 9)
}

// The index behaves as a sorted set.
func TestIndexIsASortedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.StringMatching(`[abc]{0,3}/[abc]{0,4}`)
		keys := rapid.SliceOfDistinct(some, rapid.ID[string]).Draw(t, "at the start")
		x := newIndex(slices.Clone(keys))
		for _, key := range rapid.SliceOf(some).Draw(t, "inserted") {
			require.Equal(t, slices.Contains(keys, key), x.has(key))
			x.insert(key)
			require.True(t, x.has(key))
			keys = append(keys, key)
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		require.Equal(t, len(keys), x.size)

		prefix, after, most := rapid.StringMatching(`[abc/]{0,3}`).Draw(t, "prefix"), some.Draw(t, "after"), rapid.IntRange(1, 9).Draw(t, "most")
		if rapid.Bool().Draw(t, "from the start") {
			after = ""
		}
		want := slices.DeleteFunc(keys, func(key string) bool {
			return !strings.HasPrefix(key, prefix) || key <= after && after != ""
		})
		page, more := x.page(prefix, after, most)
		require.Equal(t, len(want) > most, more)
		require.Len(t, page, min(len(want), most))
		require.True(t, slices.Equal(want[:len(page)], page), "%q, not %q", page, want)
	})
}

// Full blocks split, wherever a key belongs.
func TestIndexOfManyBlocks(t *testing.T) {
	const n = 20 * blockSize
	var x index
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		x.insert(fmt.Sprintf("lifecycle/%06d", i))
	}
	require.Equal(t, n, x.size)
	after := ""
	for i := 0; i < n; {
		page, more := x.page("lifecycle/", after, 300)
		require.Equal(t, i+len(page) < n, more)
		for _, key := range page {
			require.Equal(t, fmt.Sprintf("lifecycle/%06d", i), key)
			i++
			after = key
		}
	}
	page, more := x.page("lifecycle/0100", "", 1000)
	require.Len(t, page, 100)
	require.False(t, more)
}

func millionMachines() (x index, keys []string) {
	const n = 1_000_000
	for i := range n {
		keys = append(keys, fmt.Sprintf("lifecycle/machine-%07d", i))
	}
	return newIndex(slices.Clone(keys)), keys
}

// The cost of one new machine to a step, with a million others.
func BenchmarkIndexOfAMillion(b *testing.B) {
	x, keys := millionMachines()
	r := rand.New(rand.NewPCG(1, 2))
	fresh := make([]string, 0, b.N)
	for i := range b.N {
		fresh = append(fresh, fmt.Sprintf("%s-%d", keys[r.IntN(len(keys))], i))
	}
	b.ResetTimer()
	for _, key := range fresh {
		x.insert(key)
	}
}

// The time for which one batch of a listing blocks the loop.
func BenchmarkIndexPage(b *testing.B) {
	x, keys := millionMachines()
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		x.page("lifecycle/", keys[r.IntN(len(keys))], DefaultPage)
	}
}
