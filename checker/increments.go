package checker

import (
	"container/heap"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// increments judges a counter to which one number alone is added, besides 0. So
// its state is how many adds took effect, and grows. What tells a number comes
// between two of them: an add that tells the sum is the add of that position, and
// the others must be given positions. The numbers told divide the positions into
// spans, each with the time that it can have been in. There is an order if
//
//   - nothing told a number before the call of what told a smaller one,
//   - each known add has a position while it lasted: the one that returns first
//     takes the first, which is best (Jackson's rule; Glover, "Maximum Matching in
//     a Convex Bipartite Graph", 1967),
//   - by the return of what told a number, as many adds were called.
//
// The second leaves positions to adds of unknown outcome, the third has enough for
// all. Together they suffice, since a matching that covers the adds and one that
// covers the positions make one that covers both (Mendelsohn and Dulmage, 1958).
//
// With several numbers the question is whether some of them add up to another,
// which is NP-complete.
type increments struct {
	excerpts
	count    []int64 // by operation: the number of adds that it tells; untold
	byCount  []int32 // operations that tell it, in order of that number; adds first
	adds     []int32 // operations that may count, in order of call
	adding   []bool  // by operation: it is one of these
	impaired []bool  // by operation: it tells what cannot be

	// Of one pass:
	rejected []int32 // known adds without effect
	free     []int32 // known adds that tell nothing
	spans    []span
}

const untold = math.MinInt64

// span is positions that are alike: those after one number that was told, up to
// another.
type span struct {
	count    int64 // the last position
	vacant   int64 // positions for adds that tell nothing
	told     int32 // the add that tells count; none
	observer int32 // of the reads of count: the first to return; none
	late     int32 // and the last to be called; none
	after    int32 // what told less: the last to be called; none
	before   int32 // what told no less: the first to return
	beyond   int64 // adds called by then that tell more
	placed   []int32
}

// newIncrements returns false if several numbers are added.
func newIncrements(m machine) (shaped, bool) {
	begun, isNumber := m.object.states[m.initial].(int64)
	if !isNumber {
		return nil, false
	}
	ops := m.claimedOps()
	n := &increments{count: make([]int64, len(ops)), adding: make([]bool, len(ops)), impaired: make([]bool, len(ops))}
	unit := int64(0)
	for i := range ops {
		if ops[i].op.Kind != history.KindAdd {
			continue
		}
		added, _ := strconv.ParseInt(ops[i].op.Argument, 10, 64)
		switch {
		case added == 0 && ops[i].op.State == "":
			ops[i].meaning = noEffect
		case added == 0:
			if ops[i].meaning == committedStep {
				ops[i].meaning = committedRead
			}
		case unit != 0 && added != unit:
			return nil, false
		default:
			unit = added
			n.adds = append(n.adds, int32(i))
			n.adding[i] = true
		}
	}
	if limit := int64(math.MaxInt64/2) / int64(len(ops)+1); unit < -limit || unit > limit || begun < -math.MaxInt64/2 || begun > math.MaxInt64/2 {
		return nil, false // it may wrap
	}
	for i := range ops {
		n.count[i] = untold
		if ops[i].op.State == "" || ops[i].meaning != committedStep && ops[i].meaning != committedRead {
			continue
		}
		told, _ := strconv.ParseInt(ops[i].op.State, 10, 64)
		n.count[i], n.impaired[i] = countOf(told, begun, unit)
		if ops[i].meaning == committedStep && n.count[i] <= 0 {
			n.impaired[i] = true
		}
		n.byCount = append(n.byCount, int32(i))
	}
	slices.SortStableFunc(n.byCount, func(i, j int32) int {
		if n.count[i] != n.count[j] {
			return compare(n.count[i], n.count[j])
		}
		return int(ops[i].meaning) - int(ops[j].meaning) // committedStep, committedRead
	})
	n.excerpts = newExcerpts(ops)
	return n, true
}

// countOf returns the number of adds that lead to a number, or that none does.
func countOf(told, begun, unit int64) (count int64, impossible bool) {
	if unit == 0 {
		return 0, told != begun
	}
	apart := told - begun
	if (told < begun) != (apart < 0) { // it wrapped
		return 0, true
	}
	return max(apart/unit, 0), apart%unit != 0 || apart/unit < 0
}

// conflict is a conflictFinder.
func (n *increments) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	for _, pass := range []func(excerpt) []int32{n.gather, n.divide, n.place, n.suffice} {
		if evidence = pass(x); evidence != nil {
			return evidence, impossible
		}
	}
	return nil, possible
}

