package checker

import "math"

// opMeaning is what an operation claims to have done to its machine.
type opMeaning uint8

const (
	noEffect        opMeaning = iota // nothing at all: a read without an answer, a rejection that blames something else
	committedStep                    // a committed proposal: a legal step was taken
	committedRead                    // a committed read: the state was this
	rejectedIllegal                  // an illegal proposal: the step asked for was not legal
	unknownStep                      // an unknown proposal: the step is taken some time after the call, or never
	historyEnd                       // not an operation: the end of history, see model
)

// forever is the return of what never returns.
const forever = math.MaxInt64

// checkedOp is one operation in the terms of the check.
type checkedOp struct {
	op         *Operation // nil when closing
	call, ret  int64
	version    int64 // NoVersion if unsaid
	from, to   int32 // the step asked for; from is unsaid where any state will do, or the definition says which
	state      int32 // what the client was told
	meaning    opMeaning
	optional   bool   // with stepped: in its interval, or never
	bit, prior uint64 // for may, see pairTwins
}

// checkedOp translates op.
func (a *automaton) checkedOp(op *Operation) checkedOp {
	c := checkedOp{
		op: op, call: op.Call, ret: op.Return, version: op.Version,
		from: unspecified, to: unspecified, state: a.index(op.State),
	}
	if op.Kind != KindRead {
		c.to = a.index(op.Argument)
	}
	if op.Kind == KindCAS {
		c.from = a.index(op.Expected)
	}
	switch {
	case op.Outcome == Committed && op.Kind == KindRead:
		c.meaning = committedRead
	case op.Outcome == Committed:
		c.meaning = committedStep
	case op.Outcome == Unknown:
		return c.asUnknown()
	case op.Kind != KindRead && op.Reason == ReasonIllegal:
		c.meaning = rejectedIllegal
	}
	return c
}

// asUnknown is c as long as its operation has not returned: unknown, whatever it
// will say. A read says nothing then, nor does a step to what is not a state,
// which may never be taken.
func (c checkedOp) asUnknown() checkedOp {
	c.meaning, c.ret, c.state, c.version = unknownStep, forever, unspecified, NoVersion
	if c.op.Kind == KindRead || c.to < 0 {
		c.meaning = noEffect
	}
	return c
}

// readOnly reports whether c leaves its machine as it was.
func (c *checkedOp) readOnly() bool {
	return c.meaning == committedRead || c.meaning == rejectedIllegal
}

// matches reports whether what the client was told, if anything, is this.
func (c *checkedOp) matches(state int32, version int64) bool {
	return (c.state == unspecified || c.state == state) && (c.version == NoVersion || c.version == version)
}

// holdsIn reports whether c, which observes, is true of a machine in a state.
func (a *automaton) holdsIn(state int32, version int64, c *checkedOp) bool {
	return c.matches(state, version) && (c.meaning == committedRead || !a.allows(state, c))
}

// sameStep reports whether two claims of steps differ in nothing but when.
func (c *checkedOp) sameStep(d *checkedOp) bool {
	return c.from == d.from && c.to == d.to && c.state == d.state && c.version == d.version && c.optional == d.optional
}
