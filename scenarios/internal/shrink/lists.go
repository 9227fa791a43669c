package shrink

import (
	"reflect"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// shrinkLists removes as many elements as it can from every list. It begins with
// outer lists, since the lists in an operation or a fault go with it.
func (s *search) shrinkLists() {
	for depth := 1; depth <= maxDepth; depth++ {
		for _, at := range paths(s.plan, func(v reflect.Value) bool { return v.Kind() == reflect.Slice }) {
			if len(at) == depth && at.exists(s.plan) {
				s.shrinkList(at)
			}
		}
	}
}

// maxDepth bounds the length of a list's path: faults, fault, groups, group, with
// room for more.
const maxDepth = 6

// shrinkList removes as much as it can from one list: large pieces, then smaller
// ones, in the end single elements until none can go. Delta debugging also tries
// pieces by themselves: they are the complements of the pieces before.
func (s *search) shrinkList(at path) {
	length := func() int { return at.value(s.plan).Len() }
	for size := length(); size > 0; {
		removed := s.removePieces(at, size)
		switch {
		case size > 1:
			size = min((size+1)/2, max(length(), 1))
		case !removed:
			return
		}
	}
}

// removePieces goes once through a list and removes each piece that can go. It
// begins at the end: late events are least likely to matter.
func (s *search) removePieces(at path, size int) (removed bool) {
	end := at.value(s.plan).Len()
	for end > 0 {
		n := (end + size - 1) / size
		i := s.tryFirst(n, func(i int) *scenarios.Plan {
			to := end - i*size
			return edit(s.plan, at, func(v reflect.Value) { removeRange(v, max(0, to-size), to) })
		})
		if i < 0 {
			return removed
		}
		removed = true
		end = max(0, end-(i+1)*size)
	}
	return removed
}

// removeRange removes the elements [from, to) from a list.
func removeRange(v reflect.Value, from, to int) {
	if to-from == v.Len() {
		v.SetZero()
		return
	}
	v.Set(reflect.AppendSlice(v.Slice(0, from), v.Slice(to, v.Len())))
}
