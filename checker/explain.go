package checker

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// proof answers questions about an operation whose return no order explains,
// given the history until then.
type proof interface {
	claim() *checkedOp                      // the operation
	couldBe(instead checkedOp) bool         // whether an order explains the history with another claim in its place
	reachable() (states []int32, all bool)  // states, among them, if all, each in which the machine can have been at some instant of the operation
	versionBounds() (lowest, highest int64) // of the machine at some instant of the operation
	lastBefore() *history.Operation         // the last committed operation that returned before its call; nil if not known
	failed() bool                           // time or memory ran out: the answers may be wrong
}

// explanation is a proof in words.
type explanation struct {
	machine
	proof
}

// culprit is the proof of the linearizer.
type culprit struct {
	machine
	*refutation
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
	c := culprit{machine: m, refutation: v}
	result.Culprit = new(*v.culprit().op)
	result.Class, result.Explanation = explanation{m, c}.explain()
	if o.Explain {
		result.Premise, result.Contradiction = c.contradiction()
	}
	return result
}

// explain returns the class of the violation and a sentence about it. If time
// runs out there is no class.
func (e explanation) explain() (class, sentence string) {
	op, why := e.claim().op, ""
	switch {
	case op.Outcome == history.Committed && (op.Kind == history.KindRead || e.claim().readOnly()):
		class, why = ClassRead, e.whyNotRead()
	case op.Outcome == history.Committed:
		class, why = ClassCommitted, e.whyNotCommitted()
	case op.Reason != history.ReasonIllegal || !e.couldBe(noEffectOp):
		class, why = ClassRejectedEffect, ", which says it had no effect, but no order explains the other operations without its effect"
	default:
		class, why = ClassRejectedIllegal, e.whyNotIllegal()
	}
	if e.failed() { // the answers above may be wrong
		class, why = "", ", which no order explains, but the check ran out of time or memory before it found out why"
	}
	sentence = fmt.Sprintf("%s: %s %s between %s and %s%s", e.title(), op.ID, describeOperation(op), formatTime(op.Call), formatTime(op.Return), why)
	if before := e.lastBefore(); before != nil && class != ClassRejectedEffect {
		sentence += fmt.Sprintf("; %s had %s by %s", before.ID, describeOperation(before), formatTime(before.Return))
	}
	return class, sentence
}

// noEffectOp claims only that the operation had no effect. It fits any state.
var noEffectOp = checkedOp{meaning: rejectedIllegal, from: notAState, to: notAState, state: unspecified, version: history.NoVersion}

func (c culprit) claim() *checkedOp { return c.culprit() }
func (c culprit) failed() bool      { return c.inconclusive || c.object.isSpent() }

func (c culprit) couldBe(instead checkedOp) bool {
	truth := c.culprit()
	instead.op, instead.call, instead.ret = truth.op, truth.call, truth.ret
	if c.loose {
		return c.couldLooselyBe(truth, &instead)
	}
	return c.possible(c.at, truth, &instead)
}

// candidates returns the states that the machine can have been in at some
// instant of the culprit, had it no effect. The list is cut after maxNamed.
func (e explanation) candidates() (candidates []int32, cut bool) {
	states, all := e.reachable()
	for _, s := range states {
		if !e.couldBe(readOf(s)) {
			continue
		}
		if len(candidates) == maxNamed {
			return candidates, true
		}
		candidates = append(candidates, s)
	}
	return candidates, !all
}

