package checker

// distances tells for each state how many steps it takes at least to one in which
// an operation can take effect, with the steps in flight and the unknown ones:
// each may be taken again and again, so it may take more, but not fewer.
type distances struct {
	to    []int32 // by state; stale where round is another
	round []uint32
	now   uint32
	any   int32 // from every state: by a blind write
}

const unreachable = int32(1 << 30)

// measure sets the distances to operation c.
func (l *linearizer) measure(c *checkedOp) {
	d := &l.distances
	if n := len(l.states) - len(d.to); n > 0 {
		d.to, d.round = append(d.to, make([]int32, n)...), append(d.round, make([]uint32, n)...)
	}
	d.now++
	d.any = unreachable
	l.aim(c)
	for changed := true; changed; {
		changed = false
		for _, s := range l.steps {
			changed = l.relax(s.c) || changed
		}
		for k := range l.kinds {
			changed = l.relax(&l.kinds[k].op) || changed
		}
	}
}

// aim sets distance 0: the states in which c can take effect.
func (l *linearizer) aim(c *checkedOp) {
	d := &l.distances
	switch {
	case c.meaning == committedRead && c.state == unspecified, c.meaning == committedStep && l.isRegister() && c.from == unspecified, c.meaning == rejectedIllegal && l.isRegister():
		d.any = 0
	case c.meaning == committedRead && c.state >= 0:
		d.set(c.state, 0)
	case c.meaning == committedRead:
	case l.isRegister():
		if c.from >= 0 {
			d.set(c.from, 0)
		}
	default:
		for s := range l.states {
			if l.allows(int32(s), c) == (c.meaning == committedStep) {
				d.set(int32(s), 0)
			}
		}
	}
}

func (d *distances) set(state, n int32) { d.to[state], d.round[state] = n, d.now }

// from returns the distance from a state.
func (d *distances) from(state int32) int32 {
	if state >= 0 && d.round[state] == d.now {
		return min(d.to[state], d.any)
	}
	return d.any
}

// relax reports whether step c makes a distance shorter.
func (l *linearizer) relax(c *checkedOp) (changed bool) {
	d := &l.distances
	if c.to < 0 {
		return false
	}
	n := d.from(c.to) + 1
	switch {
	case n > unreachable:
	case !l.isRegister():
		for s := range l.states {
			if l.legal[s*len(l.states)+int(c.to)] && n < d.from(int32(s)) {
				d.set(int32(s), n)
				changed = true
			}
		}
	case c.from == unspecified:
		if n < d.any {
			d.any, changed = n, true
		}
	case c.from >= 0 && n < d.from(c.from):
		d.set(c.from, n)
		changed = true
	}
	return changed
}

// tooFar reports whether step c leads to a state from which there is no way on, or
// only a long way round.
func (l *linearizer) tooFar(state int32, c *checkedOp) bool {
	if l.object != nil {
		return false
	}
	n := l.distances.from(c.to)
	if l.width > 0 && n+1 > l.distances.from(state)+l.slack {
		l.narrowed = l.narrowed || n < unreachable
		return true
	}
	return n == unreachable
}
