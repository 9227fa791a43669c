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

// senseless is the reason why op cannot be judged, or nil.
func (op *Operation) senseless(m Model) *fault {
	switch {
	case !m.has(op.Kind):
		return faultf("kind", "%q is neither %s nor %s", op.Kind, KindPropose, KindRead)
	case op.Outcome != Committed && op.Outcome != Rejected && op.Outcome != Unknown:
		return faultf("outcome", "%q is none of %s, %s and %s", op.Outcome, Committed, Rejected, Unknown)
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
	case op.Kind == KindPropose && op.Argument == "":
		return faultf("argument", "missing: a proposal asks for a state")
	case op.Kind == KindRead && op.Argument != "":
		return faultf("argument", "%q: a read has none: remove it", op.Argument)
	case op.Outcome == Unknown && op.Return != NoReturn && (op.Return < op.Call || op.Return > MaxTime):
		return faultf("return", "%d is not within the call, %d, to 2^62: omit it if the client never gave up", op.Return, op.Call)
	case op.Outcome == Committed && op.Reason != "":
		return faultf("reason", "%q: a committed operation has none: remove it", op.Reason)
	case op.Outcome == Rejected && op.Reason == "":
		return faultf("reason", "missing: a rejection has one: %q, or any other word", ReasonIllegal)
	case op.Kind == KindRead && op.Reason == ReasonIllegal:
		return faultf("reason", "%q: a read is never illegal: give another reason", op.Reason)
	case op.Kind == KindRead && op.Outcome == Committed && op.State == "":
		return faultf("state", "missing: a committed read tells one")
	case op.Outcome == Unknown && op.State != "":
		return faultf("state", "%q: an operation of unknown outcome tells none: remove it", op.State)
	case op.Version < NoVersion:
		return faultf("version", "%d is negative: omit it if the system reports none", op.Version)
	case op.Outcome == Unknown && op.Version != NoVersion:
		return faultf("version", "%d: an operation of unknown outcome tells none: remove it", op.Version)
	}
	return nil
}

// validator takes a history's operations in order, and finds what is wrong
// between them.
type validator struct {
	definitions map[string]fsm.Definition
	lines       map[string]int   // by operation id: where it was
	clients     map[int]inFlight // the last operation of each
	call        int64            // of the operation before
	line        int              // that of the last operation; the header's is 1
}

type inFlight struct {
	id    string
	until int64
}

// newValidator checks the header.
func newValidator(definitions []fsm.Definition) (*validator, *fault) {
	v := &validator{
		definitions: map[string]fsm.Definition{},
		lines:       map[string]int{},
		clients:     map[int]inFlight{},
		line:        1,
	}
	for i, d := range definitions {
		if err := d.Validate(); err != nil {
			return nil, faultf("definitions", "[%d]: %v", i, err)
		}
		if _, twice := v.definitions[d.Name]; twice {
			return nil, faultf("definitions", "[%d]: %q is defined twice: remove one", i, d.Name)
		}
		v.definitions[d.Name] = d
	}
	return v, nil
}

// add checks the operation of the next line.
func (v *validator) add(op *Operation) *fault {
	v.line++
	for _, check := range []func(*Operation) *fault{
		func(op *Operation) *fault { return op.senseless(ModelMachine) }, (*Operation).careless, v.names, v.order,
	} {
		if f := check(op); f != nil {
			return f
		}
	}
	return nil
}

// names checks that what op names is defined.
func (v *validator) names(op *Operation) *fault {
	if line, twice := v.lines[op.ID]; twice {
		return faultf("id", "%q is that of line %d too: ids must differ", op.ID, line)
	}
	v.lines[op.ID] = v.line
	definition, _, err := fsm.SplitKey(op.Machine)
	if err != nil {
		return faultf("machine", "%v", err)
	}
	d, found := v.definitions[definition]
	if !found {
		return faultf("machine", "definition %q is not among those of the header: add it", definition)
	}
	if op.Argument != "" && !d.Has(op.Argument) {
		return unknownState("argument", op.Argument, d)
	}
	if op.State != "" && !d.Has(op.State) {
		return unknownState("state", op.State, d)
	}
	return nil
}

func unknownState(field, state string, d fsm.Definition) *fault {
	return faultf(field, "%q is no state of definition %q: it has %s", state, d.Name, strings.Join(d.States, ", "))
}

// order checks that op comes after its predecessors. A client may go on when
// an operation of unknown outcome has returned, that is, when it gave up; one
// that is still waiting may not.
func (v *validator) order(op *Operation) *fault {
	if op.Call < v.call {
		return faultf("call", "%d is before %d, the call of the line above: sort the lines by call", op.Call, v.call)
	}
	v.call = op.Call
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
	v.clients[op.Client] = inFlight{op.ID, until}
	return nil
}
