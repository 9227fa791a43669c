package checker

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// culprit is an operation whose return no order explains, given the events
// before it.
type culprit struct {
	machine
	*refutation
	op *history.Operation
}

// violation returns the result for a machine whose operations no order
// explains.
func (m machine) violation(v *refutation, o Options) Result {
	result := Result{Status: Violated, Machine: m.name}
	if v.inconclusive {
		why := "the check ran out of time or memory"
		if v.needsMore {
			why = "later operations must be known"
		}
		result.Explanation = fmt.Sprintf("%s: no order explains its operations, but %s before it found out which of them completes the contradiction", m.title(), why)
		return result
	}
	c := culprit{machine: m, refutation: v, op: v.culprit().op}
	result.Culprit = new(*c.op)
	result.Class, result.Explanation = c.explain()
	if o.Explain {
		result.Premise, result.Contradiction = c.contradiction()
	}
	return result
}

// explain returns the class of the violation and a sentence about it. If time
// runs out there is no class.
func (c culprit) explain() (class, sentence string) {
	var why string
	switch {
	case c.op.Outcome == history.Committed && c.op.Kind == history.KindRead:
		class, why = ClassRead, c.whyNotRead()
	case c.op.Outcome == history.Committed:
		class, why = ClassCommitted, c.whyNotCommitted()
	case c.op.Reason != history.ReasonIllegal || !c.couldBe(noEffectOp):
		class, why = ClassRejectedEffect, ", which says it had no effect, but no order explains the other operations without its effect"
	default:
		class, why = ClassRejectedIllegal, c.whyNotIllegal()
	}
	if c.inconclusive { // the answers above may be wrong
		class, why = "", ", which no order explains, but the check ran out of time or memory before it found out why"
	}
	sentence = fmt.Sprintf("%s: %s %s between %s and %s%s", c.title(), c.op.ID, describeOperation(c.op), formatTime(c.op.Call), formatTime(c.op.Return), why)
	if before := c.lastBefore(); before != nil && class != ClassRejectedEffect {
		sentence += fmt.Sprintf("; %s had %s by %s", before.ID, describeOperation(before), formatTime(before.Return))
	}
	return class, sentence
}

// noEffectOp claims only that the operation had no effect. It fits any state.
var noEffectOp = checkedOp{meaning: rejectedIllegal, from: notAState, to: notAState, state: unspecified, version: history.NoVersion}

// couldBe reports whether the history is possible with instead in place of the
// culprit.
func (c culprit) couldBe(instead checkedOp) bool {
	truth := c.culprit()
	instead.op, instead.call, instead.ret = c.op, truth.call, truth.ret
	return c.possible(c.at, truth, &instead)
}

// candidates returns the states that the machine can have been in at some
// instant of the culprit, had it no effect. The list is cut after maxNamed.
func (c culprit) candidates() (candidates []int32, cut bool) {
	for _, s := range c.reachable() {
		if !c.couldBe(readOf(s)) {
			continue
		}
		if len(candidates) == maxNamed {
			return candidates, true
		}
		candidates = append(candidates, s)
	}
	return candidates, false
}

// candidateFrom returns one of all such states from which the culprit's step is
// legal, or is not.
func (c culprit) candidateFrom(legal bool) (state int32, exists bool) {
	for _, s := range c.reachable() {
		if c.allows(s, c.culprit()) == legal && c.couldBe(readOf(s)) {
			return s, true
		}
	}
	return 0, false
}

// readOf returns a read of a state.
func readOf(state int32) checkedOp {
	return checkedOp{meaning: committedRead, from: unspecified, to: unspecified, state: state, version: history.NoVersion}
}

// reachable returns the states that some order may lead to, from base on.
func (c culprit) reachable() (states []int32) {
	t := &c.base.configurations
	for i := range t.len() {
		states = append(states, int32(t.row(i)[rowState]))
	}
	for _, s := range c.base.steps {
		states = append(states, s.c.to)
	}
	for _, k := range c.base.kinds {
		states = append(states, k.op.to)
	}
	for _, e := range c.log[:c.at] {
		if e.c.to >= 0 {
			states = append(states, e.c.to)
		}
	}
	slices.Sort(states)
	return slices.Compact(states)
}

