package checker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Options bound a check.
type Options struct {
	Timeout time.Duration // of the whole check; 0: none
	Memory  int64         // bytes for configurations, beyond what the operations need; 0: DefaultMemory
	Explain bool          // find the smallest contradiction of a violation, see Result

	// CrossCheck asks Porcupine for a second opinion on each machine with few
	// operations. If it disagrees the history is Undecided: one of the two is
	// wrong. It is not for Streams.
	CrossCheck bool

	// Unversioned is for a Stream that cannot know beforehand: no operation
	// will tell a version. Not to count them spares work.
	Unversioned bool
}

// DefaultMemory is enough for all but the hopeless.
const DefaultMemory = 256 << 20

// Status of a history.
type Status string

// Statuses.
const (
	Linearizable Status = "linearizable" // there is an order that explains everything
	Violated     Status = "violated"     // there is none
	Undecided    Status = "undecided"    // time ran out, or the history makes no sense
)

// Classes of violation, by what the culprit's client was told.
const (
	ClassRead            = "read"             // a read of what the machine cannot have been
	ClassCommitted       = "committed"        // a commit that cannot have happened
	ClassRejectedIllegal = "rejected-illegal" // a rejection as illegal of what was legal all along
	ClassRejectedEffect  = "rejected-effect"  // a rejection of what did take effect
)

// Result of a check. It depends on nothing but the history, unless time ran
// out. Beyond the status it is about one machine.
type Result struct {
	Status        Status
	Machine       string      // the first machine, by name, that is violated; or else undecided
	Culprit       *Operation  // the operation whose return completes the contradiction; nil if time ran out before it was found
	Class         string      // signature of the violation, without names, ids or times; empty if time ran out
	Explanation   string      // one sentence for people; empty when linearizable
	Contradiction []Operation // with Options.Explain: operations that contradict each other, see contradiction; in order of call
	Premise       string      // what holds when Contradiction begins, as far as it takes part
}

// Check tells whether h is linearizable.
//
// Not everything that Read refuses is of concern here: a history may break off
// anywhere, and a client told of a state that does not exist is a violation.
// But what cannot be judged at all, as when a machine's definition is missing,
// is Undecided. So is a history whose check ctx or the timeout cut short,
// unless a violation was found.
func Check(ctx context.Context, h History, o Options) Result {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	result := Result{Status: Linearizable}
	var last *automaton
	for _, m := range machines(h.Operations) {
		a, err := m.compile(h, last)
		if err != nil {
			result = result.worse(m.undecided("cannot be judged: " + err.Error()))
			continue
		}
		m.automaton, last = a, a
		r := m.check(ctx, o)
		if o.CrossCheck && m.crossCheckDiffers(ctx, r.Status) {
			return m.undecided(fmt.Sprintf("the checkers disagree: it is %s, but not by Porcupine; please report this history as a bug of lockstep", r.Status))
		}
		if result = result.worse(r); result.Status == Violated {
			break
		}
	}
	return result
}

// worse is the worse of two results, the first if they are alike.
func (r Result) worse(other Result) Result {
	if other.Status == Violated || r.Status == Linearizable {
		return other
	}
	return r
}

// machine is what one machine went through.
type machine struct {
	*automaton
	name       string
	operations []*Operation // in order of call
}

// machines is the operations, machine by machine, by name.
func machines(ops []Operation) []machine {
	var machines []machine
	last, known := -1, map[string]int{}
	for i := range ops {
		op := &ops[i]
		if last < 0 || machines[last].name != op.Machine {
			at, found := known[op.Machine]
			if !found {
				at = len(machines)
				known[op.Machine] = at
				machines = append(machines, machine{name: op.Machine})
			}
			last = at
		}
		machines[last].operations = append(machines[last].operations, op)
	}
	byCall := func(x, y *Operation) int { return cmp.Compare(x.Call, y.Call) }
	for _, m := range machines {
		if !slices.IsSortedFunc(m.operations, byCall) {
			slices.SortStableFunc(m.operations, byCall)
		}
	}
	slices.SortFunc(machines, func(x, y machine) int { return cmp.Compare(x.name, y.name) })
	return machines
}

