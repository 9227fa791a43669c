package checker

import (
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// growingSet judges a set from which nothing is removed. Each element has one
// instant, that of the first add that took effect, or never. What tells that an
// element is there comes after it; what tells that it is not, before. So reads of
// the whole set are in order of size, each contains those before it, and an element
// comes between the last read without it and the first with it. There is one order
// to hold against time: going through it, each element gets the earliest instant
// that its adds allow, which is the best for all that follows.
type growingSet struct {
	excerpts
	begun   []bool    // by element: it was there at first
	first   int       // number of these
	element []int32   // by operation; none: it is a read
	told    [][]int32 // by operation: the elements that it read; each once
	twice   []bool    // by operation: it read an element twice, or one that nothing adds
	adds    [][]int32 // by element: the operations that add it, in order of call

	// Of one pass:
	reads   []int32 // in order of size
	touched []int32 // elements that an operation is about
	seen    []elementBounds
}

// elementBounds is what holds the instant of an element.
type elementBounds struct {
	touched bool
	level   int32 // the group of reads of equal size that has it first; -1: at first; none read: see unread
	absent  int32 // of the operations that found it absent: the last to be called; none
	present int32 // of the operations that found it present, or added it: the first to return; none
	made    int32 // the add that says it was the first; none
}

const unread int32 = 1<<31 - 1

// newGrowingSet returns false if an element is removed.
func newGrowingSet(m machine) (shaped, bool) {
	begun, isList := m.object.states[m.initial].([]string)
	if !isList || slices.ContainsFunc(m.operations, func(op *history.Operation) bool { return op.Kind == history.KindRemove }) {
		return nil, false
	}
	ops := m.claimedOps()
	s := &growingSet{element: filled(len(ops)), told: make([][]int32, len(ops)), twice: make([]bool, len(ops)), first: len(begun)}
	number := map[string]int32{}
	numberOf := func(text string) int32 {
		n, known := number[text]
		if !known {
			n = int32(len(number))
			number[text] = n
			s.begun, s.adds = append(s.begun, int(n) < len(begun)), append(s.adds, nil)
		}
		return n
	}
	for _, text := range begun {
		numberOf(text)
	}
	for i := range ops {
		if ops[i].op.Kind == history.KindRead {
			continue
		}
		e := numberOf(ops[i].op.Argument)
		if s.element[i] = e; ops[i].op.Kind == history.KindAdd {
			s.adds[e] = append(s.adds[e], int32(i))
		}
	}
	for i := range ops {
		if ops[i].op.Kind == history.KindRead && ops[i].meaning == committedRead {
			s.readAll(i, ops[i].op.State, number)
		}
	}
	s.excerpts = newExcerpts(ops)
	s.seen = make([]elementBounds, len(s.begun))
	for e := range s.seen {
		s.seen[e] = s.unbound(int32(e))
	}
	return s, true
}

// readAll notes the elements that an operation read.
func (s *growingSet) readAll(i int, list string, number map[string]int32) {
	items, _ := history.Items(list)
	for _, item := range items {
		e, known := number[item]
		if !known {
			s.twice[i] = true
			return
		}
		s.told[i] = append(s.told[i], e)
	}
	sorted := slices.Sorted(slices.Values(s.told[i]))
	s.twice[i] = len(slices.Compact(sorted)) < len(s.told[i])
}

func (s *growingSet) unbound(e int32) elementBounds {
	b := elementBounds{level: unread, absent: none, present: none, made: none}
	if s.begun[e] {
		b.level = -1
	}
	return b
}

// conflict is a conflictFinder.
func (s *growingSet) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	for _, pass := range []func(excerpt) []int32{s.gather, s.nest, s.order} {
		if evidence = pass(x); evidence != nil {
			return evidence, impossible
		}
	}
	return nil, possible
}

// gather finds the bounds of each element, and the reads.
func (s *growingSet) gather(x excerpt) []int32 {
	for _, e := range s.touched {
		s.seen[e] = s.unbound(e)
	}
	s.touched, s.reads = s.touched[:0], s.reads[:0]
	return s.each(x, func(i int32, known bool) []int32 {
		op := &s.ops[i]
		if !known || op.meaning == noEffect {
			return nil
		}
		if op.op.Kind == history.KindRead {
			s.reads = append(s.reads, i)
			if s.twice[i] {
				return []int32{i}
			}
			return nil
		}
		b := s.touch(s.element[i])
		switch adds := op.op.Kind == history.KindAdd; {
		case adds && op.op.State == "true":
			if b.made != none {
				return []int32{b.made, i}
			}
			b.made = i
			s.observe(b, i, true)
		case op.op.State == "false" && !adds:
			s.observe(b, i, false)
		default:
			s.observe(b, i, true)
		}
		return nil
	})
}

func (s *growingSet) touch(e int32) *elementBounds {
	b := &s.seen[e]
	if !b.touched {
		b.touched = true
		s.touched = append(s.touched, e)
	}
	return b
}

// observe notes that an operation comes after the instant of an element, or before.
func (s *growingSet) observe(b *elementBounds, i int32, present bool) {
	switch {
	case present && (b.present == none || s.rank[i] < s.rank[b.present]):
		b.present = i
	case !present && (b.absent == none || s.ops[i].call > s.ops[b.absent].call):
		b.absent = i
	}
}

