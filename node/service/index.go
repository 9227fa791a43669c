package service

import (
	"slices"
	"sort"
	"strings"
)

// blockSize bounds the keys that an insertion moves: 8 KB, at 16 bytes each.
const blockSize = 512

// index is the ordered set of the keys of machines that a node knows: a sorted list of sorted
// blocks. The node has their values. A look-up is two binary searches. An insertion moves at most one block
// and, once in some hundred, the list of blocks: 100 KB for a million machines. So
// no step takes long. One sorted slice, or a hash map that has to grow and be
// sorted, could not guarantee that.
type index struct {
	blocks [][]string // never empty
	size   int
}

// newIndex returns an index of distinct keys.
func newIndex(keys []string) index {
	slices.Sort(keys)
	x := index{size: len(keys)}
	for block := range slices.Chunk(keys, blockSize/2) {
		x.blocks = append(x.blocks, slices.Clone(block))
	}
	return x
}

// find returns the block and the place of key, or the place where it belongs.
func (x *index) find(key string) (block, place int, found bool) {
	block = sort.Search(len(x.blocks), func(i int) bool { return x.blocks[i][0] > key })
	if block == 0 {
		return 0, 0, false
	}
	block--
	place, found = slices.BinarySearch(x.blocks[block], key)
	return block, place, found
}

// has reports whether the index has a key.
func (x *index) has(key string) bool {
	_, _, found := x.find(key)
	return found
}

// insert adds the key of a machine, unless the index has it.
func (x *index) insert(key string) {
	block, place, found := x.find(key)
	switch {
	case found:
		return
	case len(x.blocks) == 0:
		x.blocks = append(x.blocks, nil)
	case place == blockSize && block == len(x.blocks)-1: // in the order of keys: full blocks stay full
		x.blocks = append(x.blocks, make([]string, 0, blockSize))
		block, place = block+1, 0
	case len(x.blocks[block]) == blockSize:
		full := x.blocks[block]
		upper := append(make([]string, 0, blockSize), full[blockSize/2:]...)
		clear(full[blockSize/2:])
		x.blocks[block] = full[:blockSize/2]
		x.blocks = slices.Insert(x.blocks, block+1, upper)
		if place > blockSize/2 {
			block, place = block+1, place-blockSize/2
		}
	}
	x.blocks[block] = slices.Insert(x.blocks[block], place, key)
	x.size++
}

// page copies, in order, at most so many keys with a prefix that are above after. It
// reports whether there are more.
func (x *index) page(prefix, after string, most int) (page []string, more bool) {
	block, place, found := x.find(max(after, prefix))
	if found && after >= prefix && after != "" {
		place++
	}
	for ; block < len(x.blocks); block, place = block+1, 0 {
		for _, key := range x.blocks[block][min(place, len(x.blocks[block])):] {
			switch {
			case !strings.HasPrefix(key, prefix):
				return page, false
			case len(page) == most:
				return page, true
			}
			page = append(page, key)
		}
	}
	return page, false
}
