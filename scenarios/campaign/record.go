package campaign

import (
	"slices"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// record is the history of a run, as its clients saw it.
type record struct {
	operations []checker.Operation
	index      map[string]int // by operation id
}

// newRecord is an empty record with room for some operations.
func newRecord(size int) record {
	return record{make([]checker.Operation, 0, size), make(map[string]int, size)}
}

// untold is the place of an operation that the history does not tell of.
const untold = -1

// repeat notes that o starts, which repeats one that the history tells of: to
// that, they are one, and what o is told is for the system to judge.
func (r *record) repeat(o *scenarios.Operation) { r.index[o.ID] = untold }

// call notes that o starts. Until it returns its outcome is unknown.
func (r *record) call(o *scenarios.Operation, at scenarios.Duration) {
	r.index[o.ID] = len(r.operations)
	r.operations = append(r.operations, checker.Operation{
		Client: o.Client, ID: o.ID, Machine: o.Machine, Kind: checker.Kind(o.Kind), Argument: o.To,
		Call: int64(at), Return: checker.NoReturn, Outcome: checker.Unknown, Version: checker.NoVersion,
	})
}

// returned notes what the client learnt. It reports false if the client was not
// asked, or has returned before.
func (r *record) returned(at scenarios.Duration, f *scenarios.Response) bool {
	i, asked := r.index[f.Operation.ID]
	if asked && i == untold {
		delete(r.index, f.Operation.ID)
		return true
	}
	if !asked || r.operations[i].Return != checker.NoReturn {
		return false
	}
	o := &r.operations[i]
	o.Return = int64(at)
	o.Outcome = checker.Outcome(f.Outcome)
	o.Reason = f.Reason
	o.State = f.State
	o.Version = f.Version
	return true
}

// until drops what was to start later than the end of the run.
func (r *record) until(end scenarios.Duration) []checker.Operation {
	r.operations = slices.DeleteFunc(r.operations, func(o checker.Operation) bool { return o.Call > int64(end) })
	return r.operations
}

func (r *record) outcomes() (n Outcomes) {
	for i := range r.operations {
		switch o := &r.operations[i]; o.Outcome {
		case checker.Committed:
			n.Committed++
			if o.Kind == checker.Kind(scenarios.Propose) {
				n.Transitions++
			}
		case checker.Rejected:
			n.Rejected++
		default:
			n.Unknown++
		}
	}
	return n
}