// candidateFrom returns one of all such states from which the culprit's step is
// legal, or is not.
func (e explanation) candidateFrom(legal bool) (state int32, exists bool) {
	states, _ := e.reachable()
	for _, s := range states {
		if e.allows(s, e.claim()) == legal && e.couldBe(readOf(s)) {
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
func (c culprit) reachable() (states []int32, all bool) {
	if c.object != nil {
		return c.asked()
	}
	states = c.named()
	for _, k := range c.base.spentKinds {
		states = append(states, k.to)
	}
	slices.Sort(states)
	return slices.Compact(states), true
}

// named returns the states at base, and those to which the operations from there on lead.
func (c culprit) named() (states []int32) {
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
	return states
}

// asked is reachable for an object: an observer asks for the state wherever it
// can be placed.
func (c culprit) asked() (states []int32, all bool) {
	before := c.inconclusive
	c.object.asked = []int32{}
	c.couldBe(readOf(notAState))
	states, c.object.asked = c.object.asked, nil
	all, c.inconclusive = !c.inconclusive && len(states) < maxAsked, before
	return states, all
}

// versions returns the versions that would fit in place of the culprit's; nil
// if its version is not the whole problem. The last item may stand for all
// later versions.
func (e explanation) versions() (versions []string) {
	instead := *e.claim()
	if instead.version == history.NoVersion {
		return nil
	}
	if instead.version = history.NoVersion; !e.couldBe(instead) {
		return nil
	}
	lowest, highest := e.versionBounds()
	for v := lowest; v <= highest && !e.failed(); v++ {
		if instead.version = v; !e.couldBe(instead) {
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
	if c.loose {
		lowest = c.leastVersion()
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

func (e explanation) whyNotRead() string {
	if v := e.versions(); v != nil {
		return fmt.Sprintf(", when %s was possible only at version %s", e.claim().op.State, joinOr(v))
	}
	return e.whichStates()
}

func (e explanation) whyNotCommitted() string {
	if e.object != nil {
		return e.whichStates()
	}
	if e.claim().op.State != "" && e.claim().op.State != e.claim().op.Argument {
		return fmt.Sprintf(", although it requested %s", e.claim().op.Argument)
	}
	if v := e.versions(); v != nil {
		return fmt.Sprintf(", when it could only have made version %s", joinOr(v))
	}
	if from, legal := e.candidateFrom(true); legal {
		return fmt.Sprintf("%s, and no order leaves room for the step from %s", e.whichStates(), e.nameOf(from))
	}
	if _, illegal := e.candidateFrom(false); !illegal {
		return e.whichStates()
	}
	return fmt.Sprintf("%s, from which %s is illegal", e.whichStates(), e.claim().op.Argument)
}

func (e explanation) whyNotIllegal() string {
	if e.object != nil {
		return e.whichStates()
	}
	if told := e.claim().state; told >= 0 && e.allows(told, e.claim()) {
		return fmt.Sprintf(", from which %s is legal", e.claim().op.Argument)
	}
	if v := e.versions(); v != nil {
		return fmt.Sprintf(", when that was possible only at version %s", joinOr(v))
	}
	_, illegal := e.candidateFrom(false)
	_, legal := e.candidateFrom(true)
	if illegal || !legal {
		return e.whichStates()
	}
	return fmt.Sprintf("%s, from which %s is legal", e.whichStates(), e.claim().op.Argument)
}

// whichStates describes the states that were possible.
func (e explanation) whichStates() string {
	states, cut := e.candidates()
	if len(states) == 0 {
		return ", which no order explains"
	}
	var names, fitting []string
	for _, s := range states {
		names = append(names, e.nameOf(s))
		if e.allows(s, e.claim()) {
			fitting = append(fitting, e.nameOf(s))
		}
	}
	if cut {
		names = append(names, andOthers)
	}
	if e.object != nil {
		sentence := fmt.Sprintf(", when it can only have been %s", joinOr(names))
		if len(fitting) > 0 {
			sentence += fmt.Sprintf(", and no order leaves room for its effect on %s", joinOr(fitting))
		}
		return sentence
	}
	return fmt.Sprintf(", when the state can only have been %s", joinOr(names))
}

// lastBefore returns the last committed operation that returned before the
// culprit's call.
func (c culprit) lastBefore() (before *history.Operation) {
	for _, e := range c.log[:c.at] {
		if op := e.c.op; e.ret && op.Outcome == history.Committed && op.Return < c.claim().op.Call {
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
