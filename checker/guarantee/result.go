package guarantee

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Guarantee is the name of a guarantee.
type Guarantee string

// Guarantees. docs/GUARANTEES.md defines them.
const (
	Chosen         Guarantee = "chosen"
	Watch          Guarantee = "watch"
	MonotonicReads Guarantee = "monotonic-reads"
	ExactlyOnce    Guarantee = "exactly-once"
	Convergence    Guarantee = "convergence"
)

// guarantees lists all, in the order of results.
var guarantees = [...]Guarantee{Chosen, Watch, MonotonicReads, ExactlyOnce, Convergence}

// Status is the verdict on a guarantee.
type Status string

// Statuses.
const (
	Holds    Status = "holds"    // nothing that was seen contradicts it
	Violated Status = "violated" // see Explanation
	Unjudged Status = "unjudged" // nothing was seen that it could be judged by
)

// Result is the result for one guarantee.
type Result struct {
	Guarantee   Guarantee
	Status      Status
	Judged      int        // number of operations and observations that the guarantee applies to
	Class       string     // class of the violation, without names, ids or times
	Machine     string     // the machine of the violation
	Explanation string     // one sentence for people
	Evidence    []Evidence // the items that contradict each other: usually two
}

// Evidence is an operation of the history or an observation: one of the two is
// set.
type Evidence struct {
	Operation   *history.Operation
	Observation *Observation
}

func (e Evidence) none() bool { return e.Operation == nil && e.Observation == nil }

// time returns the time by which e was known.
func (e Evidence) time() int64 {
	if e.Operation != nil {
		return e.Operation.Return
	}
	return e.Observation.Time
}

// state returns the state of the machine at a version according to e, which
// must be evidence of it.
func (e Evidence) state(version int64) string {
	switch {
	case e.Operation != nil && tellsNewVersion(e.Operation):
		return e.Operation.Argument
	case e.Operation != nil:
		return e.Operation.State
	case version == e.Observation.Version:
		return e.Observation.State
	}
	return e.Observation.From
}

// operation returns the operation that made the version according to e.
func (e Evidence) operation() string {
	if e.Operation != nil {
		return e.Operation.ID
	}
	return e.Observation.Operation
}

// madeBy returns the operation that made a version according to e; empty if e
// names none.
func (e Evidence) madeBy(version int64) string {
	switch {
	case e.Operation != nil && tellsNewVersion(e.Operation), e.Observation != nil && e.Observation.Version == version:
		return e.operation()
	}
	return ""
}

// tellsNewVersion reports whether op's response has the version that op made.
func tellsNewVersion(op *history.Operation) bool {
	return op.Outcome == history.Committed && op.Kind == history.KindPropose && op.Version != history.NoVersion
}

// String describes e as the beginning of a sentence.
func (e Evidence) String() string {
	if e.Operation != nil {
		return describeOperation(e.Operation)
	}
	o := e.Observation
	at := time.Duration(o.Time)
	switch o.Kind {
	case State:
		return fmt.Sprintf("%s reported %s at version %d at %v", o.Source, o.State, o.Version, at)
	case Transition:
		from, by := "a step", ""
		if o.From != "" {
			from = "a step from " + o.From
		}
		if o.Operation != "" {
			by = " by " + o.Operation
		}
		return fmt.Sprintf("%s reported %s to %s at version %d%s at %v", o.Source, from, o.State, o.Version, by, at)
	case Gap:
		return fmt.Sprintf("%s reported a gap from version %d to %d at %v", o.Source, o.First, o.Version, at)
	case Resume:
		return fmt.Sprintf("%s resumed at %v", o.Source, at)
	case End:
		return fmt.Sprintf("%s was observed until %v", o.Source, at)
	case Local:
		return fmt.Sprintf("%s answered a local read with %s at version %d at %v", o.Source, o.State, o.Version, at)
	case Entry:
		return fmt.Sprintf("%s showed at the end, at %v, that %s made version %d, %s", o.Source, at, o.Operation, o.Version, o.State)
	default:
		return fmt.Sprintf("%s ended with %s at version %d, at %v", o.Source, o.State, o.Version, at)
	}
}

// describeOperation describes op and its response.
func describeOperation(op *history.Operation) string {
	call, back := time.Duration(op.Call), time.Duration(op.Return)
	switch {
	case op.Outcome == history.Unknown:
		return fmt.Sprintf("%s requested %s at %v", op.ID, op.Argument, call)
	case op.Outcome == history.Rejected && op.Version == history.NoVersion:
		return fmt.Sprintf("%s requested %s at %v and was rejected by %v", op.ID, op.Argument, call, back)
	case op.Outcome == history.Rejected:
		return fmt.Sprintf("%s requested %s at %v and was rejected by %v, in %s at version %d", op.ID, op.Argument, call, back, op.State, op.Version)
	case op.Kind == history.KindRead:
		return fmt.Sprintf("%s read %s at version %d between %v and %v", op.ID, op.State, op.Version, call, back)
	case op.Version == history.NoVersion:
		return fmt.Sprintf("%s committed %s between %v and %v", op.ID, op.Argument, call, back)
	default:
		return fmt.Sprintf("%s committed %s at version %d between %v and %v", op.ID, op.Argument, op.Version, call, back)
	}
}