// gather finds the adds that tell nothing.
func (n *increments) gather(x excerpt) []int32 {
	n.rejected, n.free = n.rejected[:0], n.free[:0]
	return n.each(x, func(i int32, known bool) []int32 {
		switch op := &n.ops[i]; {
		case !known:
		case n.impaired[i]:
			return []int32{i}
		case !n.adding[i]:
		case op.meaning == noEffect:
			n.rejected = append(n.rejected, i)
		case op.meaning == committedStep && n.count[i] == untold:
			n.free = append(n.free, i)
		}
		return nil
	})
}

// telling returns the known operations that tell a number, in order of it.
func (n *increments) telling(x excerpt) []int32 {
	if x.ops == nil {
		return n.byCount
	}
	ops := slices.DeleteFunc(slices.Clone(x.ops), func(i int32) bool { return n.count[i] == untold })
	slices.SortStableFunc(ops, func(i, j int32) int {
		if n.count[i] != n.count[j] {
			return compare(n.count[i], n.count[j])
		}
		return int(n.ops[i].meaning) - int(n.ops[j].meaning)
	})
	return ops
}

// divide makes the spans, and holds what told numbers against time.
func (n *increments) divide(x excerpt) []int32 {
	n.spans = n.spans[:0]
	latest := none // the last call so far
	for _, i := range n.telling(x) {
		if !n.known(x, i) {
			continue
		}
		last := len(n.spans) - 1
		if last < 0 || n.spans[last].count != n.count[i] {
			n.spans = append(n.spans, n.newSpan(i, latest))
			last++
		}
		s := &n.spans[last]
		switch {
		case n.ops[i].meaning == committedRead:
			if s.observer == none || n.rank[i] < n.rank[s.observer] {
				s.observer = i
			}
			if s.late == none || n.ops[i].call > n.ops[s.late].call {
				s.late = i
			}
			if s.told != none && n.ops[s.told].call > n.ops[i].ret {
				return []int32{s.told, i}
			}
		case s.told != none:
			return []int32{s.told, i}
		default:
			s.told = i
			s.vacant--
		}
		if s.after != none && n.ops[s.after].call > n.ops[i].ret {
			return []int32{s.after, i}
		}
		if latest == none || n.ops[i].call > n.ops[latest].call {
			latest = i
		}
	}
	n.bound()
	return nil
}

func (n *increments) newSpan(i, latest int32) span {
	s := span{count: n.count[i], vacant: n.count[i], told: none, observer: none, late: none, after: latest, before: none}
	if last := len(n.spans) - 1; last >= 0 {
		s.vacant -= n.spans[last].count
	}
	return s
}

// bound sets for each span what told no less and returned first, and how many adds
// tell more.
func (n *increments) bound() {
	before := none
	for k := len(n.spans) - 1; k >= 0; k-- {
		s := &n.spans[k]
		for _, i := range []int32{s.told, s.observer} {
			if i != none && (before == none || n.rank[i] < n.rank[before]) {
				before = i
			}
		}
		s.before = before
	}
	change := make([]int64, len(n.spans)+1)
	for k := range n.spans {
		if told := n.spans[k].told; told != none {
			first := sort.Search(k, func(j int) bool { return n.ops[n.spans[j].before].ret >= n.ops[told].call })
			change[first]++
			change[k]--
		}
	}
	beyond := int64(0)
	for k := range n.spans {
		beyond += change[k]
		n.spans[k].beyond = beyond
	}
}

