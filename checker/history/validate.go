package history

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ErrFormat is wrapped by every error about the contents of a history.
var ErrFormat = errors.New("malformed history")

// fieldError is the problem with one field, and the remedy.
type fieldError struct{ field, problem string }

func (f *fieldError) Error() string { return f.field + ": " + f.problem }

func fieldErrorf(field, format string, args ...any) *fieldError {
	return &fieldError{field, fmt.Sprintf(format, args...)}
}

// Judgeable returns an error if op lacks a part that a judge must know of an
// operation under the model of g. It asks less than Read: the evidence of a
// broken system may name states that do not exist.
func (op *Operation) Judgeable(g *Grammar) error {
	if f := op.checkJudgeable(g); f != nil {
		return f
	}
	return nil
}

// checkJudgeable is Judgeable.
func (op *Operation) checkJudgeable(g *Grammar) *fieldError {
	form, f := g.checkKind(op.Kind)
	switch {
	case f != nil:
		return f
	case op.Outcome != Committed && op.Outcome != Rejected && op.Outcome != Unknown:
		return fieldErrorf("outcome", "%q is none of %s, %s and %s", op.Outcome, Committed, Rejected, Unknown)
	case op.Version < NoVersion:
		return fieldErrorf("version", "%d is negative: omit it if the system reports none", op.Version)
	case op.Version != NoVersion && !g.Versions:
		return fieldErrorf("version", "%d: model %s has none: remove it", op.Version, g.Name)
	}
	if f := op.checkTimes(); f != nil || form == nil {
		return f
	}
	if f := op.checkTexts(form); f != nil {
		return f
	}
	return op.checkMeaning(g, form)
}

// checkMeaning checks texts of the right form against others.
func (op *Operation) checkMeaning(g *Grammar, form *KindForm) *fieldError {
	if form.Argument.Shape == Payment {
		return g.checkAccounts(op)
	}
	if form.Result.Shape == MicroOps && op.Outcome == Committed && op.State != "" {
		if problem := answerProblem(op.Argument, op.State); problem != "" {
			return fieldErrorf("state", "%s", problem)
		}
	}
	return nil
}

func (op *Operation) checkTimes() *fieldError {
	switch {
	case op.Call < 0 || op.Call > MaxTime:
		return fieldErrorf("call", "%d is not within 0 to 2^62: give nanoseconds since the start of the history", op.Call)
	case op.Outcome == Unknown:
		return nil
	case op.Return == NoReturn:
		return fieldErrorf("return", "missing, but the operation was %s: give the time, or make the outcome %s", op.Outcome, Unknown)
	case op.Return < op.Call || op.Return > MaxTime:
		return fieldErrorf("return", "%d is not within the call, %d, to 2^62: take both times from one clock that never goes back", op.Return, op.Call)
	}
	return nil
}

// checkTexts checks argument, expectation and result. Those of a result that
// claims nothing may have any form.
func (op *Operation) checkTexts(form *KindForm) *fieldError {
	if f := form.Argument.check("argument", op.Argument, op.Kind); f != nil {
		return f
	}
	if f := form.Expected.check("expected", op.Expected, op.Kind); f != nil {
		return f
	}
	switch {
	case op.Outcome == Committed && (op.State != "" || form.Answers):
		return form.Result.check("state", op.State, op.Kind)
	case op.Outcome != Rejected || op.Reason != ReasonIllegal || op.State == "" || form.Illegal == "":
		return nil
	case form.Answers:
		return fieldErrorf("state", "%q: %s %s that was rejected as illegal has none: remove it", op.State, article(op.Kind), op.Kind)
	}
	return form.Result.check("state", op.State, op.Kind)
}

// checkRecorded returns an error if op, though it can be checked, shows a
// mistake of its recorder.
func (op *Operation) checkRecorded(g *Grammar) *fieldError {
	switch {
	case op.Client < 0:
		return fieldErrorf("client", "%d is negative: number clients from 0", op.Client)
	case op.ID == "":
		return fieldErrorf("id", "empty: every operation needs one")
	case op.Outcome == Unknown && op.Return != NoReturn && (op.Return < op.Call || op.Return > MaxTime):
		return fieldErrorf("return", "%d is not within the call, %d, to 2^62: omit it if the client never gave up", op.Return, op.Call)
	case op.Outcome == Committed && op.Reason != "":
		return fieldErrorf("reason", "%q: a committed operation has none: remove it", op.Reason)
	case op.Outcome == Rejected && op.Reason == "":
		return fieldErrorf("reason", "missing: a rejection has one: %q, or any other word", ReasonIllegal)
	case op.Outcome == Unknown && op.State != "":
		return fieldErrorf("state", "%q: an operation of unknown outcome has none: remove it", op.State)
	case op.Outcome == Unknown && op.Version != NoVersion:
		return fieldErrorf("version", "%d: an operation of unknown outcome has none: remove it", op.Version)
	}
	if form := g.Form(op.Kind); form != nil && form.Illegal == "" && op.Reason == ReasonIllegal {
		return fieldErrorf("reason", "%q: %s %s is never illegal: give another reason", op.Reason, article(op.Kind), op.Kind)
	}
	return nil
}