// nest sorts the reads by size, and finds for each element the first that has it.
func (s *growingSet) nest(_ excerpt) []int32 {
	slices.SortStableFunc(s.reads, func(i, j int32) int { return len(s.told[i]) - len(s.told[j]) })
	size, before := s.first, none // of the set so far, and the read that told it
	for at, i := range s.reads {
		held := 0
		for _, e := range s.told[i] {
			if s.seen[e].level < int32(at) {
				held++
			}
		}
		switch {
		case held < size && before == none:
			return []int32{i}
		case held < size:
			return []int32{before, i}
		}
		for _, e := range s.told[i] {
			if b := s.touch(e); b.level == unread {
				b.level = int32(at)
			}
		}
		size, before = len(s.told[i]), i
	}
	return nil
}

// bound is an instant before which something cannot have happened, and why.
type bound struct {
	at     int64
	reason int32 // operation; none
	before *bound
}

func (b *bound) evidence() (evidence []int32) {
	for ; b != nil; b = b.before {
		if b.reason != none {
			evidence = append(evidence, b.reason)
		}
	}
	return evidence
}

// order goes through reads and elements in their order, and gives each the earliest
// instant.
func (s *growingSet) order(x excerpt) []int32 {
	base := &bound{at: -1, reason: none} // of all that comes next
	byLevel := slices.Clone(s.touched)
	slices.SortStableFunc(byLevel, func(e, f int32) int { return int(s.seen[e].level) - int(s.seen[f].level) })
	next := 0
	for ; next < len(byLevel) && s.seen[byLevel[next]].level < 0; next++ {
		if b := s.seen[byLevel[next]]; b.absent != none || b.made != none {
			return []int32{max(b.absent, b.made)}
		}
	}
	for from := 0; from <= len(s.reads); {
		latest := base // of the elements of the level
		for level := int32(from); next < len(byLevel) && (s.seen[byLevel[next]].level == level || from == len(s.reads)); next++ {
			at, evidence := s.place(x, byLevel[next], base)
			if evidence != nil {
				return evidence
			}
			if at != nil && at.at > latest.at {
				latest = at
			}
		}
		if from == len(s.reads) {
			return nil
		}
		to := from
		for ; to < len(s.reads) && len(s.told[s.reads[to]]) == len(s.told[s.reads[from]]); to++ {
			if i := s.reads[to]; s.ops[i].ret < latest.at {
				return append(latest.evidence(), i)
			}
		}
		base = s.after(s.reads[from:to], base, latest)
		from = to
	}
	return nil
}

// after returns the bound of what comes after some reads, before which came base
// and latest.
func (s *growingSet) after(reads []int32, base, latest *bound) *bound {
	if latest != base {
		base = &bound{at: latest.at, reason: reads[0], before: latest}
	}
	for _, i := range reads {
		if s.ops[i].call > base.at {
			base = &bound{at: s.ops[i].call, reason: i}
		}
	}
	return base
}

// place gives an element the earliest instant from base on; nil if it need never
// have been added.
func (s *growingSet) place(x excerpt, e int32, base *bound) (at *bound, evidence []int32) {
	b := &s.seen[e]
	if b.absent != none && s.ops[b.absent].call > base.at {
		base = &bound{at: s.ops[b.absent].call, reason: b.absent}
	}
	if b.present == none && b.level == unread {
		return nil, nil
	}
	witness := b.present // that it was added
	if b.level != unread && (witness == none || s.rank[s.reads[b.level]] < s.rank[witness]) {
		witness = s.reads[b.level]
	}
	at, excluded := s.earliest(x, e, base)
	if at == nil {
		return nil, append(append(base.evidence(), excluded...), witness)
	}
	if b.present != none && s.ops[b.present].ret < at.at {
		return nil, append(append(at.evidence(), excluded...), b.present)
	}
	return at, nil
}

// earliest returns the earliest instant from base on at which an add can have been
// the first of its element; and the known ones that were not.
func (s *growingSet) earliest(x excerpt, e int32, base *bound) (at *bound, excluded []int32) {
	b := &s.seen[e]
	found, first := int64(forever), none
	for _, i := range s.adds[e] {
		op := &s.ops[i]
		known := s.known(x, i)
		switch {
		case op.call > s.ops[s.returns[x.last]].ret:
		case b.made != none && i != b.made: // it says that it was the first
		case known && (op.meaning == noEffect || op.op.State == "false"):
			excluded = append(excluded, i)
		case max(op.call, base.at) <= s.deadline(x, i) && max(op.call, base.at) < found:
			found, first = max(op.call, base.at), i
		}
	}
	switch {
	case b.made != none:
		excluded = append(excluded, b.made)
	case len(excluded) == 0 && first != none && found == base.at:
		return base, nil
	}
	if first == none {
		return nil, excluded
	}
	at = base
	for _, i := range excluded {
		at = &bound{at: found, reason: i, before: at}
	}
	return &bound{at: found, reason: none, before: at}, excluded
}
