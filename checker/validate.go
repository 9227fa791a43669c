package checker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ErrFormat is wrapped by every error about a history's contents.
var ErrFormat = errors.New("malformed history")

// fault is what is wrong with one field, and the remedy.
type fault struct{ field, problem string }

func (f *fault) Error() string { return f.field + ": " + f.problem }

func faultf(field, format string, args ...any) *fault {
	return &fault{field, fmt.Sprintf(format, args...)}
}

// alien is the reason why op is of no kind that m knows, or nil.
func (op *Operation) alien(m Model) *fault {
	switch m {
	case ModelRegister:
		if op.Kind != KindWrite && op.Kind != KindRead {
			return faultf("kind", "%q is neither %s nor %s, those of model %s", op.Kind, KindWrite, KindRead, m)
		}
	case ModelCASRegister, ModelKV:
		if op.Kind != KindWrite && op.Kind != KindCAS && op.Kind != KindRead {
			return faultf("kind", "%q is none of %s, %s and %s, those of model %s", op.Kind, KindWrite, KindCAS, KindRead, m)
		}
	default:
		if op.Kind != KindPropose && op.Kind != KindRead {
			return faultf("kind", "%q is neither %s nor %s", op.Kind, KindPropose, KindRead)
		}
	}
	return nil
}

// senseless is the reason why op cannot be judged by m, or nil.
func (op *Operation) senseless(m Model) *fault {
	if f := op.alien(m); f != nil {
		return f
	}
	switch {
	case op.Outcome != Committed && op.Outcome != Rejected && op.Outcome != Unknown:
		return faultf("outcome", "%q is none of %s, %s and %s", op.Outcome, Committed, Rejected, Unknown)
	case (op.Kind == KindWrite || op.Kind == KindCAS) && op.Argument == "":
		return faultf("argument", "missing: a %s gives a value, and no value is the empty text", op.Kind)
	case op.Kind == KindCAS && op.Expected == "":
		return faultf("expected", "missing: a cas expects a value: %q is that of a register that was never written", NoValue)
	case op.Version < NoVersion:
		return faultf("version", "%d is negative: omit it if the system reports none", op.Version)
	case op.Call < 0 || op.Call > MaxTime:
		return faultf("call", "%d is not within 0 to 2^62: give nanoseconds since the start of the history", op.Call)
	case op.Outcome == Unknown:
		return nil
	case op.Return == NoReturn:
		return faultf("return", "missing, but the operation was %s: give the time, or make the outcome %s", op.Outcome, Unknown)
	case op.Return < op.Call || op.Return > MaxTime:
		return faultf("return", "%d is not within the call, %d, to 2^62: take both times from one clock that never goes back", op.Return, op.Call)
	}
	return nil
}

// careless is the reason why a recorder of op made a mistake, though it can be
// judged, or nil.
func (op *Operation) careless() *fault {
	switch {
	case op.Client < 0:
		return faultf("client", "%d is negative: number clients from 0", op.Client)
	case op.ID == "":
		return faultf("id", "empty: every operation needs one")
	case op.Outcome == Unknown && op.Return != NoReturn && (op.Return < op.Call || op.Return > MaxTime):
		return faultf("return", "%d is not within the call, %d, to 2^62: omit it if the client never gave up", op.Return, op.Call)
	case op.Outcome == Committed && op.Reason != "":
		return faultf("reason", "%q: a committed operation has none: remove it", op.Reason)
	case op.Outcome == Rejected && op.Reason == "":
		return faultf("reason", "missing: a rejection has one: %q, or any other word", ReasonIllegal)
	case op.Reason == ReasonIllegal && (op.Kind == KindRead || op.Kind == KindWrite):
		return faultf("reason", "%q: a %s is never illegal: give another reason", op.Reason, op.Kind)
	case op.Kind == KindRead && op.Outcome == Committed && op.State == "":
		return faultf("state", "missing: a committed read tells one")
	case op.Outcome == Unknown && op.State != "":
		return faultf("state", "%q: an operation of unknown outcome tells none: remove it", op.State)
	case op.Outcome == Unknown && op.Version != NoVersion:
		return faultf("version", "%d: an operation of unknown outcome tells none: remove it", op.Version)
	}
	return op.asksWrong()
}

// asksWrong is what is wrong with what the client asked for, or nil.
func (op *Operation) asksWrong() *fault {
	switch {
	case op.Kind == KindPropose && op.Argument == "":
		return faultf("argument", "missing: a proposal asks for a state")
	case op.Kind == KindRead && op.Argument != "":
		return faultf("argument", "%q: a read has none: remove it", op.Argument)
	case op.Kind != KindCAS && op.Expected != "":
		return faultf("expected", "%q: only a cas expects a value: remove it", op.Expected)
	}
	return nil
}

