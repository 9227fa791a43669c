package service

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
)

// Machines that come in the order of their keys fill the blocks: nothing is set aside for
// those between them.
func TestIndexInOrderIsFull(t *testing.T) {
	x := newIndex(nil)
	for i := range 8 * blockSize {
		x.insert(fmt.Sprintf("lifecycle/%06d", i), nil)
	}
	require.Len(t, x.blocks, 8)
	for _, block := range x.blocks {
		require.Len(t, block, blockSize)
	}
	x.insert("lifecycle/000000-", nil)
	require.Len(t, x.blocks, 9)
}

// The index behaves as a sorted map.
func TestIndexIsASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.StringMatching(`[abc]{0,3}/[abc]{0,4}`)
		model := map[string]*node.Value{}
		for _, key := range rapid.SliceOf(some).Draw(t, "at the start") {
			model[key] = &node.Value{}
		}
		var entries []Known
		for key, value := range model {
			entries = append(entries, Known{key, value})
		}
		x := newIndex(entries)
		for _, key := range rapid.SliceOf(some).Draw(t, "put") {
			model[key] = &node.Value{}
			if e := x.get(key); e != nil {
				e.Value = model[key]
			} else {
				x.insert(key, model[key])
			}
		}
		keys := []string{}
		for key, value := range model {
			require.Same(t, value, x.get(key).Value)
			keys = append(keys, key)
		}
		require.Equal(t, len(model), x.size)
		slices.Sort(keys)

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
		for i, e := range page {
			require.Equal(t, want[i], e.Key)
			require.Same(t, model[e.Key], e.Value)
		}
	})
}

// Full blocks split, wherever a key belongs.
func TestIndexOfManyBlocks(t *testing.T) {
	const n = 20 * blockSize
	var x index
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		x.insert(fmt.Sprintf("lifecycle/%06d", i), nil)
	}
	require.Equal(t, n, x.size)
	after := ""
	for i := 0; i < n; {
		page, more := x.page("lifecycle/", after, 300)
		require.Equal(t, i+len(page) < n, more)
		for _, e := range page {
			require.Equal(t, fmt.Sprintf("lifecycle/%06d", i), e.Key)
			i++
			after = e.Key
		}
	}
	page, more := x.page("lifecycle/0100", "", 1000)
	require.Len(t, page, 100)
	require.False(t, more)
}

func millionMachines() (x index, keys []string) {
	const n = 1_000_000
	var entries []Known
	for i := range n {
		keys = append(keys, fmt.Sprintf("lifecycle/machine-%07d", i))
		entries = append(entries, Known{keys[i], &node.Value{Version: 1, State: "Running"}})
	}
	return newIndex(entries), keys
}

// The cost of one chosen value to a step, with a million machines.
func BenchmarkIndexOfAMillion(b *testing.B) {
	x, keys := millionMachines()
	r := rand.New(rand.NewPCG(1, 2))
	v := &node.Value{Version: 2}
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			x.get(keys[r.IntN(len(keys))]).Value = v
		}
	})
	b.Run("new", func(b *testing.B) {
		fresh := make([]string, 0, b.N)
		for i := range b.N {
			fresh = append(fresh, fmt.Sprintf("%s-%d", keys[r.IntN(len(keys))], i))
		}
		b.ResetTimer()
		for _, key := range fresh {
			x.insert(key, v)
		}
	})
}

// The time for which one batch of a listing blocks the loop.
func BenchmarkIndexPage(b *testing.B) {
	x, keys := millionMachines()
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		x.page("lifecycle/", keys[r.IntN(len(keys))], DefaultPage)
	}
}