// byRank is a heap of operations: the first to return is the first.
type byRank struct {
	ops  []int32
	rank []int32
}

func (h *byRank) Len() int           { return len(h.ops) }
func (h *byRank) Less(i, j int) bool { return h.rank[h.ops[i]] < h.rank[h.ops[j]] }
func (h *byRank) Swap(i, j int)      { h.ops[i], h.ops[j] = h.ops[j], h.ops[i] }
func (h *byRank) Push(i any)         { h.ops = append(h.ops, i.(int32)) }
func (h *byRank) Pop() any {
	last := len(h.ops) - 1
	i := h.ops[last]
	h.ops = h.ops[:last]
	return i
}

// place gives each known add that tells nothing a position.
func (n *increments) place(_ excerpt) []int32 {
	waiting, next := &byRank{rank: n.rank}, 0
	overdue := func(k int, after int32) []int32 {
		if len(waiting.ops) > 0 && after != none && n.ops[waiting.ops[0]].ret < n.ops[after].call {
			return n.crowded(k, waiting.ops[0], after)
		}
		return nil
	}
	for k := range n.spans {
		s := &n.spans[k]
		for ; next < len(n.free) && n.ops[n.free[next]].call <= n.ops[s.before].ret; next++ {
			heap.Push(waiting, n.free[next])
		}
		if evidence := overdue(k, s.after); evidence != nil {
			return evidence
		}
		s.placed = s.placed[:0]
		for int64(len(s.placed)) < s.vacant && len(waiting.ops) > 0 {
			s.placed = append(s.placed, heap.Pop(waiting).(int32))
		}
	}
	last := none // what told a number: the last call
	for k := range n.spans {
		for _, i := range []int32{n.spans[k].told, n.spans[k].late} {
			if i != none && (last == none || n.ops[i].call > n.ops[last].call) {
				last = i
			}
		}
	}
	for ; next < len(n.free); next++ {
		heap.Push(waiting, n.free[next])
	}
	return overdue(len(n.spans), last)
}

// crowded returns the adds that had to have positions before span k, and are one too
// many for those since some span before.
func (n *increments) crowded(k int, i, after int32) []int32 {
	evidence := []int32{i, after}
	for k--; k >= 0; k-- {
		s := &n.spans[k]
		later := func(j int32) bool { return n.rank[j] > n.rank[i] }
		if int64(len(s.placed)) < s.vacant || slices.ContainsFunc(s.placed, later) {
			return append(evidence, s.before)
		}
		evidence = append(evidence, s.placed...)
		if s.told != none {
			evidence = append(evidence, s.told)
		}
	}
	return evidence
}

// suffice looks for a number that is larger than that of the adds called by then.
func (n *increments) suffice(_ excerpt) []int32 {
	rejected := 0
	for k, s := range n.spans {
		until := n.ops[s.before].ret
		for rejected < len(n.rejected) && n.ops[n.rejected[rejected]].call <= until {
			rejected++
		}
		called := sort.Search(len(n.adds), func(at int) bool { return n.ops[n.adds[at]].call > until })
		if int64(called)-int64(rejected)-s.beyond < s.count {
			return n.tooFew(k, rejected)
		}
	}
	return nil
}

// tooFew returns what told the number of span k, or a larger one, too soon, and the
// adds that cannot count.
func (n *increments) tooFew(k, rejected int) []int32 {
	before := n.spans[k].before
	evidence := append([]int32{before}, n.rejected[:rejected]...)
	for _, s := range n.spans[k:] {
		if s.told != none && s.count > n.count[before] && n.ops[s.told].call <= n.ops[before].ret {
			evidence = append(evidence, s.told)
		}
	}
	return evidence
}
