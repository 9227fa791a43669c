package checker

// verb is what an operation claims to have done to its machine.
type verb uint8

const (
	stepped verb = iota // a committed proposal: a legal step was taken
	saw                 // a committed read: the state was this
	refused             // an illegal proposal: the step asked for was not legal
	may                 // an unknown proposal: the step is taken some time after the call, or never
	closing             // not an operation: the end of history, see model
)

// claim is one operation in the terms of the search.
type claim struct {
	op        *Operation // nil when closing
	call, ret int64
	version   int64 // NoVersion if unsaid
	verb      verb
	to        int16  // what a proposal asks for
	state     int16  // what the client was told
	bit, twin uint64 // for may, see pairTwins
}

// claim translates op for the search, reporting false if it says nothing about
// the machine: a read without an answer, a rejection that blames something
// else, or a step to what is not a state and so may never be taken. An
// operation that has not returned yet is unknown, whatever it will say.
func (a *automaton) claim(op *Operation, returned bool) (claim, bool) {
	c := claim{op: op, call: op.Call, ret: op.Return, version: op.Version, to: a.index(op.Argument), state: a.index(op.State)}
	outcome := op.Outcome
	if !returned {
		outcome = Unknown
	}
	switch {
	case outcome == Committed && op.Kind == KindPropose:
		c.verb = stepped
	case outcome == Committed:
		c.verb = saw
	case op.Kind == KindRead:
		return c, false
	case outcome == Rejected:
		c.verb = refused
		return c, op.Reason == ReasonIllegal
	default:
		c.verb = may
		return c, c.to >= 0
	}
	return c, true
}

// sees reports whether what the client was told, if anything, is r.
func (c *claim) sees(r register) bool {
	return (c.state == unsaid || c.state == r.state) && (c.version == NoVersion || c.version == int64(r.version))
}
