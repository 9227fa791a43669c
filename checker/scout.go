package checker

import (
	"context"
	"slices"
)

// scout walks through the events of one automaton without versions with a single
// configuration, and with all operations before its eyes. What must take effect
// when it returns is reached by the cheapest way through the steps in flight; what a
// step costs is how much it will be missed, see lookahead. At a dead end the scout
// undoes the last events and tries them again with other costs; if that does not
// help a pilot leads on for a while.
//
// All that it does is legal, so the end of the history is a proof. A dead end
// proves nothing.
type scout struct {
	machine
	ctx       context.Context
	memory    int64
	ops       []checkedOp
	events    *events
	lookahead lookahead

	state     int32
	steps     []flight // in flight, and not taken, in order of return
	observers []flight // in flight, and not true so far, in order of return
	unknown   stock
	endless   int // operations called that do not return
	clearing  bool

	order   []effect // the steps that took effect
	journal []entry
	trouble int            // dead ends since the last trouble was over
	until   int            // the event at which it is
	urgent  map[int32]bool // operations that came to a dead end
	nodes   []node         // scratch of a search for a way
	lead

	life     int // number of events in which most operations return
	patience int // dead ends in a row after which a pilot leads
	rivalry
}

// flight is an operation in flight.
type flight struct {
	ret      int64
	op       int32
	from, to int32
	free     bool // a blind write that another has hidden: it need not take effect any more
}

// scoutedFrom is the number of operations from which a scout goes ahead. In shorter
// histories a pilot finds out as soon.
const scoutedFrom = 512

const (
	life       = 256
	patience   = 24
	triedAgain = 48      // number of events that are undone at first
	maxJournal = 1 << 20 // entries
)

// scouted judges m if a scout finds an order, or a pilot on its way a disproof. If not it
// returns a pilot that judges m, and that has perhaps come some way.
func (m machine) scouted(ctx context.Context, checked []checkedOp, o Options) (r Result, p *pilot, decided bool) {
	if m.object != nil || len(checked) < scoutedFrom || hasVersions(checked) || !m.hasChoice(checked) {
		return Result{}, newPilot(ctx, m, checked, o.Memory), false
	}
	s := newScout(ctx, m, checked, o.Memory)
	switch {
	case s.run() && s.explains():
		return Result{Status: Linearizable}, nil, true
	case s.disproved():
		return m.violation(s.leader.refute(), o), nil, true
	case s.rival == nil:
		s.rival = newPilot(ctx, m, checked, o.Memory)
	}
	return Result{}, s.rival, false
}

// hasChoice reports whether a scout can choose well. In a machine without unknown steps
// every step must be taken once, so there is little to spare.
func (m machine) hasChoice(checked []checkedOp) bool {
	return m.isRegister() || slices.ContainsFunc(checked, func(c checkedOp) bool { return c.meaning == unknownStep })
}

// explains reports whether the steps that took effect lead to an order that explains
// the history.
func (s *scout) explains() bool { return s.explainedBy(s.ops, s.ordered(s.ops, s.order)) }

func newScout(ctx context.Context, m machine, checked []checkedOp, memory int64) *scout {
	s := &scout{
		machine: m, ctx: ctx, memory: memory, ops: checked, events: newEvents(checked), lookahead: newLookahead(m.automaton, checked),
		state: m.initial, unknown: newStock(m.automaton), urgent: map[int32]bool{}, lead: lead{ahead: life / 2},
		life: life, patience: patience, rivalry: rivalry{free: freeWork * len(checked)},
	}
	s.firstMade = m.madeFirst(checked)
	return s
}

// run reports whether it came to the end.
func (s *scout) run() bool {
	for {
		if s.trouble > 0 && s.events.index() > s.until+s.life {
			s.trouble = 0
			clear(s.urgent)
		}
		e, more := s.events.next()
		switch {
		case !more:
			return true
		case !e.ret:
			s.call(int32(s.events.called-1), e.c)
		case !s.end(s.events.returns[s.events.ended-1], e.c) && !s.goBack():
			return false
		}
	}
}

// call processes the call of operation i.
func (s *scout) call(i int32, c *checkedOp) {
	s.look(c, 1)
	f := flight{ret: c.ret, op: i, from: c.from, to: c.to}
	switch {
	case c.meaning == noEffect, c.readOnly() && s.holdsIn(s.state, c.version, c):
		s.note(skipped, i)
	case c.meaning == unknownStep:
		s.note(stocked, s.unknown.call(c))
	case c.readOnly():
		s.observers = insertFlight(s.observers, f)
		s.note(called, i)
	default:
		s.steps = insertFlight(s.steps, f)
		s.note(called, i)
	}
	if s.urgent[i] && c.meaning == committedStep && c.matches(c.to, c.version) {
		s.serve(c)
	}
}

