package checker

import (
	"math/bits"
	"slices"
)

// lead is the knowledge of a scout about the pilots that lead it through trouble.
type lead struct {
	leader *pilot        // that led last
	kept   map[int32]int // by kind: the unknown steps that it does not know of

	firstMade []int64 // for its disproofs, as of a linearizer
	stages    []stage
	ahead     int // number of events that the next pilot leads on beyond the trouble
	begun     int // number of steps that had taken effect before the leader began
	ledTo     int // the event to which the last one led; the scout does not try again those before
}

// stage is a scout before a pilot leads it.
type stage struct {
	position
	state            int32
	steps, observers []flight
	order            []effect // the steps that took effect without the pilot, from one on
	begun            int      // of that number
	used             []int32  // kinds of unknown steps that the pilot used, one by one
}

const (
	leadersShare = 4 // of memory: a quarter

	maxAhead = 1 << 14
	rounds   = 8 // of pilots, each from farther back, and trying harder

	mostUseful = 256 // values, where most are of use
)

// adapt makes pilots lead on the farther, the sooner there is trouble again.
func (s *scout) adapt(at int) {
	if s.ledTo > 0 && at < s.ledTo+4*s.ahead {
		s.ahead = min(2*s.ahead, maxAhead)
	} else {
		s.ahead = max(s.ahead/2, s.life/2)
	}
}

// beLed has a pilot lead through the trouble, from some events before it. It reports
// false if there is no use in going on.
func (s *scout) beLed() bool {
	if s.overtaken() {
		return false
	}
	round := s.trouble/s.patience - 1
	p := s.leader
	if s.leader = nil; p != nil && round == 0 && s.until < s.ledTo+4*s.life {
		s.undoTo(s.ledTo)
	} else {
		s.undoTo(min(s.until, s.events.index()) - s.life<<round)
		p = s.newLeader()
	}
	p.most = 1 + round + bits.Len(uint(s.ahead/s.life)) // a long way is worth more trouble
	inTime := s.leadOn(p, s.until+s.ahead)
	switch {
	case p.current.stopped:
		return false
	case p.disproof != nil:
		s.leader = p
		return false
	case p.impossible() || !inTime:
		return round < rounds
	}
	s.followPilot(p)
	s.leader, s.trouble, s.ledTo = p, 0, s.events.index()
	clear(s.urgent)
	return true
}

// disproved reports whether the leader has found a contradiction without a premise.
func (s *scout) disproved() bool { return s.leader != nil && s.leader.disproof != nil }

// madeFirst returns by state when a step to it was first called. A rejected one counts: it
// had not been rejected before it returned.
func (a *automaton) madeFirst(checked []checkedOp) []int64 {
	first := slices.Repeat([]int64{forever}, len(a.states))
	for i := range checked {
		if c := &checked[i]; c.to >= 0 {
			first[c.to] = min(first[c.to], c.call)
		}
	}
	return first
}

// newLeader returns a pilot that begins here, with the scout's configuration. What
// took effect in it counts as taken, not as gone, so that a disproof can doubt it.
func (s *scout) newLeader() *pilot {
	l := newLinearizer(s.ctx, s.automaton, false, s.memory/leadersShare/8)
	p := &pilot{machine: s.machine, current: l, events: new(*s.events), partial: true, width: firstWidth, stride: s.life / 4, open: s.open()}
	p.setEffort()
	l.narrowed, l.firstMade, l.effects = true, s.firstMade, newEffects()
	l.configurations.recorded = true
	s.begun = len(s.order)
	inFlight := s.inFlight()
	for _, i := range inFlight {
		l.call(&s.ops[i])
	}
	row := make([]uint64, l.configurations.stride())
	row[rowState] = uint64(s.state)
	for _, i := range inFlight {
		s.mark(l, row, i)
	}
	useful := s.useful()
	s.kept = map[int32]int{}
	for i, k := range s.unknown.kinds {
		if useful[k.to] {
			op := unknownOf(k.from, k.to)
			op.number = k.first
			l.kinds = append(l.kinds, unknownKind{op: op, called: uint64(k.called)})
			row = append(row, uint64(k.called-k.left))
		} else {
			l.spentKinds = append(l.spentKinds, spentKind{k.from, k.to, uint64(k.called)})
			s.kept[int32(i)] = k.left
		}
	}
	l.configurations.kinds = len(l.kinds)
	l.configurations.reset(&l.configurations)
	l.configurations.add(row)
	return p
}

// open returns the number of operations in flight that return.
func (s *scout) open() int { return s.events.called - s.endless - s.events.ended }

// inFlight returns these, in order of return.
func (s *scout) inFlight() (ops []int32) {
	for _, i := range s.events.returns[s.events.ended:] {
		if len(ops) == s.open() {
			break
		}
		if int(i) < s.events.called {
			ops = append(ops, i)
		}
	}
	return ops
}

