package checker

import (
	"slices"
	"sort"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// holds judges a lock by the times for which clients held it: from an acquire to
// the next release of the same client, as clients are sequential. A hold is a
// cluster in the sense of Gibbons and Korach (1997, section 4): with first return f
// and last call s of its two operations, two holds contradict each other if both f₁ < s₂
// and f₂ < s₁, and if no two do there is an order.
//
// Where a client acquires twice without a release between, one of unknown outcome
// must have taken effect there, the first called that is left; and so for a release
// without an acquire, and for a refused release of a client that holds the lock.
// Those that are left over may divide a hold, or hold the lock between two others,
// which explains refused acquires. There, an order is found if the search comes upon
// one, and is unsure otherwise.
type holds struct {
	excerpts
	clients  [][]int32 // the operations of each, in order of call
	touching bool      // a client has two operations of which the order is not known
	acquires doubtful

	// Of one pass:
	newest  bool // of the operations of unknown outcome the last called are used first
	all     []hold
	refused []int32   // acquires that found the lock held
	spare   []spares  // by client: operations that may have taken effect, and need not
	denied  [][]int32 // by client: releases that found the lock not theirs
}

// hold is a time for which a client held the lock.
type hold struct {
	client           int
	acquire, release instantOf
	firm             bool // it cannot be divided
}

// instantOf is the bounds of the instant of an operation.
type instantOf struct {
	op       int32 // none: it never took place
	from, to int64
}

func (h *hold) first() int64 { return min(h.acquire.to, h.release.to) }
func (h *hold) last() int64  { return max(h.acquire.from, h.release.from) }

// contradicts reports whether two holds cannot be one after the other.
func (h *hold) contradicts(g *hold) bool { return h.first() < g.last() && g.first() < h.last() }

// newHolds returns false if a client has operations that overlap.
func newHolds(m machine) (shaped, bool) {
	ops := m.claimedOps()
	l := &holds{}
	number, last := map[int]int{}, []int32(nil)
	for i := range ops {
		c, known := number[ops[i].op.Client]
		if !known {
			c = len(l.clients)
			number[ops[i].op.Client] = c
			l.clients, last = append(l.clients, nil), append(last, none)
		}
		l.clients[c] = append(l.clients[c], int32(i))
		if ops[i].ret == forever || ops[i].meaning == noEffect {
			continue
		}
		if before := last[c]; before != none {
			if ops[before].ret > ops[i].call {
				return nil, false
			}
			l.touching = l.touching || ops[before].ret == ops[i].call
		}
		last[c] = int32(i)
	}
	l.excerpts = newExcerpts(ops)
	l.acquires = newDoubtful(&l.excerpts, history.KindAcquire)
	l.spare, l.denied = make([]spares, len(l.clients)), make([][]int32, len(l.clients))
	return l, true
}

// conflict is a conflictFinder.
func (l *holds) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	evidence, verdict = l.decide(x)
	if verdict == impossible && l.touching {
		return nil, unsure
	}
	return evidence, verdict
}

// decide looks for an order first with the last called of the operations of unknown
// outcome, as a client rarely waits long for one; and then with the first called, which
// are good for most, and so prove that there is none.
func (l *holds) decide(x excerpt) (evidence []int32, verdict feasibility) {
	l.newest = true
	if x.kept == nil && l.gather(x) == nil && l.arrange() {
		return nil, possible
	}
	l.newest = false
	if evidence = l.gather(x); evidence != nil {
		return evidence, impossible
	}
	if pairs := l.conflicts(true); len(pairs) > 0 {
		return l.proofOf(x, pairs[0]), impossible
	}
	if x.kept == nil {
		if l.arrange() {
			return nil, possible
		}
		l.gather(x)
	}
	if evidence = l.unheld(x); evidence != nil {
		return evidence, impossible
	}
	if x.kept != nil {
		return nil, possible
	}
	return nil, unsure
}

// spares is operations of one client that may have taken effect, by kind.
type spares struct{ acquires, releases spareList }

// spareList is operations of one kind, in order of call.
type spareList struct {
	all     []spare
	next    int  // those before are used
	endless bool // none of them ends
	newest  bool // the last called is used first
}

type spare struct {
	instantOf
	used   bool
	before int // of one that is used: where to look for one called before that is not
}

func (l *spareList) add(i instantOf) {
	l.all = append(l.all, spare{instantOf: i, before: len(l.all) - 1})
}

