package checker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// Options are the limits and extras of a check.
type Options struct {
	Timeout time.Duration // of the whole check; 0: none
	Memory  int64         // bytes for configurations and states, besides the operations, of all machines that are judged at once; 0: DefaultMemory
	Explain bool          // find a minimal contradiction of a violation, see Result

	// Model judges the history in place of the model that is known by the name
	// that the history has, or if none is.
	Model *model.Model

	// CrossCheck has Porcupine check each machine with few operations, too. If
	// its verdict differs the history is Undecided: one of the two checkers is
	// wrong. A Stream ignores it.
	CrossCheck bool

	// Unversioned promises a Stream, which cannot look ahead, that no operation
	// reports a version. It then need not count versions.
	Unversioned bool
}

// DefaultMemory is the default of Options.Memory. It suffices unless a history
// has very many operations in flight or of unknown outcome.
const DefaultMemory = 256 << 20

// Status is the verdict on a history.
type Status string

// Statuses.
const (
	Linearizable Status = "linearizable" // there is an order that explains everything
	Violated     Status = "violated"     // there is none
	Undecided    Status = "undecided"    // time ran out, or the history makes no sense
)

// Classes of violation, by the response of the culprit.
const (
	ClassRead            = "read"             // a read of what the machine cannot have been
	ClassCommitted       = "committed"        // a commit that cannot have happened
	ClassRejectedIllegal = "rejected-illegal" // a rejection as illegal of what was legal all along
	ClassRejectedEffect  = "rejected-effect"  // a rejection of what did take effect
)

// Result is the result of a check. It depends on the history alone, unless time
// ran out. All fields but Status are about one machine.
type Result struct {
	Status        Status
	Machine       string              // the first machine, by name, that is violated; or else undecided
	Culprit       *history.Operation  // the operation whose return completes the contradiction; nil if time ran out before it was found
	Class         string              // class of the violation, without names, ids or times; empty if time ran out
	Explanation   string              // one sentence for people; empty when linearizable
	Contradiction []history.Operation // with Options.Explain: operations that contradict each other, in order of call; see contradiction
	Premise       string              // the possible states when Contradiction begins, if it depends on them
	Unjudgeable   bool                // Undecided, because it does not fit its model: more time or memory would not help
	Account       *Account            // with Options.Explain, unless linearizable: the verdict for readers
}

// Check reports whether h is linearizable.
//
// It does not repeat all checks of history.Read: a history may end anywhere, and a
// response with a state that does not exist is a violation. A machine that
// cannot be checked, because its definition is missing for example, is
// Undecided. A history is Undecided, too, if ctx or the timeout ended its
// check, unless a violation had been found.
func Check(ctx context.Context, h history.History, o Options) Result {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	j, err := newJudge(&h, o.Model)
	if err != nil {
		return Result{Status: Undecided, Explanation: "the history cannot be judged: " + err.Error(), Unjudgeable: true}
	}
	all, err := j.machines(h.Operations)
	if err != nil {
		return Result{Status: Undecided, Explanation: "the history cannot be judged: " + err.Error(), Unjudgeable: true}
	}
	r, worst := j.checkAll(ctx, all, o)
	if o.Explain && r.Status != Linearizable {
		r.Account = newAccount(r, j, all[worst].operations)
	}
	return r
}

// checkAll returns the worst result of all machines, and the index of its machine: of a
// violation the first, or else of the first that is undecided.
func (j *judge) checkAll(ctx context.Context, all []machine, o Options) (worst Result, of int) {
	if j.dividesWork(all) {
		return j.checkAtOnce(ctx, all, o)
	}
	return worstOf(len(all), func(i int) Result { return j.check(ctx, all[i], o) })
}

// worstOf returns the worst of n results, and its index. None after a violation is asked for.
func worstOf(n int, result func(i int) Result) (worst Result, of int) {
	worst.Status = Linearizable
	for i := 0; i < n && worst.Status != Violated; i++ {
		if r := result(i); r.Status == Violated || worst.Status == Linearizable {
			worst, of = r, i
		}
	}
	return worst, of
}

// worse returns the worse of two results, and the first if they are equally
// bad.
func (r Result) worse(other Result) Result {
	if other.Status == Violated || r.Status == Linearizable {
		return other
	}
	return r
}

