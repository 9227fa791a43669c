package checker

// lookahead has, by state, the operations that need it, and the steps that lead to
// it, both in order of call. So it tells how much a step will be missed.
type lookahead struct{ needs, makes byState }

// byState lists operations by state, in order of call.
type byState struct {
	start []int32 // by state: where its operations begin
	ops   []int32
	next  []int32 // by state: the first that is not called yet
}

func newLookahead(a *automaton, checked []checkedOp) lookahead {
	return lookahead{newByState(a, checked, a.needs), newByState(a, checked, a.makes)}
}

func newByState(a *automaton, checked []checkedOp, state func(*checkedOp) int32) byState {
	b := byState{start: make([]int32, len(a.states)+1), next: make([]int32, len(a.states))}
	for i := range checked {
		if v := state(&checked[i]); v >= 0 {
			b.start[v+1]++
		}
	}
	for v := range a.states {
		b.start[v+1] += b.start[v]
	}
	b.ops = make([]int32, b.start[len(a.states)])
	copy(b.next, b.start)
	for i := range checked {
		if v := state(&checked[i]); v >= 0 {
			b.ops[b.next[v]] = int32(i)
			b.next[v]++
		}
	}
	copy(b.next, b.start)
	return b
}

// yet returns the operations of a state that are not called yet.
func (b *byState) yet(v int32) []int32 { return b.ops[b.next[v]:b.start[v+1]] }

// needs returns the state that c needs to take effect; none if several will do.
func (a *automaton) needs(c *checkedOp) int32 {
	switch {
	case c.readOnly() && c.state >= 0:
		return c.state
	case c.meaning == committedStep && a.isRegister() && c.from >= 0:
		return c.from
	}
	return none
}

// makes returns the state that c leads to; none if it is no step.
func (a *automaton) makes(c *checkedOp) int32 {
	if c.meaning == committedStep || c.meaning == unknownStep {
		return max(c.to, none)
	}
	return none
}

// look goes on past the call of an operation, or back.
func (s *scout) look(c *checkedOp, by int32) {
	if c.ret == forever {
		s.endless += int(by)
	}
	if v := s.needs(c); v >= 0 {
		s.lookahead.needs.next[v] += by
	}
	if v := s.makes(c); v >= 0 {
		s.lookahead.makes.next[v] += by
	}
}

// Limits of the operations that are considered of one state.
const (
	regretted = 6
	awaited   = 64
	plenty    = 3
)

// scarcity is the cost of a step that an operation needs, by the number of other
// steps that would do.
var scarcity = [plenty + 1]int{60, 12, 3, 0}

// regret returns how much step f will be missed: by operations that are called before
// it returns, and before the next step to the same state.
func (s *scout) regret(f flight) (regret int) {
	if s.unknown.has(f.to) {
		return 0
	}
	before := min(f.ret, s.nextMaker(f.to, f.op)-1)
	for n, i := range s.lookahead.needs.yet(f.to) {
		c := &s.ops[i]
		if n == regretted || c.call > before {
			break
		}
		regret += scarcity[s.others(f.to, f.op, c)]
	}
	return regret
}

// nextMaker returns when the next step to v is called, other than x.
func (s *scout) nextMaker(v, x int32) int64 {
	for _, i := range s.lookahead.makes.yet(v) {
		if i != x {
			return s.ops[i].call
		}
	}
	return forever
}

// others returns how many steps other than x lead to v while c lasts; plenty if there
// are more.
func (s *scout) others(v, x int32, c *checkedOp) (others int) {
	for _, f := range s.steps {
		if f.to == v && f.op != x && f.ret >= c.call && !s.overlooks(f.op) {
			others++
		}
	}
	for _, i := range s.lookahead.makes.yet(v) {
		if others >= plenty || s.ops[i].call > c.ret {
			break
		}
		if i != x && !s.overlooks(i) {
			others++
		}
	}
	return min(others, plenty)
}

// overlooks reports whether a step does not count, as it does now and then in
// trouble.
func (s *scout) overlooks(i int32) bool { return s.trouble%3 == 2 && s.random(^i)%12 == 0 }

// heldUntil returns until when the value v must last once it is there: until the call
// of the last operation that needs it and to which no step but x leads; 0 if there is
// none. Compare and sets that need it lead on to other values, at most depth of them.
func (s *scout) heldUntil(v, x int32, depth int) (until int64) {
	if v < 0 || depth == 0 || s.unknown.has(v) {
		return 0
	}
	for _, f := range s.steps {
		if f.from == v && f.op != x && s.others(v, x, &s.ops[f.op]) == 0 {
			return s.heldUntil(f.to, f.op, depth-1)
		}
	}
	next := s.nextMaker(v, x)
	for n, i := range s.lookahead.needs.yet(v) {
		c := &s.ops[i]
		if n == awaited || c.call >= next {
			break
		}
		if s.others(v, x, c) > 0 {
			continue
		}
		if until = max(until, c.call); c.meaning == committedStep {
			return max(until, s.heldUntil(c.to, i, depth-1))
		}
	}
	return until
}