// find returns one that can have taken effect at some instant of a time; nil if there
// is none. It is the first to end, and of those that do not end the first called; or
// else, if newest, the last called.
func (l *spareList) find(from, to int64) (best *spare) {
	if l.newest {
		return l.latest(to)
	}
	for l.next < len(l.all) && l.all[l.next].used {
		l.next++
	}
	for k := l.next; k < len(l.all) && l.all[k].from <= to; k++ {
		s := &l.all[k]
		if !s.used && s.to >= from && (best == nil || s.to < best.to) {
			if best = s; l.endless {
				break
			}
		}
	}
	return best
}

// take uses what it finds.
func (l *spareList) take(from, to int64) *spare {
	best := l.find(from, to)
	if best != nil {
		best.used = true
	}
	return best
}

// latest returns the last called by an instant.
func (l *spareList) latest(to int64) *spare {
	k := l.calledBy(to) - 1
	for ; k >= 0 && l.all[k].used; k = l.all[k].before {
		if at := l.all[k].before; at >= 0 && l.all[at].used {
			l.all[k].before = l.all[at].before // the path gets shorter
		}
	}
	if k < 0 {
		return nil
	}
	return &l.all[k]
}

func (l *spareList) calledBy(to int64) int {
	return sort.Search(len(l.all), func(k int) bool { return l.all[k].from > to })
}

// gather finds the holds of all clients that take part.
func (l *holds) gather(x excerpt) []int32 {
	l.all, l.refused = l.all[:0], l.refused[:0]
	of := map[int]bool{}
	for _, i := range x.ops {
		of[l.ops[i].op.Client] = true
	}
	for c, ops := range l.clients {
		if x.ops != nil && !of[l.ops[ops[0]].op.Client] {
			continue
		}
		if evidence := l.follow(x, c); evidence != nil {
			return evidence
		}
	}
	return nil
}

// follow goes through the operations of one client.
func (l *holds) follow(x excerpt, c int) []int32 {
	known, s := l.sort(x, c)
	l.denied[c] = l.denied[c][:0]
	var open *hold
	before := int64(-1) // the call of its last operation that tells whether it held the lock
	for at, i := range known {
		op := &l.ops[i]
		acquires := op.op.Kind == history.KindAcquire
		if acquires && op.meaning == rejectedIllegal {
			l.refused = append(l.refused, i) // whoever held it
			continue
		}
		if released := acquires || op.meaning == rejectedIllegal; released && open != nil {
			r := s.releases.take(open.acquire.from, op.ret)
			if r == nil {
				return l.proofOfSequence(x, c, known[:at+1], &s.releases)
			}
			open.release = instantOf{r.op, max(r.from, open.acquire.from), min(r.to, op.ret)}
			l.close(open, s)
			open = nil
		}
		switch {
		case acquires:
			open = &hold{client: c, acquire: instantOf{i, op.call, op.ret}}
		case op.meaning == rejectedIllegal:
			l.denied[c] = append(l.denied[c], i)
		default:
			if open == nil {
				a := s.acquires.take(before, op.ret)
				if a == nil {
					return l.proofOfSequence(x, c, known[:at+1], &s.acquires)
				}
				open = &hold{client: c, acquire: instantOf{a.op, max(a.from, before), min(a.to, op.ret)}}
			}
			open.release = instantOf{i, op.call, op.ret}
			l.close(open, s)
			open = nil
		}
		before = op.call
	}
	if open != nil {
		open.release = instantOf{none, forever, forever}
		if r := s.releases.take(open.acquire.from, forever); r != nil {
			open.release = instantOf{r.op, max(r.from, open.acquire.from), forever} // or never
		}
		l.close(open, s)
	}
	return nil
}

// sort divides the operations of a client into those that are known and those that
// may have taken effect.
func (l *holds) sort(x excerpt, c int) (known []int32, s *spares) {
	until := l.ops[l.returns[x.last]].ret
	s = &l.spare[c]
	s.acquires = spareList{all: s.acquires.all[:0], endless: x.kept == nil, newest: l.newest}
	s.releases = spareList{all: s.releases.all[:0], endless: x.kept == nil, newest: l.newest}
	for _, i := range l.clients[c] {
		op := &l.ops[i]
		switch {
		case op.call > until:
			return known, s
		case l.known(x, i):
			if op.meaning != noEffect {
				known = append(known, i)
			}
		case op.op.Kind == history.KindAcquire:
			s.acquires.add(instantOf{i, op.call, l.deadline(x, i)})
		default:
			s.releases.add(instantOf{i, op.call, l.deadline(x, i)})
		}
	}
	return known, s
}

