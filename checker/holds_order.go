package checker

import (
	"slices"
	"sort"
)

// maxDivisions is how often arrange looks for holds to divide.
const maxDivisions = 16

// arrange looks for an order of the holds. It divides holds, and adds some, with
// operations of unknown outcome that are left over.
func (l *holds) arrange() bool {
	for range maxDivisions {
		pairs := l.conflicts(false)
		if len(pairs) == 0 {
			return l.cover()
		}
		for _, pair := range pairs {
			if !l.all[pair[0]].contradicts(&l.all[pair[1]]) {
				continue // as one has been divided
			}
			if !l.divide(pair[0], pair[1]) && !l.divide(pair[1], pair[0]) {
				return false
			}
		}
	}
	return false
}

// divide has the client of a hold give the lock back in its course, so that another
// can be within.
func (l *holds) divide(n, within int) bool {
	h, s := &l.all[n], &l.spare[l.all[n].client]
	release, acquire := s.releases.latest(l.all[within].acquire.to), s.acquires.latest(h.release.to)
	if release == nil || acquire == nil || h.last() <= h.first() {
		return false
	}
	release.used, acquire.used = true, true
	second := hold{client: h.client, release: h.release}
	second.acquire = instantOf{acquire.op, max(acquire.from, h.acquire.from), h.release.to}
	h.release = instantOf{release.op, max(release.from, h.acquire.from), h.release.to}
	l.all = append(l.all, second)
	return true
}

// schedule is holds in order, with the earliest and the latest instants that they
// can have in it.
type schedule struct {
	order                      []int
	earlyAcquire, earlyRelease []int64
	lateAcquire, lateRelease   []int64
}

// newSchedule returns false if the order found is none.
func (l *holds) newSchedule() (s schedule, possible bool) {
	n := len(l.all)
	s.order = make([]int, n)
	for k := range s.order {
		s.order[k] = k
	}
	slices.SortFunc(s.order, func(a, b int) int {
		g, h := &l.all[a], &l.all[b]
		if c := compare(min(g.first(), g.last()), min(h.first(), h.last())); c != 0 {
			return c
		}
		return compare(max(g.first(), g.last()), max(h.first(), h.last()))
	})
	s.earlyAcquire, s.earlyRelease = make([]int64, n), make([]int64, n)
	s.lateAcquire, s.lateRelease = make([]int64, n), make([]int64, n)
	at := int64(-1)
	for k, h := range s.order {
		s.earlyAcquire[k] = max(at, l.all[h].acquire.from)
		at = max(s.earlyAcquire[k], l.all[h].release.from)
		s.earlyRelease[k] = at
	}
	at = forever
	for k, h := range slices.Backward(s.order) {
		s.lateRelease[k] = min(at, l.all[h].release.to)
		at = min(s.lateRelease[k], l.all[h].acquire.to)
		s.lateAcquire[k] = at
		if s.earlyAcquire[k] > s.lateAcquire[k] || s.earlyRelease[k] > s.lateRelease[k] {
			return s, false
		}
	}
	return s, true
}

// cover reports whether the lock was held at some instant of each refused acquire, in
// the order found. Each can be in the first hold that can last until its call: a
// hold that is put off for it is not put off beyond others that need one later.
func (l *holds) cover() bool {
	s, possible := l.newSchedule()
	if !possible {
		return false
	}
	gaps := make(map[int]int64) // before which hold: the first return of those that found none
	for _, i := range l.refused {
		op := &l.ops[i]
		k := sort.Search(len(s.order), func(k int) bool { return s.lateRelease[k] >= op.call })
		if k < len(s.order) && s.earlyAcquire[k] <= op.ret {
			continue
		}
		if first, known := gaps[k]; !known || op.ret < first {
			gaps[k] = op.ret
		}
	}
	for k := range len(s.order) + 1 {
		if first, wanted := gaps[k]; wanted && !l.fill(s, k, first) {
			return false
		}
	}
	return true
}

// fill has a client of whom operations are left over hold the lock before hold k,
// from an instant on.
func (l *holds) fill(s schedule, k int, from int64) bool {
	after, until := int64(-1), int64(forever)
	if k > 0 {
		after = s.lateRelease[k-1]
	}
	if k < len(s.order) {
		until = s.lateAcquire[k]
	}
	var acquire, release *spare
	for c := range l.spare {
		if l.deniedBetween(c, after, until) {
			continue
		}
		a := l.spare[c].acquires.latest(from)
		if a == nil || acquire != nil && a.from <= acquire.from {
			continue
		}
		if r := l.spare[c].releases.latest(until); r != nil || k == len(s.order) {
			acquire, release = a, r
		}
	}
	if acquire == nil {
		return false
	}
	acquire.used = true
	if release != nil {
		release.used = true
	}
	return true
}

// deniedBetween reports whether a client found the lock not its own at some instant
// of a time.
func (l *holds) deniedBetween(c int, from, to int64) bool {
	first := sort.Search(len(l.denied[c]), func(k int) bool { return l.ops[l.denied[c][k]].ret >= from })
	return first < len(l.denied[c]) && l.ops[l.denied[c][first]].call <= to
}