// insertFlight inserts f in order of return.
func insertFlight(list []flight, f flight) []flight {
	at := len(list)
	for at > 0 && (list[at-1].ret > f.ret || list[at-1].ret == f.ret && list[at-1].op > f.op) {
		at--
	}
	return slices.Insert(list, at, f)
}

// end has operation i, which returns, take effect if it has not. It reports
// whether that is possible.
func (s *scout) end(i int32, c *checkedOp) bool {
	s.note(returned, i)
	switch {
	case c.readOnly():
		return len(s.observers) == 0 || s.observers[0].op != i || s.serve(c)
	case len(s.steps) == 0 || s.steps[0].op != i:
		return true
	case s.steps[0].free:
		s.lastChance(c)
		if len(s.steps) > 0 && s.steps[0].op == i {
			s.steps = slices.Delete(s.steps, 0, 1)
			s.note(leftFree, i)
		}
		return true
	}
	return c.matches(c.to, c.version) && s.serve(c)
}

// serve goes the cheapest way to a state in which c can take effect, and has it take
// effect. It reports whether there is a way.
func (s *scout) serve(c *checkedOp) bool {
	if s.isRegister() {
		return s.serveRegister(c)
	}
	return s.serveMachine(c)
}

// take has a step in flight take effect.
func (s *scout) take(i int32) {
	at := slices.IndexFunc(s.steps, func(f flight) bool { return f.op == i })
	f := s.steps[at]
	s.steps = slices.Delete(s.steps, at, at+1)
	if f.free {
		s.note(leftFree, i)
	} else {
		s.note(left, i)
	}
	s.move(i, f.from, f.to)
}

// use has an unknown step of a kind take effect.
func (s *scout) use(k int32) {
	kind := &s.unknown.kinds[k]
	kind.left--
	s.note(used, k)
	s.move(kind.first, kind.from, kind.to)
}

// move changes the state by the step of an operation. Observers of the new one take
// effect at once.
func (s *scout) move(op, from, to int32) {
	if s.isRegister() && from == unspecified {
		s.hide()
	}
	s.note(moved, s.state)
	s.order = append(s.order, effect{op, int32(s.events.index())})
	s.state = to
	s.observers = slices.DeleteFunc(s.observers, func(f flight) bool {
		sees := s.sees(f, to)
		if sees {
			s.note(left, f.op)
		}
		return sees
	})
}

// hide notes that the blind writes in flight may have taken effect just before
// another: they need not any more.
func (s *scout) hide() {
	for i := range s.steps {
		if f := &s.steps[i]; f.from == unspecified && !f.free && s.fitsAlone(*f) {
			f.free = true
			s.note(hidden, f.op)
		}
	}
}

// sees reports whether an observer is true of a state.
func (s *scout) sees(f flight, state int32) bool {
	c := &s.ops[f.op]
	return s.holdsIn(state, c.version, c)
}

// goBack leaves a dead end: it undoes the last events, and has a pilot lead now and
// then. It reports false if it gives up.
func (s *scout) goBack() bool {
	at := s.events.index()
	s.urgent[s.events.returns[s.events.ended-1]] = true
	s.until = max(s.until, at)
	if s.trouble++; s.trouble == 1 {
		s.adapt(at)
	}
	if s.trouble%s.patience == 0 {
		return s.ctx.Err() == nil && s.beLed()
	}
	s.undoTo(max(at-triedAgain*(1+s.trouble/4), min(s.ledTo, at-1)))
	return true
}

// random returns a number that depends on an operation and on how often it was
// tried.
func (s *scout) random(i int32) int {
	h := (uint64(i) + 1) * 0x9e3779b97f4a7c15 * uint64(2*s.trouble+1)
	h ^= h >> 31
	h *= 0xbf58476d1ce4e5b9
	return int((h ^ h>>29) >> 40)
}

// whim is an addition to the cost of a step in trouble, so that the way is another
// each time.
func (s *scout) whim(i int32) int {
	if s.trouble%3 == 0 {
		return 0
	}
	return s.random(i) % (4 + 4*min(s.trouble, 8))
}
