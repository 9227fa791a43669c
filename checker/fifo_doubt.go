package checker

import (
	"slices"
	"sort"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// removers are the dequeues of a history. Those that an excerpt leaves out may
// have taken any item while they lasted.
type removers struct {
	*excerpts
	ended  []int32 // that return, in order of call
	never  []int32 // that do not
	latest []int64 // of ended, up to each: the last return
}

func newRemovers(c *excerpts) removers {
	r := removers{excerpts: c}
	for i := range c.ops {
		switch {
		case c.ops[i].op.Kind != history.KindDequeue:
		case c.rank[i] == none:
			r.never = append(r.never, int32(i))
		default:
			last := c.ops[i].ret
			if n := len(r.latest); n > 0 {
				last = max(last, r.latest[n-1])
			}
			r.ended, r.latest = append(r.ended, int32(i)), append(r.latest, last)
		}
	}
	return r
}

// calledBy returns how many of some operations were called by an instant.
func (r *removers) calledBy(ops []int32, until int64) int {
	return sort.Search(len(ops), func(n int) bool { return r.ops[ops[n]].call > until })
}

// between returns the known dequeues of an excerpt that lasted at some instant of
// a time.
func (r *removers) between(x excerpt, from, to int64) (found []int32) {
	for n := r.calledBy(r.ended, to) - 1; n >= 0 && r.latest[n] >= from; n-- {
		if i := r.ended[n]; r.ops[i].ret >= from && r.known(x, i) {
			found = append(found, i)
		}
	}
	return found
}

// candidates returns dequeues that an excerpt leaves out, or that have not
// returned, and lasted at some instant of a time; at most so many.
func (r *removers) candidates(x excerpt, from, to int64, most int) (found []int32) {
	for n := r.calledBy(r.ended, to) - 1; n >= 0 && r.latest[n] >= from && len(found) < most; n-- {
		if i := r.ended[n]; r.ops[i].ret >= from && !r.known(x, i) {
			found = append(found, i)
		}
	}
	never := r.never[:r.calledBy(r.never, to)]
	return append(found, never[:min(len(never), most)]...)
}

// removable reports whether each lost item can have been taken by an operation
// that is left out, those added before an instant by that.
func (q *fifo) removable(x excerpt, by int64) bool {
	users := map[int32]int{} // by dequeue: the lost item that it takes
	candidates, latest := make([][]int32, len(q.lost)), q.latestDequeues()
	var place func(n int, tried map[int32]bool) bool
	place = func(n int, tried map[int32]bool) bool { // an augmenting path (Kuhn)
		for _, u := range candidates[n] {
			if tried[u] {
				continue
			}
			tried[u] = true
			if other, used := users[u]; !used || place(other, tried) {
				users[u] = n
				return true
			}
		}
		return false
	}
	for n, a := range q.lost {
		deadline := a.deadline
		if q.returnedAt(x, a.item) < by && by < forever {
			deadline = min(deadline, by)
		}
		if deadline == forever {
			continue
		}
		since, _ := q.removableFrom(x, a.item, latest)
		candidates[n] = q.doubt.candidates(x, since, deadline, len(q.lost))
		if !place(n, map[int32]bool{}) {
			return false
		}
	}
	return true
}

// foundEmptyAmong is foundEmpty for an excerpt of few operations. It looks at each
// that found the queue empty for itself.
func (q *fifo) foundEmptyAmong(x excerpt) []int32 {
	all := q.presences(x, false)
	for _, i := range q.empties {
		if !q.canBeEmpty(x, all, &q.ops[i]) {
			return q.someEvidence(x)
		}
	}
	return nil
}

// canBeEmpty tries the instants before which no item more need be gone, and after
// which one does.
func (q *fifo) canBeEmpty(x excerpt, all []presence, op *checkedOp) bool {
	instants := []int64{op.ret}
	for _, e := range q.byReturn {
		if at := q.returnedAt(x, e); op.call <= at && at < op.ret {
			instants = append(instants, at)
		}
	}
	return slices.ContainsFunc(instants, func(at int64) bool {
		within := func(p presence) bool { return p.from < at && at < p.to }
		return !slices.ContainsFunc(all, within) && q.removable(x, at)
	})
}
