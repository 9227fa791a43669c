package checker

import "slices"

// way is a short way to a value.
type way struct {
	moves [maxWay]move
	n     int
	cost  int
	jumps bool // it begins with a blind write, or with the operation itself
}

const (
	maxWay    = 3
	noWay     = 1 << 30
	writeCost = 16
	freeCost  = 8 // of a write that need not take effect any more
	casCost   = 4

	maxChain   = 16 // compare and sets in a row
	maxCleared = 64 // operations that are served before a value that lasts
	missed     = 20 // regret from which a step is not taken in passing
)

// serveRegister goes the cheapest way to a value with which c can take effect. What
// returns while a value must last comes before it.
func (s *scout) serveRegister(c *checkedOp) bool {
	w := s.wayFor(c)
	if w.cost < noWay && !s.clearing && (w.n > 0 || w.jumps) {
		if s.clear(c, w); s.hasTaken(c) {
			return true
		}
		w = s.wayFor(c)
	}
	for range maxWay {
		if w.cost >= noWay {
			return false
		}
		if !w.jumps || !s.flush() {
			break
		}
		if s.hasTaken(c) {
			return true
		}
		w = s.wayFor(c) // it may have had what was taken in passing
	}
	for _, m := range w.moves[:w.n] {
		s.do(m)
	}
	if s.hasTaken(c) {
		return true
	}
	if !s.suits(s.state, c) {
		return false
	}
	if c.meaning == committedStep {
		s.take(s.indexOf(c))
	}
	return true
}

// hasTaken reports whether c, which was in flight, has taken effect.
func (s *scout) hasTaken(c *checkedOp) bool {
	list := s.steps
	if c.readOnly() {
		list = s.observers
	}
	return !slices.ContainsFunc(list, func(f flight) bool { return &s.ops[f.op] == c })
}

// wayFor returns the way to a value with which c can take effect.
func (s *scout) wayFor(c *checkedOp) way {
	switch {
	case s.suits(s.state, c):
		return way{jumps: c.meaning == committedStep && c.from == unspecified}
	case c.meaning == rejectedIllegal && c.state < 0:
		return s.wayOut()
	case c.meaning == rejectedIllegal && c.state == c.from:
		return way{cost: noWay}
	}
	return s.wayTo(s.needs(c), nil)
}

// wayOut returns a way to any other value.
func (s *scout) wayOut() way {
	best := way{cost: noWay}
	leads := func(from, to int32) bool { return to != s.state && (from == unspecified || from == s.state) }
	for _, f := range s.steps {
		if leads(f.from, f.to) && s.fitsAlone(f) {
			best = best.or(way{jumps: f.from == unspecified}, move{f.op, none}, s.price(f))
		}
	}
	for k := int32(0); best.n == 0 && int(k) < len(s.unknown.kinds); k++ {
		if x := &s.unknown.kinds[k]; x.left > 0 && leads(x.from, x.to) {
			best = best.or(way{jumps: x.from == unspecified}, move{none, k}, s.unknown.cost(k))
		}
	}
	return best
}

// fitsAlone reports whether the response of a step tells the value that it made.
func (s *scout) fitsAlone(f flight) bool {
	c := &s.ops[f.op]
	return c.matches(c.to, c.version)
}

// wayTo returns the cheapest way to a value that does not come through some others.
func (s *scout) wayTo(v int32, through []int32) way {
	best := way{cost: noWay}
	switch {
	case v == s.state:
		return way{}
	case v < 0 || len(through) == maxWay:
		return best
	}
	var path [maxWay]int32
	through = append(append(path[:0], through...), v)
	for _, blind := range []bool{true, false} { // these first: they have the shortest ways
		for k := s.unknown.last[v]; k != none; k = s.unknown.kinds[k].next {
			if x := &s.unknown.kinds[k]; x.left > 0 && (x.from == unspecified) == blind {
				best = s.extended(best, x.from, through, move{none, k}, s.unknown.cost(k)+s.whim(k))
			}
		}
		for _, f := range s.steps {
			if f.to == v && (f.from == unspecified) == blind && best.cost > casCost && s.fitsAlone(f) {
				best = s.extended(best, f.from, through, move{f.op, none}, s.price(f))
			}
		}
	}
	return best
}

