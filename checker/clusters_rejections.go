package checker

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// periods are those of the values of a register in one of the orders that
// explain an excerpt, but for rejections that do not name the value found.
type periods struct {
	values []int32
	number []int32 // by value
	after  []int64 // by period: the last call of what comes before its observers
	before []int64 // by period: the first return of what comes after them
}

// maxTriedOrders is the number of orders that are tried for rejections.
const maxTriedOrders = 8

// checkNameless checks the rejections that name no value against orders of the
// chains. Where one finds no period, the chain of the value that it expected
// comes as soon as it can in the next order, in place of as late as it can.
func (c *clusters) checkNameless(x excerpt) (evidence []int32, verdict feasibility) {
	early := map[int32]bool{} // by head
	for range maxTriedOrders {
		if !c.findPeriods(x, early) {
			break
		}
		if evidence, verdict = c.checkRejections(x); verdict != unsure {
			return evidence, verdict
		}
		before := len(early)
		for _, v := range c.misfits {
			early[c.headOf(v)] = true
		}
		if len(early) == before {
			break
		}
	}
	return nil, unsure
}

// headOf returns the first value of a chain.
func (c *clusters) headOf(v int32) int32 {
	for v != c.initial && c.ops[c.writer[v]].from != unspecified {
		v = c.ops[c.writer[v]].from
	}
	return v
}

// findPeriods puts the chains into an order: one that can take effect at an
// instant at its first return or, if early, at its last call, but not between the
// two of a chain that must hold on to the register. It verifies the order.
func (c *clusters) findPeriods(x excerpt, early map[int32]bool) bool {
	instant := func(h *chain) int64 {
		if early[h.head] {
			return min(c.firstReturn(x, *h), c.lastCall(*h))
		}
		return c.firstReturn(x, *h)
	}
	if len(early) > 0 {
		slices.SortStableFunc(c.chains, func(g, h chain) int { return cmp.Compare(instant(&g), instant(&h)) })
	}
	p := &c.periods
	p.values = append(p.values[:0], c.initial)
	var holding *chain
	var behind []*chain // it
	release := func() {
		for _, h := range append([]*chain{holding}, behind...) {
			c.addPeriods(h)
		}
		holding, behind = nil, behind[:0]
	}
	for i := range c.chains {
		h := &c.chains[i]
		if holding != nil && instant(h) >= c.lastCall(*holding) {
			release()
		}
		switch {
		case c.firstReturn(x, *h) < c.lastCall(*h):
			if holding != nil {
				release()
			}
			holding = h
		case holding != nil && c.lastCall(*h) > c.firstReturn(x, *holding):
			behind = append(behind, h)
		default:
			c.addPeriods(h)
		}
	}
	if holding != nil {
		release()
	}
	return c.bound(x)
}

func (c *clusters) addPeriods(h *chain) {
	for v := h.head; v != none; v = c.next[v] {
		if v != c.initial {
			c.periods.values = append(c.periods.values, v)
		}
	}
}

// bound finds the bounds of the periods. It reports false if their order leaves no
// instant for an operation.
func (c *clusters) bound(x excerpt) bool {
	p := &c.periods
	if p.number == nil {
		p.number = filled(len(c.states))
	}
	n := len(p.values)
	p.after, p.before = append(p.after[:0], make([]int64, n)...), append(p.before[:0], make([]int64, n)...)
	call := int64(-1)
	for k, v := range p.values {
		p.number[v] = int32(k)
		if v != c.initial {
			if call > c.deadline(x, c.writer[v]) {
				return false
			}
			call = max(call, c.ops[c.writer[v]].call)
		}
		if c.first[v] != none && call > c.deadline(x, c.first[v]) {
			return false
		}
		p.after[k] = call
		if c.last[v] != none {
			call = max(call, c.ops[c.last[v]].call)
		}
	}
	ret := int64(math.MaxInt64)
	for k := n - 1; k >= 0; k-- {
		v := p.values[k]
		p.before[k] = ret
		if c.first[v] != none {
			ret = min(ret, c.deadline(x, c.first[v]))
		}
		if v != c.initial {
			ret = min(ret, c.deadline(x, c.writer[v]))
		}
	}
	return true
}

// placedRejection is a rejection in the period of another value.
type placedRejection struct {
	ret    int64
	period int
}

// checkRejections gives each rejection that names no value the first period of
// another value than it expected, so that none comes after one that was called
// when it had returned.
func (c *clusters) checkRejections(x excerpt) (evidence []int32, verdict feasibility) {
	verdict = possible
	c.misfits = c.misfits[:0]
	first := 0                    // the first period that is left
	var running []placedRejection // the ones that may not have returned
	evidence = c.each(x, func(i int32, known bool) []int32 {
		op := &c.ops[i]
		if !known || op.meaning != rejectedIllegal || op.state != unspecified || op.from < 0 {
			return nil
		}
		left := running[:0]
		for _, r := range running {
			if r.ret < op.call {
				first = max(first, r.period)
			} else {
				left = append(left, r)
			}
		}
		p := &c.periods
		k := max(first, sort.Search(len(p.values), func(k int) bool { return p.before[k] >= op.call }))
		if k < len(p.values) && p.values[k] == op.from {
			k++
		}
		if k < len(p.values) && p.after[k] <= op.ret {
			running = append(left, placedRejection{op.ret, k})
			return nil
		}
		running, verdict = left, unsure
		if !c.needed[op.from] {
			return nil
		}
		if held := c.heldThrough(x, op.from, op); held != nil {
			return append(held, i)
		}
		c.misfits = append(c.misfits, op.from)
		return nil
	})
	if evidence != nil {
		return evidence, impossible
	}
	return nil, verdict
}

// heldThrough returns operations that prove that the register held a value all
// the time that op lasted; none if there are none.
func (c *clusters) heldThrough(x excerpt, v int32, op *checkedOp) []int32 {
	members := append(make([]int32, 0, 3), c.first[v], c.last[v])
	if v != c.initial {
		members = append(members, c.writer[v])
	}
	proof := c.proof(x, v)
	if to := c.next[v]; to != none {
		members, proof = append(members, c.writer[to]), append(proof, c.proof(x, to)...)
	}
	first, last := none, none
	for _, i := range members {
		if i != none {
			first, last = c.earlier(x, first, i), c.later(last, i)
		}
	}
	began := v == c.initial || first != none && c.deadline(x, first) < op.call
	if !began || last == none || op.ret >= c.ops[last].call {
		return nil
	}
	return append(proof, first, last)
}

// later returns the one of two operations that was called last.
func (c *clusters) later(a, b int32) int32 {
	if a == none || c.ops[b].call > c.ops[a].call {
		return b
	}
	return a
}