// machine is one machine with its operations.
type machine struct {
	*automaton
	name       string
	operations []*history.Operation // in order of call
}

// machines groups the operations by machine and sorts the machines by name.
func machines(ops []history.Operation) []machine {
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
	for _, m := range machines {
		m.sort()
	}
	slices.SortFunc(machines, func(x, y machine) int { return cmp.Compare(x.name, y.name) })
	return machines
}

// sort puts the operations into order of call.
func (m machine) sort() {
	byCall := func(x, y *history.Operation) int { return cmp.Compare(x.Call, y.Call) }
	if !slices.IsSortedFunc(m.operations, byCall) {
		slices.SortStableFunc(m.operations, byCall)
	}
}

// check judges m, which has an automaton. It tries the checkers in order of cost:
// what spares a walk, lists, clusters, the witness, contradictions of versions, just-in-time
// linearization and, if that exceeds the
// memory allowed, Porcupine.
func (m machine) check(ctx context.Context, o Options) Result {
	if r, decided := m.checkShaped(ctx, o); decided {
		return r
	}
	if r, decided := m.checkLists(ctx, o); decided {
		return r
	}
	checked := m.checkedOps()
	if r, decided := m.checkClusters(ctx, checked, o); decided {
		return r
	}
	if m.object == nil && m.witness(checked) {
		return Result{Status: Linearizable}
	}
	if r, decided := m.checkVersions(ctx, checked, o); decided {
		return r
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	r, p, decided := m.scouted(ctx, checked, o)
	if decided {
		return r
	}
	last := p.run()
	switch {
	case p.current.stopped:
		return m.fallback(ctx, checked, last, o)
	case p.impossible():
		return m.violation(p.refute(), o)
	}
	return Result{Status: Linearizable}
}

// hasVersions reports whether any operation reports a version.
func hasVersions(checked []checkedOp) bool {
	return slices.ContainsFunc(checked, func(c checkedOp) bool { return c.version != history.NoVersion })
}

// fallback returns the result if linearize ran out of time or memory.
func (m machine) fallback(ctx context.Context, checked []checkedOp, at *checkedOp, o Options) Result {
	if ctx.Err() != nil {
		return m.undecided("the check ran out of time")
	}
	if m.object != nil {
		return m.tooManyOrders(at)
	}
	switch m.search(ctx, checked, o.Memory) {
	case possible:
		return Result{Status: Linearizable}
	case impossible:
		return Result{Status: Violated, Machine: m.name, Explanation: m.title() + ": no order explains its operations"}
	}
	return m.tooManyOrders(at)
}

func (m machine) tooManyOrders(at *checkedOp) Result {
	return m.undecided(fmt.Sprintf("the check ran out of memory at %s, with too many orders possible", at.op.ID))
}

// Limits of a cross-check: operations, and steps of the search. Time is no
// limit, so that the verdict depends on the history alone.
const (
	maxCrossChecked = 64
	maxCrossSteps   = 100_000
)

// crossCheckDiffers reports whether Porcupine, if it decides within its limits,
// contradicts verdict.
func (m machine) crossCheckDiffers(ctx context.Context, verdict Status) bool {
	if m.object != nil || len(m.operations) > maxCrossChecked || verdict == Undecided {
		return false
	}
	second := m.runPorcupine(ctx, m.checkedOps(), maxCrossSteps)
	return second == possible && verdict == Violated || second == impossible && verdict == Linearizable
}

// checkedOps translates m's operations.
func (m machine) checkedOps() []checkedOp {
	checked := make([]checkedOp, len(m.operations))
	for i, op := range m.operations {
		checked[i] = m.checkedOp(op)
		checked[i].number = int32(i)
	}
	return checked
}

// title returns m's name for sentences. The only object of a history may have no
// name.
func (m machine) title() string {
	if m.automaton != nil && m.object != nil {
		return cmp.Or(m.name, string(m.object.model.Name))
	}
	return cmp.Or(m.name, "register")
}

// unjudgeable returns the result of a machine that does not fit its model.
func (m machine) unjudgeable(why string) Result {
	r := m.undecided("cannot be judged: " + why)
	r.Unjudgeable = true
	return r
}

func (m machine) undecided(why string) Result {
	return Result{Status: Undecided, Machine: m.name, Explanation: m.title() + ": " + why}
}
