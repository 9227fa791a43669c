package campaign

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// historyRecorder records the history of a run, as observed by its clients.
type historyRecorder struct {
	operations []checker.Operation
	index      map[string]int // by operation id
}

// newHistoryRecorder returns an empty record with room for some operations.
func newHistoryRecorder(size int) historyRecorder {
	return historyRecorder{make([]checker.Operation, 0, size), make(map[string]int, size)}
}

// notInHistory is the index of an operation that the history omits.
const notInHistory = -1

// invokeRepeated records the invocation of o, which repeats an operation of the
// history: the two are one, and the system's oracle checks the response of o.
func (r *historyRecorder) invokeRepeated(o *scenarios.Operation) { r.index[o.ID] = notInHistory }

// invoke records the invocation of o. Until its response the outcome is unknown.
func (r *historyRecorder) invoke(o *scenarios.Operation, at scenarios.Duration) {
	r.index[o.ID] = len(r.operations)
	r.operations = append(r.operations, checker.Operation{
		Client: o.Client, ID: o.ID, Machine: o.Machine, Kind: kindInHistory(o.Kind), Argument: o.To,
		Call: int64(at), Return: checker.NoReturn, Outcome: checker.Unknown, Version: checker.NoVersion,
	})
}

// respond records the response. It returns false if the operation was not invoked,
// or has a response already.
func (r *historyRecorder) respond(at scenarios.Duration, f *scenarios.Response) bool {
	i, asked := r.index[f.Operation.ID]
	if asked && i == notInHistory {
		delete(r.index, f.Operation.ID)
		return true
	}
	if !asked || r.operations[i].Return != checker.NoReturn {
		return false
	}
	o := &r.operations[i]
	o.Return = int64(at)
	o.Outcome = outcomeInHistory(f.Outcome)
	o.Reason = f.Reason
	o.State = f.State
	o.Version = f.Version
	return true
}

// upTo drops invocations that are later than the end of the run.
func (r *historyRecorder) upTo(end scenarios.Duration) []checker.Operation {
	r.operations = slices.DeleteFunc(r.operations, func(o checker.Operation) bool { return o.Call > int64(end) })
	return r.operations
}

func (r *historyRecorder) outcomes() (n Outcomes) {
	for i := range r.operations {
		switch o := &r.operations[i]; o.Outcome {
		case checker.Committed:
			n.Committed++
			if o.Kind == checker.KindPropose {
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

// kindInHistory is the kind of an operation of a plan in a history. It panics at a
// kind that histories do not have.
func kindInHistory(k scenarios.Kind) checker.Kind {
	switch k {
	case scenarios.Propose:
		return checker.KindPropose
	case scenarios.Read:
		return checker.KindRead
	}
	panic(fmt.Sprintf("campaign: no operation of a history has kind %q", k))
}

// outcomeInHistory is the outcome of a response in a history. It panics at an
// outcome that histories do not have.
func outcomeInHistory(o scenarios.Outcome) checker.Outcome {
	switch o {
	case scenarios.Committed:
		return checker.Committed
	case scenarios.Rejected:
		return checker.Rejected
	case scenarios.Unknown:
		return checker.Unknown
	}
	panic(fmt.Sprintf("campaign: no operation of a history has outcome %q", o))
}
