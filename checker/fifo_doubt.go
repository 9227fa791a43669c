package checker

import "slices"

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