// mark marks an operation in flight in a row if it took effect.
func (s *scout) mark(l *linearizer, row []uint64, i int32) {
	c := &s.ops[i]
	slot := int32(slices.Index(l.slots, c))
	list := s.steps
	if c.readOnly() {
		list = s.observers
	}
	at := slices.IndexFunc(list, func(f flight) bool { return f.op == i })
	if slot < 0 || at >= 0 && !list[at].free {
		return
	}
	set(row, slot)
	if at < 0 {
		set(row, l.twin(slot))
	}
}

// useful returns the states that operations need while a pilot leads, and those from
// which unknown steps lead to them. All others would make rows long.
func (s *scout) useful() map[int32]bool {
	useful := map[int32]bool{}
	end := min(len(s.ops), s.events.called+(s.until+8*s.life+s.ahead-s.events.index()))
	for i := max(0, s.events.called-s.life); i < end; i++ {
		c := &s.ops[i]
		switch v := s.needs(c); {
		case !s.isRegister():
			useful[c.to] = true
		case v >= 0:
			useful[v] = true
		case c.meaning == rejectedIllegal && len(useful) < mostUseful: // any other value will do
			useful[c.to] = true
		}
	}
	for _, k := range s.unknown.kinds {
		if useful[k.to] && k.from >= 0 && k.left > 0 {
			useful[k.from] = true
		}
	}
	if !s.isRegister() {
		for v := range s.states {
			useful[int32(v)] = true
		}
	}
	return useful
}

// followPilot goes on where a pilot has come to.
func (s *scout) followPilot(p *pilot) {
	l := p.current
	best := l.mostPromising()
	s.stages = append(s.stages, stage{position: s.events.position, state: s.state, steps: slices.Clone(s.steps), observers: slices.Clone(s.observers)})
	s.orderAsLed(l.effects.path(l.configurations.lastOf(best)))
	s.note(led, int32(len(s.stages)-1))
	for ; s.events.called < p.events.called; s.events.called++ {
		c := &s.ops[s.events.called]
		if s.look(c, 1); c.meaning == unknownStep {
			s.unknown.call(c)
		}
	}
	s.events.position = p.events.position
	row := l.configurations.row(best)
	s.state = int32(row[rowState])
	s.useAsLed(l, row)
	s.steps, s.observers = nil, nil
	for _, i := range s.inFlight() {
		c := &s.ops[i]
		slot := int32(slices.Index(l.slots, c))
		f := flight{ret: c.ret, op: i, from: c.from, to: c.to}
		switch {
		case slot < 0: // it has no effect
		case c.readOnly() && !has(row, slot):
			s.observers = append(s.observers, f)
		case !c.readOnly() && !has(row, l.twin(slot)):
			f.free = has(row, slot)
			s.steps = append(s.steps, f)
		}
	}
}

// orderAsLed has the steps of a pilot take the place of those that took effect since it
// began. One that led before, and goes on, may have come another way.
func (s *scout) orderAsLed(path []effect) {
	old, same := s.order[s.begun:], 0
	for same < len(old) && same < len(path) && old[same] == path[same] {
		same++
	}
	stage := &s.stages[len(s.stages)-1]
	stage.begun, stage.order = s.begun+same, slices.Clone(old[same:])
	s.order = append(s.order[:stage.begun], path[same:]...)
}

// useAsLed uses the unknown steps that a configuration has used: of the kinds that were
// dropped all, but for those that the pilot did not know of.
func (s *scout) useAsLed(l *linearizer, row []uint64) {
	total := map[int32]int{}
	for _, k := range l.spentKinds {
		op := unknownOf(k.from, k.to)
		total[s.unknown.kind(&op)] += int(k.called)
	}
	for k, n := range row[rowBits+l.configurations.sets:] {
		total[s.unknown.kind(&l.kinds[k].op)] += int(n)
	}
	stage := &s.stages[len(s.stages)-1]
	for k := range s.unknown.kinds {
		kind := &s.unknown.kinds[k]
		for used := total[int32(k)] - s.kept[int32(k)]; kind.called-kind.left < used; kind.left-- {
			stage.used = append(stage.used, int32(k))
		}
	}
}

// unlead undoes the work of a pilot.
func (s *scout) unlead() {
	last := len(s.stages) - 1
	stage := s.stages[last]
	s.stages = s.stages[:last]
	for _, k := range stage.used {
		s.unknown.kinds[k].left++
	}
	for s.events.called > stage.called {
		if c := s.uncall(); c.meaning == unknownStep {
			kind := &s.unknown.kinds[s.unknown.kind(c)]
			kind.called--
			kind.left--
		}
	}
	s.order = append(s.order[:stage.begun], stage.order...)
	s.events.position, s.state, s.steps, s.observers = stage.position, stage.state, stage.steps, stage.observers
}
