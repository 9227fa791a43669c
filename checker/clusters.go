package checker

import (
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// clusters judges a register each of whose values is written by one operation at
// most (Gibbons and Korach, "Testing Shared Memories", 1997, section 4). So each
// observer names its writer, and an order is one of clusters: a write with all
// that observed its value. Compare and sets link clusters to chains, in which one
// follows the other directly. A chain must hold the register from its first
// return to its last call. There is an order if
//
//   - in each chain, no operation returned before the call of one that must
//     come before it,
//   - of two chains, the operations of one need not come both before and after
//     some of the other: with f the first return and s the last call of each, not
//     both f₁ < s₂ and f₂ < s₁.
//
// Writes of unknown outcome took effect if they were observed, and else count as
// never carried out, which loses nothing: they can only be in the way.
//
// A rejection of a compare and set that does not name the value that it found is
// held against the order that results. If it contradicts that and not every
// order, the answer is unsure.
type clusters struct {
	*automaton
	excerpts
	writer []int32 // by value: the operation that may write it; none

	// Of one pass, by value:
	first   []int32 // of the observers: the first to return
	last    []int32 // and the last to be called
	next    []int32 // the value that a compare and set put in its place
	needed  []bool  // it was written
	touched []int32 // values with any of these
	chains  []chain

	nameless bool    // there are rejections that do not name the value found
	periods  periods // in which the register had one value, in the order found
	misfits  []int32 // values that rejections expected which found no period
}

const none int32 = -1

// chain is clusters of which each follows the one before directly.
type chain struct {
	head        int32 // its first value
	first, last int32 // operations: the first to return, none for the initial value; and the last to be called
}

// newClusters returns false if a value may have two writers, or if operations
// make claims that concern no value: of versions, or that contradict themselves.
func newClusters(a *automaton, checked []checkedOp) (*clusters, bool) {
	if !a.isRegister() {
		return nil, false
	}
	c := &clusters{automaton: a, writer: filled(len(a.states))}
	for i := range checked {
		op := &checked[i]
		known := op.meaning != noEffect && op.meaning != unknownStep
		switch {
		case known && op.version != history.NoVersion,
			op.meaning == committedStep && op.state != unspecified && op.state != op.to,
			op.meaning == rejectedIllegal && (op.from == unspecified || op.state == op.from):
			return nil, false
		case op.to == unspecified:
			continue
		case op.to == a.initial || op.from == op.to || c.writer[op.to] != none:
			return nil, false
		}
		c.writer[op.to] = int32(i)
		c.nameless = c.nameless || op.meaning == rejectedIllegal && op.state == unspecified
	}
	c.excerpts = newExcerpts(checked)
	n := len(a.states)
	c.first, c.last, c.next, c.needed = filled(n), filled(n), filled(n), make([]bool, n)
	return c, true
}

// filled returns n times none.
func filled(n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = none
	}
	return list
}

// conflict looks for a contradiction in an excerpt. It returns some of the
// operations that make it; none if some order explains the excerpt.
func (c *clusters) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	c.reset()
	if len(c.returns) == 0 {
		return nil, possible
	}
	for _, pass := range []func(excerpt) []int32{c.observe, c.link, c.order} {
		if evidence = pass(x); evidence != nil {
			return evidence, impossible
		}
	}
	if !c.nameless {
		return nil, possible
	}
	return c.checkNameless(x)
}

func (c *clusters) reset() {
	for _, v := range c.touched {
		c.first[v], c.last[v], c.next[v], c.needed[v] = none, none, none, false
	}
	c.touched, c.chains = c.touched[:0], c.chains[:0]
}

// rankOf returns the rank of the first return of a chain.
func (c *clusters) rankOf(first int32) int32 {
	if first == none {
		return -1
	}
	return c.rank[first]
}

// observe finds the observers of each value, and what was written for certain.
func (c *clusters) observe(x excerpt) []int32 {
	return c.each(x, func(i int32, known bool) []int32 {
		op := &c.ops[i]
		switch {
		case !known:
		case op.meaning == committedStep:
			c.need(op.to)
		case op.readOnly() && op.state != unspecified:
			v := op.state
			c.need(v)
			if c.first[v] == none || c.rank[i] < c.rank[c.first[v]] {
				c.first[v] = i
			}
			if c.last[v] == none || op.call > c.ops[c.last[v]].call {
				c.last[v] = i
			}
		}
		return nil
	})
}

func (c *clusters) need(v int32) {
	if !c.needed[v] {
		c.needed[v] = true
		c.touched = append(c.touched, v)
	}
}

// link joins clusters to chains.
func (c *clusters) link(x excerpt) []int32 {
	c.need(c.initial)
	for at := 0; at < len(c.touched); at++ { // grows
		v := c.touched[at]
		if v == c.initial {
			continue
		}
		w := c.writer[v]
		if w == none || c.ops[w].call > c.ops[c.returns[x.last]].ret {
			return c.proof(x, v)
		}
		op := &c.ops[w]
		if c.known(x, w) && op.meaning != committedStep {
			return append(c.proof(x, v), w)
		}
		if op.from == unspecified {
			continue
		}
		if other := c.next[op.from]; other != none {
			return append(c.proof(x, v), c.proof(x, other)...)
		}
		c.need(op.from)
		c.next[op.from] = v
	}
	return nil
}

