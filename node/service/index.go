package service

import (
	"slices"
	"sort"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// blockSize bounds the entries that an insertion moves: 12 KB, at 24 bytes each.
const blockSize = 512

// index is the ordered set of machines that a node knows: a sorted list of sorted
// blocks. A look-up is two binary searches. An insertion moves at most one block
// and, once in some hundred, the list of blocks: 100 KB for a million machines. So
// no step takes long. One sorted slice, or a hash map that has to grow and be
// sorted, could not guarantee that.
type index struct {
	blocks [][]Known // never empty
	size   int
}

// newIndex returns an index of entries with distinct keys.
func newIndex(entries []Known) index {
	slices.SortFunc(entries, func(a, b Known) int { return strings.Compare(a.Key, b.Key) })
	x := index{size: len(entries)}
	for block := range slices.Chunk(entries, blockSize/2) {
		x.blocks = append(x.blocks, slices.Clone(block))
	}
	return x
}

// find returns the block and the place of key, or the place where it belongs.
func (x *index) find(key string) (block, place int, found bool) {
	block = sort.Search(len(x.blocks), func(i int) bool { return x.blocks[i][0].Key > key })
	if block == 0 {
		return 0, 0, false
	}
	block--
	place, found = slices.BinarySearchFunc(x.blocks[block], key, func(e Known, key string) int { return strings.Compare(e.Key, key) })
	return block, place, found
}

// get returns the entry of a machine, or nil. The pointer is valid until the next
// insert.
func (x *index) get(key string) *Known {
	block, place, found := x.find(key)
	if !found {
		return nil
	}
	return &x.blocks[block][place]
}

// insert adds a machine that is not in the index.
func (x *index) insert(key string, value *node.Value) {
	block, place, _ := x.find(key)
	switch {
	case len(x.blocks) == 0:
		x.blocks = append(x.blocks, nil)
	case place == blockSize && block == len(x.blocks)-1: // in the order of keys: full blocks stay full
		x.blocks = append(x.blocks, make([]Known, 0, blockSize))
		block, place = block+1, 0
	case len(x.blocks[block]) == blockSize:
		full := x.blocks[block]
		upper := append(make([]Known, 0, blockSize), full[blockSize/2:]...)
		clear(full[blockSize/2:])
		x.blocks[block] = full[:blockSize/2]
		x.blocks = slices.Insert(x.blocks, block+1, upper)
		if place > blockSize/2 {
			block, place = block+1, place-blockSize/2
		}
	}
	x.blocks[block] = slices.Insert(x.blocks[block], place, Known{key, value})
	x.size++
}

// page copies, in order, at most so many machines with a prefix and a key above
// after. It reports whether there are more.
func (x *index) page(prefix, after string, most int) (page []Known, more bool) {
	block, place, found := x.find(max(after, prefix))
	if found && after >= prefix && after != "" {
		place++
	}
	for ; block < len(x.blocks); block, place = block+1, 0 {
		for _, e := range x.blocks[block][min(place, len(x.blocks[block])):] {
			switch {
			case !strings.HasPrefix(e.Key, prefix):
				return page, false
			case len(page) == most:
				return page, true
			}
			page = append(page, e)
		}
	}
	return page, false
}
