package checker

import "math"

// replay puts the operations of a history into an order, given the steps that took
// effect and when. It adds the others: observers are placed as soon as they are
// true; a blind write that was hidden, just before the one that hid it.
type replay struct {
	*automaton
	ops       []checkedOp
	state     int32
	order     []int32 // hidden writes that took effect themselves later are in it twice: the second counts
	observers []int32 // in flight, and not true so far
	writes    []int32 // blind ones in flight that are not placed
	unknown   map[[2]int32][]int32
}

// ordered returns the order of operations to which steps that took effect lead. It
// proves nothing: explainedBy tells whether it is an order that explains the history.
func (a *automaton) ordered(checked []checkedOp, steps []effect) []int32 {
	r := &replay{automaton: a, ops: checked, state: a.initial, order: make([]int32, 0, len(checked)), unknown: map[[2]int32][]int32{}}
	source := newEvents(checked)
	for e, more := source.next(); more; e, more = source.next() {
		if !e.ret {
			r.call(e.c, int32(source.called-1))
		}
		for ; len(steps) > 0 && int(steps[0].at) == source.index(); steps = steps[1:] {
			r.step(steps[0].op)
		}
	}
	return lastOfEach(r.order, len(checked))
}

func (r *replay) call(c *checkedOp, i int32) {
	switch {
	case c.readOnly():
		r.observers = append(r.observers, i)
		r.observe()
	case c.meaning == unknownStep:
		kind := [2]int32{c.from, c.to}
		r.unknown[kind] = append(r.unknown[kind], i)
	case c.meaning == committedStep && r.isBlind(c):
		r.writes = append(r.writes, i)
	}
}

// isBlind reports whether c's step is legal in any state.
func (r *replay) isBlind(c *checkedOp) bool { return r.isRegister() && c.from == unspecified }

// step places an operation; of unknown ones of a kind the first that was called.
func (r *replay) step(i int32) {
	c := &r.ops[i]
	if c.meaning == unknownStep {
		kind := [2]int32{c.from, c.to}
		if len(r.unknown[kind]) > 0 {
			i, r.unknown[kind] = r.unknown[kind][0], r.unknown[kind][1:]
		}
	}
	if r.isBlind(c) {
		r.order = append(r.order, r.writes...)
		r.writes = r.writes[:0]
	}
	r.order = append(r.order, i)
	r.state = c.to
	r.observe()
}

// observe places the observers that are true.
func (r *replay) observe() {
	waiting := r.observers[:0]
	for _, i := range r.observers {
		if c := &r.ops[i]; r.holdsIn(r.state, c.version, c) {
			r.order = append(r.order, i)
		} else {
			waiting = append(waiting, i)
		}
	}
	r.observers = waiting
}

// lastOfEach returns a list with the last of equal items only. They are less than n.
func lastOfEach(list []int32, n int) []int32 {
	seen, at := make([]bool, n), len(list)
	for k := len(list) - 1; k >= 0; k-- {
		if i := list[k]; !seen[i] {
			seen[i] = true
			at--
			list[at] = i
		}
	}
	return list[at:]
}

// explainedBy reports whether an order explains a history: each operation that took
// effect for certain is in it once, none before its call or after its return if they
// take effect one after the other, and each step and response is as the specification
// has it. It relies on nothing but that specification, so it is a proof.
func (a *automaton) explainedBy(checked []checkedOp, order []int32) bool {
	placed, now, at := make([]bool, len(checked)), a.start(), int64(math.MinInt64)
	for _, i := range order {
		c := &checked[i]
		if at = max(at, c.call); placed[i] || at > c.ret || c.meaning == noEffect {
			return false
		}
		placed[i] = true
		var fits bool
		if now, fits = a.step(now, c); !fits {
			return false
		}
	}
	for i := range checked {
		if c := &checked[i]; !placed[i] && (c.readOnly() || c.meaning == committedStep && !c.optional) {
			return false
		}
	}
	return true
}
