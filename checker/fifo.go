package checker

import (
	"slices"
	"sort"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// fifo judges a queue to which no item is added twice. Such a history is
// linearizable if it shows none of four things (Henzinger, Sezgin and Vafeiadis,
// "Aspect-Oriented Linearizability Proofs", CONCUR 2013; Bouajjani, Emmi, Enea and
// Hamza, "On Reducing Linearizability to State Reachability", ICALP 2015):
//
//   - an item is taken that was not added by then,
//   - an item is taken twice,
//   - of two items the one added later is taken sooner, or the other never,
//   - the queue is found empty at a time at which there was an item in it at every
//     instant.
//
// Unknown outcomes add this. An enqueue that nobody saw counts as never carried
// out: its item could only be in the way. An item that nobody took may have been
// taken by a dequeue of unknown outcome. Such an item must be gone by the first
// return of a dequeue of an item added later: the sooner an item was added, the
// sooner. And these dequeues never end, so they are alike but for their calls.
// Hence the first called of them takes the item whose enqueue returned first, and
// so on: if there is an order, exchanges lead to one of this kind.
type fifo struct {
	excerpts
	initial int     // items that were there at first; they come before the others
	item    []int32 // by operation: the item added or taken; none
	enqueue []int32 // by item, in order of call: the operation that adds it; none
	doubt   doubtful

	// Of one pass:
	present []bool  // by item: it was in the queue for certain
	taken   []int32 // by item: the dequeue that took it; none
	touched []int32 // items with any of these
	empties []int32 // operations that found the queue empty
	unknown []int32 // dequeues that may have taken anything, in order of call

	byCall   []int32 // items, in order of the calls of their enqueues
	byReturn []int32 // items whose enqueues returned, in order of return
	lost     []lostItem
}

// lostItem is an item that no known dequeue took.
type lostItem struct {
	item     int32
	deadline int64 // by which it must have been taken; forever: it need not
	later    int32 // the dequeue of an item added later that makes it so
}

// newFIFO returns false if an item may be added twice.
func newFIFO(m machine) (shaped, bool) {
	begun, isList := m.object.states[m.initial].([]string)
	if !isList {
		return nil, false
	}
	ops := m.claimedOps()
	q := &fifo{initial: len(begun), item: filled(len(ops))}
	number := make(map[string]int32, len(ops)/2)
	for _, text := range begun {
		number[text] = int32(len(number))
	}
	q.enqueue = filled(len(begun))
	for i := range ops {
		if ops[i].op.Kind != history.KindEnqueue {
			continue
		}
		if _, twice := number[ops[i].op.Argument]; twice {
			return nil, false
		}
		q.item[i] = int32(len(number))
		number[ops[i].op.Argument] = q.item[i]
		q.enqueue = append(q.enqueue, int32(i))
	}
	if len(number) < len(q.enqueue) {
		return nil, false // of the first items
	}
	for i := range ops {
		if n, known := number[ops[i].op.State]; known && ops[i].op.Kind == history.KindDequeue && ops[i].meaning == committedStep {
			q.item[i] = n
		}
	}
	q.excerpts = newExcerpts(ops)
	q.doubt = newDoubtful(&q.excerpts, history.KindDequeue)
	q.present, q.taken = make([]bool, len(number)), filled(len(number))
	return q, true
}

// conflict is a conflictFinder.
func (q *fifo) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	for _, pass := range []func(excerpt) []int32{q.gather, q.overtaken, q.remaining, q.foundEmpty} {
		if evidence = pass(x); evidence != nil {
			return evidence, impossible
		}
	}
	return nil, possible
}

// gather finds out which items were in the queue, and what took them.
func (q *fifo) gather(x excerpt) []int32 {
	for _, e := range q.touched {
		q.present[e], q.taken[e] = false, none
	}
	q.touched, q.empties, q.unknown = q.touched[:0], q.empties[:0], q.unknown[:0]
	for e := range int32(q.initial) {
		q.touch(e)
	}
	evidence := q.each(x, func(i int32, known bool) []int32 {
		switch op := &q.ops[i]; {
		case op.op.Kind == history.KindEnqueue:
			if known && op.meaning == committedStep {
				q.touch(q.item[i])
			}
		case !known:
			q.unknown = append(q.unknown, i)
		case op.meaning == rejectedIllegal:
			q.empties = append(q.empties, i)
		case op.meaning == committedStep:
			return q.take(x, i)
		}
		return nil
	})
	if evidence == nil {
		q.sortItems(x)
	}
	return evidence
}

