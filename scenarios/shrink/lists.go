package shrink

import (
	"reflect"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// shrinkLists takes out of every list what it can: outer lists first, since what is in
// an operation or a fault goes with it.
func (s *search) shrinkLists() {
	for depth := 1; depth <= maxDepth; depth++ {
		for _, at := range paths(s.plan, func(v reflect.Value) bool { return v.Kind() == reflect.Slice }) {
			if len(at) == depth && at.exists(s.plan) {
				s.shrinkList(at)
			}
		}
	}
}

// maxDepth is the most numbers that a list's place has: faults, fault, groups,
// group, with room for more.
const maxDepth = 6

// shrinkList takes out what it can of one list: large pieces, then smaller ones, in
// the end one by one until none can go. Taking a piece out is going to its
// complement; pieces by themselves are the complements of what comes before.
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

// removePieces goes once through a list and takes out each piece that can go, the last
// ones first: what happens late is least likely to matter.
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

// removeRange takes the elements from one to another out of a list.
func removeRange(v reflect.Value, from, to int) {
	if to-from == v.Len() {
		v.SetZero()
		return
	}
	v.Set(reflect.AppendSlice(v.Slice(0, from), v.Slice(to, v.Len())))
}