// compile makes m's automaton, unless it has one, and ensures that its operations can be judged.
func (m machine) compile(h History, last *automaton) (*automaton, error) {
	for _, op := range m.operations {
		if f := op.checkJudgeable(h.Model); f != nil {
			return nil, fmt.Errorf("operation %s: %w", op.ID, f)
		}
	}
	if m.automaton != nil {
		return m.automaton, nil
	}
	switch h.Model {
	case ModelMachine, "":
		return compileFor(m.name, h.Definitions, last)
	case ModelRegister, ModelCASRegister, ModelKV:
		return newRegister(), nil
	}
	return nil, fmt.Errorf("model %q is not known", h.Model)
}

// check asks the cheapest first: for a witness, for a linearization just in
// time, and, should that be too much for the memory allowed, Porcupine.
func (m machine) check(ctx context.Context, o Options) Result {
	checked := m.checkedOps()
	if m.witness(checked) {
		return Result{Status: Linearizable}
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	j, source, last := m.linearize(ctx, checked, o.Memory)
	switch {
	case j.current.stopped:
		return m.fallback(ctx, checked, last, o)
	case j.impossible():
		return m.violation(j.refute(source.next), o)
	}
	return Result{Status: Linearizable}
}

// initialWidth is how many configurations a first attempt keeps, where more would
// be: mostly one of them leads to the end. If none does, it takes more.
const initialWidth = 16

// linearize goes through the claims to their end, or that of possibility, time or
// memory; last is where it stopped. What it finds does not depend on how many
// configurations it left out: that none is left is believed only if it left
// out none.
func (m machine) linearize(ctx context.Context, checked []checkedOp, memory int64) (j *monitor, source *events, last *checkedOp) {
	for width := initialWidth; ; width *= 16 {
		j = newMonitor(ctx, m.automaton, hasVersions(checked), int(memory/8))
		j.current.width = width
		source = newEvents(checked)
		for e, more := source.next(); more; e, more = source.next() {
			last = e.c
			if !j.add(e) || j.current.stopped {
				break
			}
		}
		if j.current.stopped || !j.impossible() || !j.current.narrowed {
			return j, source, last
		}
	}
}

// hasVersions reports whether any claim tells a version.
func hasVersions(checked []checkedOp) bool {
	return slices.ContainsFunc(checked, func(c checkedOp) bool { return c.version != NoVersion })
}

// fallback is for when the judge ran out of time or memory.
func (m machine) fallback(ctx context.Context, checked []checkedOp, at *checkedOp, o Options) Result {
	if ctx.Err() != nil {
		return m.undecided("the check ran out of time")
	}
	switch m.search(ctx, checked, o.Memory) {
	case possible:
		return Result{Status: Linearizable}
	case impossible:
		return Result{Status: Violated, Machine: m.name, Explanation: m.title() + ": no order explains its operations"}
	}
	return m.undecided(fmt.Sprintf("the check ran out of memory at %s, with too many orders possible", at.op.ID))
}

// Bounds on a second opinion: operations, and steps of the search. They and not
// time, so that a verdict depends on the history alone.
const (
	maxCrossChecked = 64
	maxCrossSteps   = 100_000
)

// crossCheckDiffers reports whether Porcupine, given time to decide, does not share a
// verdict.
func (m machine) crossCheckDiffers(ctx context.Context, verdict Status) bool {
	if len(m.operations) > maxCrossChecked || verdict == Undecided {
		return false
	}
	second := m.runPorcupine(ctx, m.checkedOps(), maxCrossSteps)
	return second == possible && verdict == Violated || second == impossible && verdict == Linearizable
}

// checkedOps is what all of m's operations claim.
func (m machine) checkedOps() []checkedOp {
	checked := make([]checkedOp, len(m.operations))
	for i, op := range m.operations {
		checked[i] = m.checkedOp(op)
	}
	return checked
}

// title names m in sentences. The only register of a history may have no name.
func (m machine) title() string { return cmp.Or(m.name, "register") }

func (m machine) undecided(why string) Result {
	return Result{Status: Undecided, Machine: m.name, Explanation: m.title() + ": " + why}
}