// close adds a hold. It is firm if no spare operations can divide it.
func (l *holds) close(h *hold, s *spares) {
	h.firm = s.acquires.find(h.acquire.from, h.release.to) == nil || s.releases.find(h.acquire.from, h.release.to) == nil
	l.all = append(l.all, *h)
}

// proofOfSequence returns the operations of a client of which the last is
// impossible, given some that may have taken effect between.
func (l *holds) proofOfSequence(x excerpt, c int, known []int32, between *spareList) []int32 {
	last := known[len(known)-1]
	from := int64(-1)
	if len(between.all) == 0 {
		for _, i := range known[:len(known)-1] {
			if l.ops[i].meaning == committedStep {
				from = l.ops[i].call
			}
		}
	}
	return l.knownOf(x, c, from, l.ops[last].ret)
}

// knownOf returns the known operations of a client that lasted at some
// instant of a time.
func (l *holds) knownOf(x excerpt, c int, from, to int64) (ops []int32) {
	for _, i := range l.clients[c] {
		if l.ops[i].call <= to && l.known(x, i) && l.ops[i].ret >= from {
			ops = append(ops, i)
		}
	}
	return ops
}

// conflicts returns pairs of holds that cannot be one after the other; if firm, one
// pair of holds that cannot be divided.
func (l *holds) conflicts(firm bool) (pairs [][2]int) {
	var order []int
	for n := range l.all {
		if !firm || l.all[n].firm {
			order = append(order, n)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return compare(l.all[a].first(), l.all[b].first()) })
	last := -1
	for _, n := range order {
		h := &l.all[n]
		if last >= 0 {
			if h.contradicts(&l.all[last]) {
				pairs = append(pairs, [2]int{last, n})
				if firm {
					return pairs
				}
			}
		}
		if last < 0 || h.last() > l.all[last].last() {
			last = n
		}
	}
	return pairs
}

// proofOf returns the operations that prove that two holds contradict each other.
func (l *holds) proofOf(x excerpt, pair [2]int) (evidence []int32) {
	g, h := &l.all[pair[0]], &l.all[pair[1]]
	return append(l.proofOfHold(x, g, h.first()), l.proofOfHold(x, h, g.first())...)
}

// proofOfHold returns the operations that prove that a client held the lock, until
// its release, or an instant if that is not known.
func (l *holds) proofOfHold(x excerpt, h *hold, to int64) []int32 {
	if r := h.release.op; r != none && l.known(x, r) {
		to = h.release.to
	}
	from, s := h.acquire.from, &l.spare[h.client]
	if s.acquires.calledBy(to) > 0 && s.releases.calledBy(to) > 0 {
		from = -1 // others tell where these took effect
	}
	return l.knownOf(x, h.client, from, to)
}

// unheld returns evidence that the lock was free while an acquire was refused.
func (l *holds) unheld(x excerpt) []int32 {
	slices.SortFunc(l.all, func(g, h hold) int { return compare(g.acquire.from, h.acquire.from) })
	freed := make([]int, len(l.all)) // the hold until there that was released last
	until := make([]int64, len(l.all))
	for n, h := range l.all {
		freed[n], until[n] = n, h.release.to
		if n > 0 && l.all[freed[n-1]].release.from >= h.release.from {
			freed[n] = freed[n-1]
		}
		if n > 0 {
			until[n] = max(until[n], until[n-1])
		}
	}
	for _, i := range l.refused {
		op, free := &l.ops[i], int64(-1)
		n := sort.Search(len(l.all), func(n int) bool { return l.all[n].acquire.from > op.ret })
		if n > 0 {
			free = l.all[freed[n-1]].release.from
		}
		if (n == 0 || until[n-1] < op.call) && len(l.acquires.candidates(x, free, op.ret, 1)) == 0 {
			return append(l.proofUnheld(x, free, op), i)
		}
	}
	return nil
}

// proofUnheld returns the operations that prove that the lock was free from an instant
// on, while op lasted.
func (l *holds) proofUnheld(x excerpt, free int64, op *checkedOp) []int32 {
	evidence := l.acquires.between(x, free, op.ret)
	for _, h := range l.all {
		if h.release.to < op.call && h.release.to >= free && h.release.op != none {
			evidence = append(evidence, h.acquire.op, h.release.op)
		}
	}
	return evidence
}
