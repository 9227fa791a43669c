package play

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// historyRecorder records the history of a run, as observed by its clients.
type historyRecorder struct {
	operations []history.Operation
	index      map[string]int    // by id of an operation without a response: its place in operations
	repeated   map[string]string // by id, of operations that are asked again: the first that asks the same
	places     map[string]int    // by id of that: its place in operations
	names      definitionNames
	model      *model.Model // of the objects; nil: machines
}

// newHistoryRecorder returns an empty record of a plan's operations, with room for a
// few more.
func newHistoryRecorder(p *scenarios.Plan, m *model.Model, more int) historyRecorder {
	size := len(p.Operations) + more
	r := historyRecorder{make([]history.Operation, 0, size), make(map[string]int, size), map[string]string{}, map[string]int{}, newDefinitionNames(p), m}
	for i := range p.Operations {
		o := &p.Operations[i]
		if q := p.FirstWithSameID(o); q != nil {
			r.repeated[o.ID], r.repeated[q.ID] = q.ID, q.ID
		}
	}
	return r
}

// sharedClients is the number of the first client that stands for several: the
// clients of an operation that is asked again.
const sharedClients = 1000

// invoke records the invocation of o. Until its response the outcome is unknown. An
// operation that is asked again, by any client, is one operation: it begins with its
// first invocation, and ends with its first certain response. It has a client of its
// own, since it may outlast its clients' responses.
func (r *historyRecorder) invoke(o *scenarios.Operation, at scenarios.Duration) {
	client := o.Client
	if first, ok := r.repeated[o.ID]; ok {
		if i, known := r.places[first]; known {
			r.index[o.ID] = i
			r.operations[i].Call = min(r.operations[i].Call, int64(at)) // times to come are recorded, not in order
			return
		}
		client = sharedClients + len(r.places)
		r.places[first] = len(r.operations)
	}
	r.index[o.ID] = len(r.operations)
	r.operations = append(r.operations, history.Operation{
		Client: client, ID: o.ID, Machine: o.Key, Kind: r.kind(o.Kind), Argument: r.names.requested(o), Expected: o.Expected,
		Call: int64(at), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
	})
}

// respond records the response. It returns false if the operation was not invoked,
// or has a response already.
func (r *historyRecorder) respond(at scenarios.Duration, f *scenarios.Response) bool {
	i, asked := r.index[f.Operation.ID]
	if !asked {
		return false
	}
	delete(r.index, f.Operation.ID)
	o := &r.operations[i]
	if _, repeated := r.repeated[f.Operation.ID]; repeated && (f.Outcome == scenarios.Unknown || o.Outcome != history.Unknown) {
		return true
	}
	o.Return = int64(at)
	o.Outcome = outcomeInHistory(f.Outcome)
	o.Reason = f.Reason
	o.State = r.names.state(o.Machine, f.State)
	o.Version = f.Version
	return true
}

// judgeable returns an error if no judge can make sense of a response: the model of the
// objects does not have it. Responses of machines always have some.
func (r *historyRecorder) judgeable(at scenarios.Duration, f *scenarios.Response) error {
	if r.model == nil {
		return nil
	}
	o := f.Operation
	op := history.Operation{
		Kind: r.kind(o.Kind), Argument: o.Argument, Expected: o.Expected, Return: int64(at),
		Outcome: outcomeInHistory(f.Outcome), State: f.State, Version: f.Version,
	}
	return op.Judgeable(&r.model.Grammar)
}

// upTo drops invocations that are later than the end of the run.
func (r *historyRecorder) upTo(end scenarios.Duration) []history.Operation {
	r.operations = slices.DeleteFunc(r.operations, func(o history.Operation) bool { return o.Call > int64(end) })
	return r.operations
}

func (r *historyRecorder) outcomes() (n Outcomes) {
	for i := range r.operations {
		switch o := &r.operations[i]; o.Outcome {
		case history.Committed:
			n.Committed++
			if r.changes(o.Kind) {
				n.Transitions++
			}
		case history.Rejected:
			n.Rejected++
		default:
			n.Unknown++
		}
	}
	return n
}

// kind is the kind of an operation in the history.
func (r *historyRecorder) kind(k scenarios.Kind) history.Kind {
	if r.model != nil {
		return history.Kind(k)
	}
	return kindInHistory(k)
}

// changes reports whether operations of a kind may change their object.
func (r *historyRecorder) changes(k history.Kind) bool {
	if r.model == nil {
		return k == history.KindPropose
	}
	form := r.model.Form(k)
	return form == nil || !form.ReadOnly
}

// kindInHistory is the kind of an operation on a machine in a history. It panics at a
// kind that histories do not have.
func kindInHistory(k scenarios.Kind) history.Kind {
	switch k {
	case scenarios.Propose, scenarios.Define:
		return history.KindPropose
	case scenarios.Read:
		return history.KindRead
	}
	panic(fmt.Sprintf("campaign: no operation of a history has kind %q", k))
}

// outcomeInHistory is the outcome of a response in a history. It panics at an
// outcome that histories do not have.
func outcomeInHistory(o scenarios.Outcome) history.Outcome {
	switch o {
	case scenarios.Committed:
		return history.Committed
	case scenarios.Rejected:
		return history.Rejected
	case scenarios.Unknown:
		return history.Unknown
	}
	panic(fmt.Sprintf("campaign: no operation of a history has outcome %q", o))
}
