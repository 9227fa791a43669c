package checker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// shaped judges the operations of an object whose shape spares the walk through
// configurations: of a queue to which no item is added twice, for example.
type shaped interface {
	// conflict is a conflictFinder. In an excerpt that leaves out operations it may
	// miss a contradiction: then more operations are shown than are needed.
	conflict(x excerpt) (evidence []int32, verdict feasibility)
	excerpt() *excerpts
}

func (c *excerpts) excerpt() *excerpts { return c }

// shapedOf returns the operations of m as their shape has it; false if they have
// none, and must be walked.
func (m machine) shapedOf() (shaped, bool) {
	if m.object == nil || !m.object.standard {
		return nil, false
	}
	switch m.object.model.Name {
	case history.ModelQueue:
		return newFIFO(m)
	case history.ModelSet:
		return newGrowingSet(m)
	case history.ModelCounter:
		return newIncrements(m)
	case history.ModelLock:
		return newHolds(m)
	}
	return nil, false
}

// checkShaped judges m by its shape, if it has one that decides it.
func (m machine) checkShaped(ctx context.Context, o Options) (r Result, decided bool) {
	if m.object != nil && m.object.standard && m.object.model.Name == history.ModelSet {
		if r, decided = m.checkElements(ctx, o); decided {
			return r, true
		}
	}
	s, fits := m.shapedOf()
	if !fits {
		return Result{}, false
	}
	c := s.excerpt()
	if len(c.returns) == 0 {
		return Result{Status: Linearizable}, true
	}
	evidence, verdict := s.conflict(excerpt{last: int32(len(c.returns) - 1)})
	switch verdict {
	case possible:
		return Result{Status: Linearizable}, true
	case unsure:
		return Result{}, false
	}
	if r := m.inWords(ctx, o); r.Culprit != nil {
		return r, true
	}
	last, ok := c.culprit(ctx, evidence, s.conflict)
	if !ok {
		return Result{Status: Violated, Machine: m.name, Explanation: m.title() + ": no order explains its operations, but it was not found out which of them completes the contradiction"}, true
	}
	op := c.ops[c.returns[last]].op
	r = Result{Status: Violated, Machine: m.name, Culprit: new(*op), Class: m.classOf(s, last)}
	contradiction, known := shapedContradiction(s, last)
	if !known {
		r.Explanation = fmt.Sprintf("%s: %s %s between %s and %s, which no order explains", m.title(), op.ID, describeBriefly(op), formatTime(op.Call), formatTime(op.Return))
		return r, true
	}
	r.Explanation = m.explainShaped(op, contradiction)
	if o.Explain {
		r.Contradiction = contradiction
	}
	return r, true
}

// shapedContradiction returns the contradiction that a return completes, unless it
// is too large.
func shapedContradiction(s shaped, last int32) (contradiction []history.Operation, known bool) {
	c := s.excerpt()
	evidence, _ := s.conflict(excerpt{last: last})
	members := c.membersOf(last, evidence)
	if len(members) > maxEvidence {
		return nil, false
	}
	if _, verdict := s.conflict(c.without(last, members, nil)); verdict != impossible {
		return nil, false
	}
	return c.contradiction(last, s.conflict), true
}

// maxEvidence is the number of operations up to which a contradiction is worked
// out. A queue that has lost an item may need all operations since to prove it.
const maxEvidence = 256

// Limits of the attempt to have the walk explain a violation, which it does
// better: it knows the states that were possible.
const (
	maxWalked    = 64        // operations
	walkedMemory = 256 << 10 // bytes
)

// inWords returns the violation of a small object in the words of the walk; none if
// it takes too much.
func (m machine) inWords(ctx context.Context, o Options) Result {
	if len(m.operations) > maxWalked {
		return Result{}
	}
	p := newPilot(ctx, m, m.checkedOps(), walkedMemory)
	p.run()
	if p.current.stopped || !p.impossible() {
		return Result{}
	}
	return m.violation(p.refute(), o)
}

// claimedOps translates m's operations as far as their outcome goes: requests and
// responses get no numbers.
func (m machine) claimedOps() []checkedOp {
	ops := make([]checkedOp, len(m.operations))
	for i, op := range m.operations {
		c := &ops[i]
		*c = checkedOp{op: op, call: op.Call, ret: op.Return, version: history.NoVersion, from: unspecified, to: unspecified, state: unspecified}
		form := m.object.model.Form(op.Kind)
		observes := form != nil && form.ReadOnly
		switch {
		case op.Outcome == history.Unknown:
			if c.ret = forever; !observes {
				c.meaning = unknownStep
			}
		case !claims(op):
		case op.Outcome == history.Rejected:
			c.meaning = rejectedIllegal
		case observes:
			c.meaning = committedRead
		default:
			c.meaning = committedStep
		}
	}
	return ops
}

// classOf returns the class of a violation by its culprit, of a rank.
func (m machine) classOf(s shaped, rank int32) string {
	c := s.excerpt()
	culprit := &c.ops[c.returns[rank]]
	if culprit.op.Outcome == history.Committed {
		if form := m.object.model.Form(culprit.op.Kind); form != nil && form.ReadOnly {
			return ClassRead
		}
		return ClassCommitted
	}
	truth := culprit.meaning
	culprit.meaning = noEffect
	defer func() { culprit.meaning = truth }()
	if _, verdict := s.conflict(excerpt{last: rank}); verdict == impossible {
		return ClassRejectedEffect
	}
	return ClassRejectedIllegal
}

// maxMentioned is the number of operations that a sentence mentions besides the
// culprit.
const maxMentioned = 4

// maxWords is the length up to which a sentence describes one operation: a read of a
// set may list thousands of elements.
const maxWords = 200

func describeBriefly(op *history.Operation) string {
	words := describeOperation(op)
	if len(words) > maxWords {
		words = strings.ToValidUTF8(words[:maxWords], "") + "…"
	}
	return words
}

// explainShaped says what contradicts the culprit.
func (m machine) explainShaped(op *history.Operation, contradiction []history.Operation) string {
	var others []string
	for _, other := range mentioned(op, contradiction) {
		others = append(others, fmt.Sprintf("%s %s between %s and %s", other.ID, describeBriefly(other), formatTime(other.Call), formatTime(other.Return)))
	}
	why := "which no other operations by then explain"
	if len(others) > 0 {
		why = "when " + strings.Join(others, " and ")
	}
	if more := len(contradiction) - 1 - len(others); more > 0 {
		why += fmt.Sprintf(", and %d more contradict it", more)
	}
	return fmt.Sprintf("%s: %s %s between %s and %s, %s", m.title(), op.ID, describeBriefly(op), formatTime(op.Call), formatTime(op.Return), why)
}

// mentioned returns the operations that say most about a contradiction, in order of
// call: what wrote something, such as the item that a queue lost; and then the last.
func mentioned(culprit *history.Operation, contradiction []history.Operation) (ops []*history.Operation) {
	for _, wrote := range []bool{true, false} {
		for i := range slices.Backward(contradiction) {
			op := &contradiction[i]
			if op.ID != culprit.ID && len(writes(op)) > 0 == wrote && len(ops) < maxMentioned {
				ops = append(ops, op)
			}
		}
	}
	slices.SortStableFunc(ops, func(x, y *history.Operation) int { return compare(x.Call, y.Call) })
	return ops
}
