package checker

import "slices"

// entry is a change that a scout made, to be undone.
type entry struct {
	change change
	arg    int32
}

type change uint8

const (
	called   change = iota // an operation, which is in flight now
	skipped                // an operation that is not: it took effect at once, or has no effect
	stocked                // an unknown step of a kind
	returned               // an operation
	left                   // an operation that took effect
	leftFree               // a hidden blind write that took effect, or returned without
	hidden                 // a blind write
	used                   // an unknown step of a kind
	moved                  // from a state
	led                    // by a pilot, from a stage
)

func (s *scout) note(c change, arg int32) {
	if len(s.journal) == maxJournal {
		s.journal = slices.Delete(s.journal, 0, maxJournal/2)
	}
	s.journal = append(s.journal, entry{c, arg})
}

// undoTo undoes events until there were so many, or as many as the journal has.
func (s *scout) undoTo(index int) {
	for s.events.index() > index && len(s.journal) > 0 {
		last := len(s.journal) - 1
		e := s.journal[last]
		s.journal = s.journal[:last]
		s.undo(e.change, e.arg)
	}
}

func (s *scout) undo(c change, i int32) {
	switch c {
	case called:
		s.uncall()
		s.steps, s.observers = without(s.steps, i), without(s.observers, i)
	case skipped:
		s.uncall()
	case stocked:
		s.uncall()
		s.unknown.kinds[i].left--
		s.unknown.kinds[i].called--
	case returned:
		s.events.ended--
	case left, leftFree:
		op := &s.ops[i]
		f := flight{ret: op.ret, op: i, from: op.from, to: op.to, free: c == leftFree}
		if op.readOnly() {
			s.observers = insertFlight(s.observers, f)
		} else {
			s.steps = insertFlight(s.steps, f)
		}
	case hidden:
		s.steps[slices.IndexFunc(s.steps, func(f flight) bool { return f.op == i })].free = false
	case used:
		s.unknown.kinds[i].left++
	case moved:
		s.state = i
		s.order = s.order[:len(s.order)-1]
	case led:
		s.unlead()
	}
}

// uncall undoes the last call, but for its operation.
func (s *scout) uncall() *checkedOp {
	s.events.called--
	c := &s.ops[s.events.called]
	s.look(c, -1)
	return c
}

func without(list []flight, i int32) []flight {
	return slices.DeleteFunc(list, func(f flight) bool { return f.op == i })
}