// validator checks the operations of a history one by one, in order, each
// against the ones before it.
type validator struct {
	grammar     Grammar
	definitions map[string]*fsm.Definition
	machines    map[string]*fsm.Definition // by machine name; nil values for registers
	ids         idTable
	clients     map[int]lastOperation // by client: its last operation
	call        int64                 // of the operation before
	line        int                   // of the operation; the header is line 1
}

type lastOperation struct {
	id    string
	until int64
}

// newValidator checks the header and returns a validator for its operations.
func newValidator(g Grammar, definitions []fsm.Definition) (*validator, *fieldError) {
	v := &validator{
		grammar:     g,
		definitions: map[string]*fsm.Definition{},
		machines:    map[string]*fsm.Definition{},
		clients:     map[int]lastOperation{},
		line:        1,
	}
	if !v.ofMachines() && len(definitions) > 0 {
		return nil, fieldErrorf("definitions", "model %s has none: remove them", g.Name)
	}
	for i := range definitions {
		d := &definitions[i]
		if err := d.Validate(); err != nil {
			return nil, fieldErrorf("definitions", "[%d]: %v", i, err)
		}
		if v.definitions[d.Name] != nil {
			return nil, fieldErrorf("definitions", "[%d]: %q is defined twice: remove one", i, d.Name)
		}
		v.definitions[d.Name] = d
	}
	return v, nil
}

func (v *validator) ofMachines() bool { return v.grammar.Name == ModelMachine }

// add checks the operation of line v.line. An operation that it refuses has no
// influence on later ones.
func (v *validator) add(op *Operation) *fieldError {
	if f := op.checkJudgeable(&v.grammar); f != nil {
		return f
	}
	if f := op.checkRecorded(&v.grammar); f != nil {
		return f
	}
	if line, twice := v.ids.lineOf(op.ID); twice {
		return fieldErrorf("id", "%q is that of line %d too: ids must differ", op.ID, line)
	}
	if f := v.checkNames(op); f != nil {
		return f
	}
	if f := v.checkOrder(op); f != nil {
		return f
	}
	v.ids.add(op.ID, v.line)
	return nil
}

// checkNames checks the machine and that the states of op are defined.
func (v *validator) checkNames(op *Operation) *fieldError {
	d, seen := v.machines[op.Machine]
	if !seen {
		var f *fieldError
		if d, f = v.checkNewMachine(op.Machine); f != nil {
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

// checkNewMachine checks the name of a machine that comes for the first time.
func (v *validator) checkNewMachine(machine string) (*fsm.Definition, *fieldError) {
	if !v.ofMachines() {
		return nil, nil
	}
	definition, _, err := fsm.SplitKey(machine)
	if err != nil {
		return nil, fieldErrorf("machine", "%v", err)
	}
	d := v.definitions[definition]
	if d == nil {
		return nil, fieldErrorf("machine", "definition %q is not among those of the header: add it", definition)
	}
	return d, nil
}

func unknownState(field, state string, d *fsm.Definition) *fieldError {
	return fieldErrorf(field, "%q is no state of definition %q: it has %s", state, d.Name, strings.Join(d.States, ", "))
}

// checkOrder checks that op comes after its predecessors. A client may go on
// once its operation of unknown outcome has a return, that is, once it gave up.
func (v *validator) checkOrder(op *Operation) *fieldError {
	if op.Call < v.call {
		return fieldErrorf("call", "%d is before %d, the call of the line above: sort the lines by call", op.Call, v.call)
	}
	until := op.Return
	if until == NoReturn {
		until = MaxTime + 1
	}
	last, found := v.clients[op.Client]
	if found && last.until > MaxTime {
		return fieldErrorf("client", "%d was still waiting for operation %s, which never returned: give that one a return, when the client gave up", op.Client, last.id)
	}
	if found && op.Call < last.until {
		return fieldErrorf("call", "%d is before %d, the return of operation %s of the same client: a client has one operation in flight", op.Call, last.until, last.id)
	}
	v.call = op.Call
	v.clients[op.Client] = lastOperation{op.ID, until}
	return nil
}