func (q *fifo) touch(e int32) {
	if !q.present[e] {
		q.present[e] = true
		q.touched = append(q.touched, e)
	}
}

// take has a dequeue take its item.
func (q *fifo) take(x excerpt, i int32) []int32 {
	e := q.item[i]
	switch {
	case e == none || q.calledAt(e) > q.ops[i].ret:
		return []int32{i}
	case q.enqueue[e] != none && q.known(x, q.enqueue[e]) && q.ops[q.enqueue[e]].meaning == noEffect:
		return []int32{q.enqueue[e], i}
	case q.taken[e] != none:
		return []int32{q.taken[e], i}
	}
	q.touch(e)
	q.taken[e] = i
	return nil
}

// calledAt and returnedAt are the bounds of the instant at which an item was added.
// The first items were added before all operations, one after the other.
func (q *fifo) calledAt(e int32) int64 {
	if w := q.enqueue[e]; w != none {
		return q.ops[w].call
	}
	return int64(int(e) - q.initial)
}

func (q *fifo) returnedAt(x excerpt, e int32) int64 {
	if w := q.enqueue[e]; w != none {
		return q.deadline(x, w)
	}
	return q.calledAt(e)
}

// sortItems sorts the items that were in the queue.
func (q *fifo) sortItems(x excerpt) {
	q.byCall, q.byReturn = q.byCall[:0], q.byReturn[:0]
	if x.ops != nil { // few
		slices.Sort(q.touched)
		q.byCall = append(q.byCall, q.touched...)
		for _, e := range q.touched {
			if q.returnedAt(x, e) < forever {
				q.byReturn = append(q.byReturn, e)
			}
		}
		slices.SortStableFunc(q.byReturn, func(a, b int32) int { return compare(q.returnedAt(x, a), q.returnedAt(x, b)) })
		return
	}
	for e := range q.present {
		if q.present[e] {
			q.byCall = append(q.byCall, int32(e))
		}
	}
	for e := range int32(q.initial) {
		q.byReturn = append(q.byReturn, e)
	}
	for _, i := range q.returns[:x.last+1] {
		if e := q.item[i]; e != none && q.enqueue[e] == i && q.present[e] {
			q.byReturn = append(q.byReturn, e)
		}
	}
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// overtaken looks for two items of which the one added later was taken sooner.
func (q *fifo) overtaken(x excerpt) []int32 {
	last, next := none, 0 // the dequeue called last, of the items added before
	for _, e := range q.byCall {
		d := q.taken[e]
		if d == none {
			continue
		}
		for ; next < len(q.byReturn) && q.returnedAt(x, q.byReturn[next]) < q.calledAt(e); next++ {
			if o := q.taken[q.byReturn[next]]; o != none && (last == none || q.ops[o].call > q.ops[last].call) {
				last = o
			}
		}
		if last != none && q.ops[last].call > q.ops[d].ret {
			return []int32{last, d}
		}
	}
	return nil
}

// remaining looks for an item that nobody can have taken, though one added later was
// taken.
func (q *fifo) remaining(x excerpt) []int32 {
	q.lost = q.lost[:0]
	for _, e := range q.byReturn {
		if q.taken[e] == none {
			q.lost = append(q.lost, lostItem{item: e, deadline: forever, later: none})
		}
	}
	later, next := none, len(q.byCall)-1 // the first dequeue to return, of the items added later
	for n := len(q.lost) - 1; n >= 0; n-- {
		a := &q.lost[n]
		for ; next >= 0 && q.calledAt(q.byCall[next]) > q.returnedAt(x, a.item); next-- {
			if d := q.taken[q.byCall[next]]; d != none && (later == none || q.ops[d].ret < q.ops[later].ret) {
				later = d
			}
		}
		if a.later = later; later != none {
			a.deadline = q.ops[later].ret
		}
	}
	if x.kept != nil {
		if !q.removable(x, forever) {
			return q.someEvidence(x)
		}
		return nil
	}
	for n, a := range q.lost {
		if a.deadline < q.removedAt(n) {
			return append(q.proofLost(x, n, a.deadline), a.later)
		}
	}
	return nil
}

// removedAt is the earliest instant at which a lost item can have been taken.
func (q *fifo) removedAt(n int) int64 {
	if n >= len(q.unknown) {
		return forever
	}
	return q.ops[q.unknown[n]].call
}

// proofLost returns operations that prove that lost item n was in the queue until
// some instant, if the others that prove that something was lost by then are known.
func (q *fifo) proofLost(x excerpt, n int, until int64) (evidence []int32) {
	unknown := sort.Search(len(q.unknown), func(u int) bool { return q.ops[q.unknown[u]].call > until })
	from, latest := until, q.latestDequeues()
	for _, a := range q.lost[max(n-unknown, 0) : n+1] {
		if w := q.enqueue[a.item]; w != none {
			evidence = append(evidence, w)
		}
		since, before := q.removableFrom(x, a.item, latest)
		if before != none {
			evidence = append(evidence, before)
		}
		from = min(from, since)
	}
	return append(evidence, q.doubt.between(x, from, until)...)
}

// latestDequeues returns, by position in byReturn, the dequeue called last of the
// items until there; none.
func (q *fifo) latestDequeues() []int32 {
	latest := make([]int32, len(q.byReturn))
	last := none
	for n, e := range q.byReturn {
		if d := q.taken[e]; d != none && (last == none || q.ops[d].call > q.ops[last].call) {
			last = d
		}
		latest[n] = last
	}
	return latest
}

// removableFrom returns the instant before which an item cannot have been taken:
// that of its enqueue, or of the dequeue of an item that was added before.
func (q *fifo) removableFrom(x excerpt, e int32, latest []int32) (since int64, before int32) {
	n := sort.Search(len(q.byReturn), func(n int) bool { return q.returnedAt(x, q.byReturn[n]) >= q.calledAt(e) })
	if n > 0 && latest[n-1] != none && q.ops[latest[n-1]].call > q.calledAt(e) {
		return q.ops[latest[n-1]].call, latest[n-1]
	}
	return q.calledAt(e), none
}

// someEvidence is evidence of an excerpt of which all is evidence.
func (q *fifo) someEvidence(x excerpt) []int32 { return append([]int32{}, x.ops...) }

// presence is a time at which an item was in the queue for certain, without its
// first and last instant.
type presence struct {
	from, to int64
	item     int32
	lost     int // position in lost; -1
}

// presences returns the times at which items were in the queue, in order of from.
func (q *fifo) presences(x excerpt, lostToo bool) (all []presence) {
	n := 0
	for _, e := range q.byReturn {
		p := presence{from: q.returnedAt(x, e), item: e, lost: -1}
		if d := q.taken[e]; d != none {
			p.to = q.ops[d].call
		} else {
			p.lost, p.to = n, q.removedAt(n)
			n++
		}
		if p.from < p.to && (p.lost < 0 || lostToo) {
			all = append(all, p)
		}
	}
	return all
}

// foundEmpty looks for an operation that found the queue empty when it was not.
func (q *fifo) foundEmpty(x excerpt) []int32 {
	if len(q.empties) == 0 {
		return nil
	}
	if x.kept != nil {
		return q.foundEmptyAmong(x)
	}
	all := q.presences(x, true)
	type stretch struct {
		from, to int64
		first    int
	}
	var stretches []stretch
	for n, p := range all {
		if last := len(stretches) - 1; last >= 0 && p.from < stretches[last].to {
			stretches[last].to = max(stretches[last].to, p.to)
		} else {
			stretches = append(stretches, stretch{p.from, p.to, n})
		}
	}
	for _, i := range q.empties {
		op := &q.ops[i]
		n := sort.Search(len(stretches), func(n int) bool { return stretches[n].from >= op.call }) - 1
		if n >= 0 && stretches[n].to > op.ret {
			return append(q.proofPresent(x, all[stretches[n].first:], op), i)
		}
	}
	return nil
}

// proofPresent returns operations that prove that the queue was not empty while op
// lasted.
func (q *fifo) proofPresent(x excerpt, all []presence, op *checkedOp) (evidence []int32) {
	n, begin := 0, op.call
	for {
		best := -1
		for ; n < len(all) && all[n].from < begin; n++ {
			if best < 0 || all[n].to > all[best].to {
				best = n
			}
		}
		p := all[best]
		if p.lost < 0 {
			evidence = append(evidence, q.taken[p.item])
		} else {
			evidence = append(evidence, q.proofLost(x, p.lost, min(p.to-1, op.ret))...)
		}
		if p.to > op.ret {
			return evidence
		}
		begin = p.to
	}
}