// validator takes a history's operations in order, and finds what is wrong
// between them.
type validator struct {
	model       Model
	definitions map[string]*fsm.Definition
	machines    map[string]*fsm.Definition // by machine, those that were seen; of registers nil
	ids         map[string]int             // by operation id: its line
	clients     map[int]inFlight           // the last operation of each
	call        int64                      // of the operation before
	line        int                        // that of the operation; the header's is 1
}

type inFlight struct {
	id    string
	until int64
}

// newValidator checks the header.
func newValidator(m Model, definitions []fsm.Definition) (*validator, *fault) {
	v := &validator{
		model:       m,
		definitions: map[string]*fsm.Definition{},
		machines:    map[string]*fsm.Definition{},
		ids:         map[string]int{},
		clients:     map[int]inFlight{},
		line:        1,
	}
	if !v.ofMachines() && len(definitions) > 0 {
		return nil, faultf("definitions", "model %s has none: remove them", m)
	}
	for i := range definitions {
		d := &definitions[i]
		if err := d.Validate(); err != nil {
			return nil, faultf("definitions", "[%d]: %v", i, err)
		}
		if v.definitions[d.Name] != nil {
			return nil, faultf("definitions", "[%d]: %q is defined twice: remove one", i, d.Name)
		}
		v.definitions[d.Name] = d
	}
	return v, nil
}

func (v *validator) ofMachines() bool { return v.model == ModelMachine || v.model == "" }

// add checks the operation of line v.line. One that is refused leaves no trace.
func (v *validator) add(op *Operation) *fault {
	if f := op.senseless(v.model); f != nil {
		return f
	}
	if f := op.careless(); f != nil {
		return f
	}
	if line, twice := v.ids[op.ID]; twice {
		return faultf("id", "%q is that of line %d too: ids must differ", op.ID, line)
	}
	if f := v.names(op); f != nil {
		return f
	}
	if f := v.order(op); f != nil {
		return f
	}
	v.ids[op.ID] = v.line
	return nil
}

// names checks the machine, and that what op names is defined.
func (v *validator) names(op *Operation) *fault {
	d, seen := v.machines[op.Machine]
	if !seen {
		var f *fault
		if d, f = v.meet(op.Machine); f != nil {
			return f
		}
		v.machines[op.Machine] = d
	}
	switch {
	case d == nil:
		return nil
	case op.Argument != "" && !d.Has(op.Argument):
		return unknownState("argument", op.Argument, d)
	case op.State != "" && !d.Has(op.State):
		return unknownState("state", op.State, d)
	}
	return nil
}

// meet checks the name of a machine that is not known yet.
func (v *validator) meet(machine string) (*fsm.Definition, *fault) {
	if !v.ofMachines() {
		if !v.model.named() && len(v.machines) > 0 {
			return nil, faultf("machine", "%q is another than before, and model %s is one register: make the model %s", machine, v.model, ModelKV)
		}
		return nil, nil
	}
	definition, _, err := fsm.SplitKey(machine)
	if err != nil {
		return nil, faultf("machine", "%v", err)
	}
	d := v.definitions[definition]
	if d == nil {
		return nil, faultf("machine", "definition %q is not among those of the header: add it", definition)
	}
	return d, nil
}

func unknownState(field, state string, d *fsm.Definition) *fault {
	return faultf(field, "%q is no state of definition %q: it has %s", state, d.Name, strings.Join(d.States, ", "))
}

// order checks that op comes after its predecessors. A client may go on when
// an operation of unknown outcome has returned, that is, when it gave up; one
// that is still waiting may not.
func (v *validator) order(op *Operation) *fault {
	if op.Call < v.call {
		return faultf("call", "%d is before %d, the call of the line above: sort the lines by call", op.Call, v.call)
	}
	until := op.Return
	if until == NoReturn {
		until = MaxTime + 1
	}
	last, found := v.clients[op.Client]
	if found && last.until > MaxTime {
		return faultf("client", "%d was still waiting for operation %s, which never returned: give that one a return, when the client gave up", op.Client, last.id)
	}
	if found && op.Call < last.until {
		return faultf("call", "%d is before %d, the return of operation %s of the same client: a client has one operation in flight", op.Call, last.until, last.id)
	}
	v.call = op.Call
	v.clients[op.Client] = inFlight{op.ID, until}
	return nil
}