// proof returns operations that prove that a value was written.
func (c *clusters) proof(x excerpt, v int32) (ops []int32) {
	for range len(c.touched) + 1 { // a chain may be a ring
		if w := c.writer[v]; v != c.initial && w != none && c.known(x, w) {
			ops = append(ops, w)
		}
		if c.first[v] != none {
			return append(ops, c.first[v])
		}
		if len(ops) > 0 || c.next[v] == none {
			return ops
		}
		v = c.next[v]
	}
	return ops
}

// order checks each chain for itself, and each against the others.
func (c *clusters) order(x excerpt) []int32 {
	clusters := 0
	for _, v := range c.touched {
		if v != c.initial && c.ops[c.writer[v]].from != unspecified {
			continue
		}
		n, evidence := c.addChain(x, v)
		if evidence != nil {
			return evidence
		}
		clusters += n
	}
	if clusters < len(c.touched) {
		return c.ring(x)
	}
	slices.SortFunc(c.chains, func(g, h chain) int { return int(c.rankOf(g.first) - c.rankOf(h.first)) })
	latest := 0 // the chain with the last call
	for i, h := range c.chains {
		if i == 0 {
			continue
		}
		if l := c.chains[latest]; c.firstReturn(x, h) < c.lastCall(l) && c.firstReturn(x, l) < c.lastCall(h) {
			return c.evidence(x, l, h)
		}
		if c.lastCall(h) > c.lastCall(c.chains[latest]) {
			latest = i
		}
	}
	return nil
}

// ring returns evidence of compare and sets of which each needs another to come
// first.
func (c *clusters) ring(x excerpt) (evidence []int32) {
	inChain := map[int32]bool{}
	for _, h := range c.chains {
		for v := h.head; v != none; v = c.next[v] {
			inChain[v] = true
		}
	}
	for _, v := range c.touched {
		if !inChain[v] {
			evidence = append(evidence, c.proof(x, v)...)
		}
	}
	return evidence
}

// addChain adds the chain that begins with a value, and returns the number of its
// clusters.
func (c *clusters) addChain(x excerpt, head int32) (n int, evidence []int32) {
	h := chain{head: head, first: none, last: none}
	latest, value := none, head // the last call so far, and its value
	follow := func(i, v int32) bool {
		if latest != none && c.ops[latest].call > c.deadline(x, i) {
			evidence = c.chainEvidence(x, value, latest, v, i)
			return false
		}
		return true
	}
	call := func(i, v int32) {
		if latest == none || c.ops[i].call > c.ops[latest].call {
			latest, value = i, v
		}
	}
	for v := head; v != none; v = c.next[v] {
		n++
		if w := c.writer[v]; v != c.initial {
			if !follow(w, v) {
				return n, evidence
			}
			call(w, v)
			h.first = c.earlier(x, h.first, w)
		}
		if c.first[v] != none {
			if !follow(c.first[v], v) {
				return n, evidence
			}
			call(c.last[v], v)
			h.first = c.earlier(x, h.first, c.first[v])
		}
	}
	if h.last = latest; head == c.initial {
		h.first = none // before all others
	}
	if head != c.initial || latest != none {
		c.chains = append(c.chains, h)
	}
	return n, nil
}

// earlier returns the one of two operations that returned first.
func (c *clusters) earlier(x excerpt, a, b int32) int32 {
	if a == none || !c.returned(x, a) || c.returned(x, b) && c.rank[b] < c.rank[a] {
		return b
	}
	return a
}

// chainEvidence returns the operations of a chain of which one returned before
// the call of another that must come before it, and those that link the two.
func (c *clusters) chainEvidence(x excerpt, v, called, to, returned int32) []int32 {
	evidence := append(c.proof(x, v), called, returned)
	for ; v != to; v = c.next[v] {
		evidence = append(evidence, c.proof(x, c.next[v])...)
	}
	return append(evidence, c.proof(x, to)...)
}

// evidence returns the operations that make two chains contradict each other.
func (c *clusters) evidence(x excerpt, chains ...chain) (evidence []int32) {
	for _, h := range chains {
		if h.first != none {
			evidence = append(evidence, h.first)
		}
		evidence = append(evidence, h.last)
		for v := h.head; v != none; v = c.next[v] {
			if v != c.initial || c.first[v] != none {
				evidence = append(evidence, c.proof(x, v)...)
			}
		}
	}
	return evidence
}

func (c *clusters) firstReturn(x excerpt, h chain) int64 {
	if h.first == none {
		return -1
	}
	return c.deadline(x, h.first)
}

func (c *clusters) lastCall(h chain) int64 { return c.ops[h.last].call }
