package checker

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Limits of the searches that explain a violation, in bytes: of one, and of all.
// A search that exceeds them proves nothing, and the explanation does without.
const (
	maxExplainSearch = 4 << 20
	maxExplain       = 48 << 20
)

// refuted is an object that no order explains from the return of rank last on.
type refuted struct {
	*object
	ctx  context.Context
	last int
	op   *history.Operation // the culprit, which returns there
	left int64              // bytes left for searches
}

// violation returns the result for an object that no order explains from the
// return of rank last on.
func (b *object) violation(ctx context.Context, last int, o Options) Result {
	r := &refuted{object: b, ctx: ctx, last: last, op: b.ops[b.returns[last]], left: maxExplain}
	result := Result{Status: Violated, Machine: b.name, Culprit: new(*r.op)}
	result.Class, result.Explanation = r.explain()
	if o.Explain {
		result.Contradiction = r.contradiction()
	}
	return result
}

// run searches for an order of ops, within the limits of explanations.
func (r *refuted) run(ops []*placed) feasibility {
	if r.left <= 0 {
		return unsure
	}
	memory := min(r.left, maxExplainSearch)
	s := r.search(r.ctx, memory)
	verdict := s.run(ops)
	r.left -= memory - s.memory
	return verdict
}

// explain returns the class of the violation and a sentence about it. If time or
// memory run out there may be no class.
func (r *refuted) explain() (class, sentence string) {
	op, why := r.op, ""
	switch class = r.class(); class {
	case "":
		why = ", which no order explains, but the check ran out of time or memory before it found out why"
	case ClassRejectedEffect:
		why = ", which says it had no effect, but no order explains the other operations without its effect"
	default:
		why = r.whichStates()
	}
	sentence = fmt.Sprintf("%s: %s %s between %s and %s%s", r.title(), op.ID, describeOperation(op), formatTime(op.Call), formatTime(op.Return), why)
	if before := r.lastBefore(); before != nil && class != ClassRejectedEffect {
		sentence += fmt.Sprintf("; %s had %s by %s", before.ID, describeOperation(before), formatTime(before.Return))
	}
	return class, sentence
}

// class returns the class of the violation; empty if it cannot be told.
func (r *refuted) class() string {
	switch {
	case r.op.Outcome == history.Committed && r.readOnly(r.op):
		return ClassRead
	case r.op.Outcome == history.Committed:
		return ClassCommitted
	case !claims(r.op):
		return ClassRejectedEffect
	}
	switch r.run(r.withoutCulprit()) {
	case possible:
		return ClassRejectedIllegal
	case impossible:
		return ClassRejectedEffect
	}
	return ""
}

// withoutCulprit returns the prefix as if the culprit had had no effect.
func (r *refuted) withoutCulprit() []*placed {
	return slices.DeleteFunc(r.prefix(r.last), func(p *placed) bool { return p.op == r.op })
}

// whichStates describes the states in which the object can have been at some
// instant of the culprit, had it no effect.
func (r *refuted) whichStates() string {
	states, all := r.candidates()
	if len(states) == 0 {
		return ", which no order explains"
	}
	var names, fitting []string
	for _, state := range states {
		name := r.describe(state)
		names = append(names, name)
		if _, fits := r.model.Step(state, r.op); fits {
			fitting = append(fitting, name)
		}
	}
	if !all {
		names = append(names, andOthers)
	}
	sentence := fmt.Sprintf(", when it can only have been %s", joinOr(names))
	if len(fitting) > 0 {
		sentence += fmt.Sprintf(", and no order leaves room for its effect on %s", joinOr(fitting))
	}
	return sentence
}

// candidates returns such states, at most maxNamed, and whether these are all.
func (r *refuted) candidates() (states []any, all bool) {
	var reached []any
	at := &placed{op: r.op, role: asked, call: r.op.Call, ret: r.op.Return}
	at.fits = func(state any) bool {
		reached = r.include(reached, state)
		return false
	}
	all = r.run(append(r.withoutCulprit(), at)) == impossible
	for _, state := range reached {
		if len(states) == maxNamed {
			return states, false
		}
		at.fits = func(other any) bool { return r.equal(state, other) }
		switch r.run(append(r.withoutCulprit(), at)) {
		case possible:
			states = append(states, state)
		case unsure:
			all = false
		}
	}
	return states, all
}

func (b *object) describe(state any) string {
	if b.model.Describe == nil {
		return fmt.Sprint(state)
	}
	return b.model.Describe(state)
}

// lastBefore returns the last committed operation that returned before the
// culprit's call.
func (r *refuted) lastBefore() (before *history.Operation) {
	for _, i := range r.returns[:r.last] {
		if op := r.ops[i]; op.Outcome == history.Committed && op.Return < r.op.Call {
			before = op
		}
	}
	return before
}

// contradiction returns operations that no order explains, whatever the others
// did, in order of call. It leaves out as many as its searches can prove to be
// of no need.
func (r *refuted) contradiction() (operations []history.Operation) {
	var members []*history.Operation
	for _, i := range r.returns[:r.last+1] {
		members = append(members, r.ops[i])
	}
	leftOut := map[*history.Operation]bool{}
	kept := leaveOut(members, leftOut, func() bool {
		return r.run(r.prefixWithout(r.last, leftOut)) != impossible
	})
	slices.SortStableFunc(kept, func(x, y *history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	for _, op := range kept {
		operations = append(operations, *op)
	}
	return operations
}
