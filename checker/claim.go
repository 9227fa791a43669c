package checker

import "math"

// verb is what an operation claims to have done to its machine.
type verb uint8

const (
	mute    verb = iota // nothing at all: a read without an answer, a rejection that blames something else
	stepped             // a committed proposal: a legal step was taken
	saw                 // a committed read: the state was this
	refused             // an illegal proposal: the step asked for was not legal
	may                 // an unknown proposal: the step is taken some time after the call, or never
	closing             // not an operation: the end of history, see model
)

// forever is the return of what never returns.
const forever = math.MaxInt64

// claim is one operation in the terms of the check.
type claim struct {
	op        *Operation // nil when closing
	call, ret int64
	version   int64 // NoVersion if unsaid
	from, to  int32 // the step asked for; from is unsaid where any state will do, or the definition says which
	state     int32 // what the client was told
	verb      verb
	optional  bool   // with stepped: in its interval, or never
	bit, twin uint64 // for may, see pairTwins
}

// claim translates op.
func (a *automaton) claim(op *Operation) claim {
	c := claim{
		op: op, call: op.Call, ret: op.Return, version: op.Version,
		from: unsaid, to: unsaid, state: a.index(op.State),
	}
	if op.Kind != KindRead {
		c.to = a.index(op.Argument)
	}
	if op.Kind == KindCAS {
		c.from = a.index(op.Expected)
	}
	switch {
	case op.Outcome == Committed && op.Kind == KindRead:
		c.verb = saw
	case op.Outcome == Committed:
		c.verb = stepped
	case op.Outcome == Unknown:
		return c.open()
	case op.Kind != KindRead && op.Reason == ReasonIllegal:
		c.verb = refused
	}
	return c
}

// open is c as long as its operation has not returned: unknown, whatever it
// will say. A read says nothing then, nor does a step to what is not a state,
// which may never be taken.
func (c claim) open() claim {
	c.verb, c.ret, c.state, c.version = may, forever, unsaid, NoVersion
	if c.op.Kind == KindRead || c.to < 0 {
		c.verb = mute
	}
	return c
}

// observes reports whether c leaves its machine as it was.
func (c *claim) observes() bool { return c.verb == saw || c.verb == refused }

// sees reports whether what the client was told, if anything, is this.
func (c *claim) sees(state int32, version int64) bool {
	return (c.state == unsaid || c.state == state) && (c.version == NoVersion || c.version == version)
}

// observed reports whether c, which observes, is true of a machine in a state.
func (a *automaton) observed(state int32, version int64, c *claim) bool {
	return c.sees(state, version) && (c.verb == saw || !a.allows(state, c))
}

// alike reports whether two claims of steps differ in nothing but when.
func (c *claim) alike(d *claim) bool {
	return c.from == d.from && c.to == d.to && c.state == d.state && c.version == d.version && c.optional == d.optional
}