// extended returns the better of a way and of one that ends with a step from a value.
func (s *scout) extended(best way, from int32, through []int32, m move, cost int) way {
	switch {
	case cost >= best.cost || slices.Contains(through, from):
		return best
	case from == unspecified:
		return best.or(way{jumps: true}, m, cost)
	}
	return best.or(s.wayTo(from, through), m, cost)
}

// or returns the better of a way and of another with a step more.
func (w way) or(other way, m move, cost int) way {
	if other.cost += cost; other.cost >= w.cost {
		return w
	}
	other.moves[other.n] = m
	other.n++
	return other
}

// price returns the cost of a step.
func (s *scout) price(f flight) int {
	cost := casCost
	switch {
	case f.free:
		cost = freeCost
	case f.from == unspecified:
		cost = writeCost
	}
	return cost + s.regret(f) + s.whim(f.op)
}

// flush takes compare and sets that expect the value which is about to be
// overwritten: those that cannot be had later, or will not be missed. It reports
// whether there were any.
func (s *scout) flush() (any bool) {
	for range maxChain {
		at := slices.IndexFunc(s.steps, func(f flight) bool {
			return f.from == s.state && s.fitsAlone(f) && (s.regret(f) < missed || s.others(f.from, none, &s.ops[f.op]) == 0)
		})
		if at < 0 {
			return any
		}
		s.take(s.steps[at].op)
		any = true
	}
	return any
}

// lastChance has a hidden write, which returns, take effect after all if it is of
// use.
func (s *scout) lastChance(c *checkedOp) {
	lasts := s.heldUntil(c.to, s.steps[0].op, maxChain) > 0
	switch {
	case c.to == s.state || !s.wanted(c.to) && !lasts:
		return
	case lasts && !s.clearing:
		s.clear(c, way{})
	case !s.clearing && s.heldUntil(s.state, none, maxChain) > 0:
		return
	}
	s.flush()
	if (lasts || s.wanted(c.to)) && !s.hasTaken(c) {
		s.take(s.indexOf(c))
	}
}

// wanted reports whether an operation in flight needs a value.
func (s *scout) wanted(v int32) bool {
	return slices.ContainsFunc(s.steps, func(f flight) bool { return f.from == v }) ||
		slices.ContainsFunc(s.observers, func(f flight) bool { return s.sees(f, v) })
}

// clear serves what returns while the value must last that c needs, or makes, at the
// end of way w.
func (s *scout) clear(c *checkedOp, w way) {
	v, x := c.to, s.indexOf(c)
	if c.readOnly() {
		if v = c.state; v < 0 {
			return
		}
		x = w.moves[w.n-1].op
	}
	until := s.heldUntil(v, x, maxChain)
	if until == 0 {
		return
	}
	s.clearing = true
	for n := 0; n < maxCleared && s.clearOne(c, v, until); n++ {
	}
	s.clearing = false
}

// clearOne serves an operation that returns before an instant, other than c and those
// that value v serves. It reports false if there is none.
func (s *scout) clearOne(c *checkedOp, v int32, until int64) bool {
	for _, f := range s.observers {
		if o := &s.ops[f.op]; f.ret < until && o != c && !s.sees(f, v) && s.serve(o) {
			return true
		}
	}
	for _, f := range s.steps {
		o := &s.ops[f.op]
		switch {
		case f.ret >= until || o == c:
		case f.from != unspecified:
			if f.from != v && s.fitsAlone(f) && s.serve(o) {
				return true
			}
		case f.to != v && f.to != s.state && s.wanted(f.to) && s.others(f.to, f.op, o) == 0:
			if s.flush(); !s.hasTaken(o) {
				s.take(f.op)
			}
			return true
		}
	}
	return false
}