// versions returns the versions that would fit in place of the culprit's; nil
// if its version is not the whole problem. The last item may stand for all
// later versions.
func (c culprit) versions() (versions []string) {
	instead := *c.culprit()
	if instead.version == history.NoVersion {
		return nil
	}
	if instead.version = history.NoVersion; !c.couldBe(instead) {
		return nil
	}
	lowest, highest := c.versionBounds()
	for v := lowest; v <= highest && !c.inconclusive; v++ {
		if instead.version = v; !c.couldBe(instead) {
			continue
		}
		if len(versions) == maxNamed {
			return append(versions, "a later one")
		}
		versions = append(versions, fmt.Sprint(v))
	}
	return versions
}

// maxNamed is the number of alternatives that a sentence lists. If there are
// more, the sentence says so with andOthers: it must not call an alternative
// impossible just because it does not list it.
const (
	maxNamed  = 10
	andOthers = "one not listed here"
)

// versionBounds returns bounds on the versions that the machine can have had
// while the culprit was in flight. The lowest is reached before its call; the
// highest at its return, if all operations in flight and every unknown step
// take effect.
func (c culprit) versionBounds() (lowest, highest int64) {
	l, instead := &c.scratch, *c.culprit()
	c.possible(c.called[c.culprit()]-1, nil, nil)
	lowest = math.MaxInt64
	for i := range l.configurations.len() {
		lowest = min(lowest, int64(l.configurations.row(i)[rowVersion]))
	}
	instead.version = history.NoVersion
	c.couldBe(instead)
	for i := range l.configurations.len() {
		row := l.configurations.row(i)
		version := int64(row[rowVersion]) + int64(len(l.steps))
		for k, used := range row[rowBits+l.configurations.sets:] {
			version += int64(l.kinds[k].called - used)
		}
		highest = max(highest, version)
	}
	return lowest, highest
}

func (c culprit) whyNotRead() string {
	if v := c.versions(); v != nil {
		return fmt.Sprintf(", when %s was possible only at version %s", c.op.State, joinOr(v))
	}
	return c.whichStates()
}

func (c culprit) whyNotCommitted() string {
	if c.op.State != "" && c.op.State != c.op.Argument {
		return fmt.Sprintf(", although it requested %s", c.op.Argument)
	}
	if v := c.versions(); v != nil {
		return fmt.Sprintf(", when it could only have made version %s", joinOr(v))
	}
	if from, legal := c.candidateFrom(true); legal {
		return fmt.Sprintf("%s, and no order leaves room for the step from %s", c.whichStates(), c.states[from])
	}
	if _, illegal := c.candidateFrom(false); !illegal {
		return c.whichStates()
	}
	return fmt.Sprintf("%s, from which %s is illegal", c.whichStates(), c.op.Argument)
}

func (c culprit) whyNotIllegal() string {
	if told := c.culprit().state; told >= 0 && c.allows(told, c.culprit()) {
		return fmt.Sprintf(", from which %s is legal", c.op.Argument)
	}
	if v := c.versions(); v != nil {
		return fmt.Sprintf(", when that was possible only at version %s", joinOr(v))
	}
	_, illegal := c.candidateFrom(false)
	_, legal := c.candidateFrom(true)
	if illegal || !legal {
		return c.whichStates()
	}
	return fmt.Sprintf("%s, from which %s is legal", c.whichStates(), c.op.Argument)
}

// whichStates describes the states that were possible.
func (c culprit) whichStates() string {
	states, cut := c.candidates()
	if len(states) == 0 {
		return ", which no order explains"
	}
	var names []string
	for _, s := range states {
		names = append(names, c.states[s])
	}
	if cut {
		names = append(names, andOthers)
	}
	return fmt.Sprintf(", when the state can only have been %s", joinOr(names))
}

// lastBefore returns the last committed operation that returned before the
// culprit's call.
func (c culprit) lastBefore() (before *history.Operation) {
	for _, e := range c.log[:c.at] {
		if op := e.c.op; e.ret && op.Outcome == history.Committed && op.Return < c.op.Call {
			before = op
		}
	}
	return before
}

func formatTime(t int64) string { return time.Duration(t).String() }

// joinOr joins names: "a", "a or b", "a, b or c".
func joinOr(names []string) string { return joinWords(names, "or") }

// joinWords joins names with a word before the last.
func joinWords(names []string, word string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
