package checker

import (
	"context"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// checkClusters judges m as clusters, if it can decide m by them.
func (m machine) checkClusters(ctx context.Context, checked []checkedOp, o Options) (r Result, decided bool) {
	c, fit := newClusters(m.automaton, checked)
	if !fit {
		return Result{}, false
	}
	evidence, verdict := c.conflict(excerpt{last: int32(len(c.returns) - 1)})
	switch verdict {
	case possible:
		return Result{Status: Linearizable}, true
	case unsure:
		return Result{}, false
	}
	last, ok := c.culprit(ctx, evidence, c.conflict)
	if !ok {
		return Result{}, false
	}
	d := &clusterProof{clusters: c, until: last}
	r = Result{Status: Violated, Machine: m.name, Culprit: new(*d.claim().op)}
	r.Class, r.Explanation = explanation{m, d}.explain()
	if o.Explain {
		r.Contradiction = c.contradiction(last, c.conflict)
	}
	return r, true
}

// clusterProof is a proof by clusters: no order explains the history until the
// return of rank until.
type clusterProof struct {
	*clusters
	until int32
}

func (d *clusterProof) claim() *checkedOp           { return &d.ops[d.returns[d.until]] }
func (d *clusterProof) failed() bool                { return false }
func (d *clusterProof) versionBounds() (_, _ int64) { return 0, 0 } // there are none

// couldBe counts what is unsure as possible: a sentence must not exclude it.
func (d *clusterProof) couldBe(instead checkedOp) bool {
	_, verdict := d.instead(instead)
	return verdict != impossible
}

// instead looks for a contradiction with another claim in place of the culprit's.
func (d *clusterProof) instead(claim checkedOp) ([]int32, feasibility) {
	truth := *d.claim()
	defer func() { *d.claim() = truth }()
	claim.op, claim.call, claim.ret = truth.op, truth.call, truth.ret
	*d.claim() = claim
	return d.conflict(excerpt{last: d.until})
}

func (d *clusterProof) lastBefore() *history.Operation {
	for rank := d.until - 1; rank >= 0; rank-- {
		if op := d.ops[d.returns[rank]].op; op.Outcome == history.Committed && op.Return < d.claim().call {
			return op
		}
	}
	return nil
}

// reachable returns the values that the register can have had while the culprit
// lasted, as far as that is seen chain by chain: no other chain must come both
// before and after, and the operations around the value in its chain must have
// been possible before and after.
func (d *clusterProof) reachable() (values []int32, all bool) {
	if _, verdict := d.instead(noEffectOp); verdict == impossible {
		return nil, true
	}
	x, op := excerpt{last: d.until}, d.claim()
	within := d.withinChains(x, op)
	for v := range int32(len(d.states)) {
		if d.needed[v] {
			if within[v] {
				values = append(values, v)
			}
		} else if w := d.writer[v]; w != none && d.ops[w].call <= op.ret && !d.known(x, w) {
			values = append(values, v)
		}
	}
	return values, true
}

// withinChains returns which of the values that were written op can have
// observed.
func (d *clusterProof) withinChains(x excerpt, op *checkedOp) []bool {
	within := make([]bool, len(d.states))
	var top, second *chain // those of the last calls that began before op
	for i := range d.chains {
		h := &d.chains[i]
		switch {
		case d.firstReturn(x, *h) >= op.call:
		case top == nil || d.lastCall(*h) > d.lastCall(*top):
			top, second = h, top
		case second == nil || d.lastCall(*h) > d.lastCall(*second):
			second = h
		}
	}
	for i := range d.chains {
		h := &d.chains[i]
		rival := top
		if h == top {
			rival = second
		}
		if rival == nil || d.lastCall(*rival) <= d.firstReturn(x, *h) {
			d.withinChain(x, h.head, op, within)
		}
	}
	if v := d.initial; d.next[v] == none && d.first[v] == none {
		within[v] = top == nil
	}
	return within
}

// withinChain marks the values of a chain that op can have observed there.
func (d *clusterProof) withinChain(x excerpt, head int32, op *checkedOp, within []bool) {
	var chain []int32
	before := int64(-1) // the last call before the value is observed
	for v := head; v != none; v = d.next[v] {
		if v != d.initial {
			before = max(before, d.ops[d.writer[v]].call)
		}
		within[v] = before <= op.ret
		if d.last[v] != none {
			before = max(before, d.ops[d.last[v]].call)
		}
		chain = append(chain, v)
	}
	after := int64(math.MaxInt64) // the first return after it
	for _, v := range slices.Backward(chain) {
		within[v] = within[v] && op.call <= after
		if d.first[v] != none {
			after = min(after, d.deadline(x, d.first[v]))
		}
		if v != d.initial {
			after = min(after, d.deadline(x, d.writer[v]))
		}
	}
}
