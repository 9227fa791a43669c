package checker

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// culprit is an operation whose return is impossible after what came before.
type culprit struct {
	machine
	op      *Operation
	returns []*Operation // those until op's, which is last
	context []*Operation // those called until then
	version int64        // an upper bound of the machine's version
}

func (m machine) convict(returns []*Operation) culprit {
	op := returns[len(returns)-1]
	c := culprit{machine: m, op: op, returns: returns, context: m.until(op.Return)}
	for _, op := range c.context {
		if op.Kind == KindPropose {
			c.version++
		}
	}
	return c
}

// explain gives the class of the violation and a sentence about it. If time
// runs out there is no class.
func (c culprit) explain(ctx context.Context) (class, sentence string) {
	var why string
	switch {
	case c.op.Outcome == Committed && c.op.Kind == KindRead:
		class, why = ClassRead, c.whyNotRead(ctx)
	case c.op.Outcome == Committed:
		class, why = ClassCommitted, c.whyNotCommitted(ctx)
	case c.op.Reason != ReasonIllegal || !c.fits(ctx, nothing):
		class, why = ClassRejectedEffect, ", which says it had no effect, but no order explains the other operations without its effect"
	default:
		class, why = ClassRejectedIllegal, c.whyNotIllegal(ctx)
	}
	if ctx.Err() != nil { // the answers above may be wrong
		class, why = "", ", which no order explains, but the check ran out of time before it found out why"
	}
	sentence = fmt.Sprintf("%s: %s %s between %s and %s%s", c.name, c.op.ID, deed(c.op), at(c.op.Call), at(c.op.Return), why)
	if before := c.before(); before != nil && class != ClassRejectedEffect {
		sentence += fmt.Sprintf("; %s had %s by %s", before.ID, deed(before), at(before.Return))
	}
	return class, sentence
}

// nothing is the claim of no effect, and no more: it fits any state.
var nothing = claim{verb: refused, to: alien, state: unsaid, version: NoVersion}

// fits reports whether instead could have been the truth in place of what the
// culprit claims. If time runs out it reports false.
func (c culprit) fits(ctx context.Context, instead claim) bool {
	instead.op, instead.call, instead.ret = c.op, c.op.Call, c.op.Return
	return c.decide(ctx, c.prefix(c.returns, &instead)) == possible
}

// candidates is the states the machine can have been in at some instant of the
// culprit, had it no effect.
func (c culprit) candidates(ctx context.Context) (candidates []int16) {
	for s := range int16(len(c.states)) {
		if c.fits(ctx, claim{verb: saw, state: s, version: NoVersion}) {
			candidates = append(candidates, s)
		}
	}
	return candidates
}

// versions is those that would fit in place of the one that c's claim has; nil
// if its version is not the whole problem.
func (c culprit) versions(ctx context.Context) (versions []string) {
	instead, _ := c.claim(c.op, true)
	if instead.version == NoVersion {
		return nil
	}
	if instead.version = NoVersion; !c.fits(ctx, instead) {
		return nil
	}
	for v := range c.version + 1 {
		if instead.version = v; c.fits(ctx, instead) {
			versions = append(versions, fmt.Sprint(v))
		}
	}
	return versions
}

func (c culprit) whyNotRead(ctx context.Context) string {
	if v := c.versions(ctx); v != nil {
		return fmt.Sprintf(", when %s was possible only at version %s", c.op.State, either(v))
	}
	return c.when(c.candidates(ctx))
}

func (c culprit) whyNotCommitted(ctx context.Context) string {
	if c.op.State != "" && c.op.State != c.op.Argument {
		return fmt.Sprintf(", although it asked for %s", c.op.Argument)
	}
	if v := c.versions(ctx); v != nil {
		return fmt.Sprintf(", when it could only have made version %s", either(v))
	}
	states, to := c.candidates(ctx), c.index(c.op.Argument)
	if len(states) == 0 {
		return c.when(nil)
	}
	for _, from := range states {
		if c.allows(from, to) {
			return fmt.Sprintf("%s, and no order leaves room for the step from %s", c.when(states), c.states[from])
		}
	}
	return fmt.Sprintf("%s, from which %s is illegal", c.when(states), c.op.Argument)
}

func (c culprit) whyNotIllegal(ctx context.Context) string {
	told, to := c.index(c.op.State), c.index(c.op.Argument)
	if told >= 0 && c.allows(told, to) {
		return fmt.Sprintf(", from which %s is legal", c.op.Argument)
	}
	if v := c.versions(ctx); v != nil {
		return fmt.Sprintf(", when that was possible only at version %s", either(v))
	}
	states := c.candidates(ctx)
	for _, from := range states {
		if !c.allows(from, to) {
			return c.when(states)
		}
	}
	if len(states) == 0 {
		return c.when(nil)
	}
	return fmt.Sprintf("%s, from which %s is legal", c.when(states), c.op.Argument)
}

// when says which states were possible.
func (c culprit) when(states []int16) string {
	if len(states) == 0 {
		return ", which no order explains"
	}
	var names []string
	for _, s := range states {
		names = append(names, c.states[s])
	}
	return fmt.Sprintf(", when the state can only have been %s", either(names))
}

// before is the last operation to tell the state before the culprit began.
func (c culprit) before() (before *Operation) {
	for _, op := range c.returns {
		if op.Outcome == Committed && op.Return < c.op.Call {
			before = op
		}
	}
	return before
}

// deed is what op did, as its client was told: "read Init at version 2".
func deed(op *Operation) string {
	var b strings.Builder
	state := op.State
	switch {
	case op.Kind == KindRead && op.Outcome == Committed:
		b.WriteString("read")
	case op.Kind == KindRead:
		fmt.Fprintf(&b, "read nothing (%s)", op.Reason)
	case op.Outcome == Committed:
		b.WriteString("committed")
		if state == "" {
			state = op.Argument
		}
	case op.Outcome == Rejected:
		fmt.Fprintf(&b, "had %s rejected (%s)", op.Argument, op.Reason)
		if state != "" {
			b.WriteString(" in state")
		}
	default:
		fmt.Fprintf(&b, "asked for %s", op.Argument)
	}
	if state != "" {
		b.WriteString(" " + state)
	}
	if op.Version != NoVersion && op.Outcome != Unknown {
		fmt.Fprintf(&b, " at version %d", op.Version)
	}
	return b.String()
}

func at(t int64) string { return time.Duration(t).String() }

// either joins names: "a", "a or b", "a, b or c".
func either(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
