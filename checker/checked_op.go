package checker

import (
	"math"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// opMeaning is the effect or observation that an operation claims.
type opMeaning uint8

const (
	noEffect        opMeaning = iota // none: a read without a response, a rejection for a reason other than illegal
	committedStep                    // a committed proposal: a legal step was taken
	committedRead                    // a committed read: the machine was in this state
	rejectedIllegal                  // an illegal proposal: the requested step was not legal
	unknownStep                      // an unknown proposal: the step is taken some time after the call, or never
	historyEnd                       // not an operation: the end of history, see automaton.step
)

// forever is the return of an operation that never returns.
const forever = math.MaxInt64

// checkedOp is an operation as the checkers see it.
type checkedOp struct {
	op         *history.Operation // nil for historyEnd
	call, ret  int64
	version    int64 // NoVersion if the response has none
	from, to   int32 // the requested step; from is unspecified if any state will do, or if the definition decides. Of other objects: see objectStates.checkedOp
	state      int32 // in the response
	meaning    opMeaning
	optional   bool   // of a committedStep: taken in its interval, or never
	number     int32  // among the operations of its machine
	bit, prior uint64 // of an unknownStep, see orderUnknownSteps
}

// checkedOp translates op.
func (a *automaton) checkedOp(op *history.Operation) checkedOp {
	if a.object != nil {
		return a.object.checkedOp(op)
	}
	c := checkedOp{
		op: op, call: op.Call, ret: op.Return, version: op.Version,
		from: unspecified, to: unspecified, state: a.index(op.State),
	}
	if op.Kind != history.KindRead {
		c.to = a.index(op.Argument)
	}
	if op.Kind == history.KindDelete {
		c.to = a.index(history.NoValue)
	}
	if op.Kind == history.KindCAS {
		c.from = a.index(op.Expected)
	}
	switch {
	case op.Outcome == history.Committed && op.Kind == history.KindRead:
		c.meaning = committedRead
	case op.Outcome == history.Committed:
		c.meaning = committedStep
	case op.Outcome == history.Unknown:
		return c.asUnknown()
	case op.Kind != history.KindRead && op.Reason == history.ReasonIllegal:
		c.meaning = rejectedIllegal
	}
	return c
}

// asUnknown returns c as it is until its operation returns: its outcome is
// unknown. A read then claims nothing. Neither does a step to notAState, which
// can never be taken.
func (c checkedOp) asUnknown() checkedOp {
	c.meaning, c.ret, c.state, c.version = unknownStep, forever, unspecified, history.NoVersion
	if c.op.Kind == history.KindRead || c.to < 0 {
		c.meaning = noEffect
	}
	return c
}

// readOnly reports whether c leaves its machine unchanged.
func (c *checkedOp) readOnly() bool {
	return c.meaning == committedRead || c.meaning == rejectedIllegal
}

// matches reports whether the response, as far as it has state and version, is
// this one.
func (c *checkedOp) matches(state int32, version int64) bool {
	return (c.state == unspecified || c.state == state) && (c.version == history.NoVersion || c.version == version)
}

// holdsIn reports whether c, which is readOnly, is true of a machine in a
// state.
func (a *automaton) holdsIn(state int32, version int64, c *checkedOp) bool {
	if a.object != nil {
		return a.object.holdsIn(state, c)
	}
	return c.matches(state, version) && (c.meaning == committedRead || !a.allows(state, c))
}

// sameStep reports whether two steps differ in their times only.
func (c *checkedOp) sameStep(d *checkedOp) bool {
	return c.from == d.from && c.to == d.to && c.state == d.state && c.version == d.version && c.optional == d.optional
}
