package jepsen

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// builder makes operations from events.
type builder struct {
	Options
	grammar     history.Grammar
	functions   []function
	ops         []history.Operation
	annotations []history.Annotation
	pending     map[int]invocation      // by client: the operation in flight
	skipped     map[int]bool            // by client: its invocation was malformed, so there is no operation
	nemesis     map[string]nemesisEvent // by process: the event that may have a second one
	effects     map[string]int          // by the action that ends it: the annotation that lasts until then
	names       map[string]string
	given       map[string]givenValues // by key, if the model is of keys
	index, time int64                  // of the last event
	line        int
	bad         history.BadLines
	scratch     []byte

	parser       parser
	fast         fastParser
	found        bool // there was something like an event
	inLog        bool // there was a line of a log without an event
	skippedLines int
}

// invocation is the :invoke of an operation in flight.
type invocation struct {
	at    int    // index in ops
	f     string // as in :cas
	value string // EDN
}

func newBuilder(o Options) *builder {
	g, _ := history.GrammarOf(o.Model)
	b := &builder{
		Options: o, grammar: g.WithInitial(o.Initial), functions: functionsOf(o.Model), index: none, time: none,
		pending: map[int]invocation{}, skipped: map[int]bool{}, nemesis: map[string]nemesisEvent{}, effects: map[string]int{}, names: map[string]string{}, given: map[string]givenValues{},
	}
	b.fast.words = &b.parser
	return b
}

// addEvent processes the event of a line, or records the error of the line.
func (b *builder) addEvent(e event, err error) {
	b.found = true
	if err == nil && e.isIdle() {
		b.skippedLines++
		return
	}
	if err == nil {
		err = b.event(&e)
	}
	if err != nil {
		b.bad.Add(b.line, err)
		b.skipped[e.client] = b.skipped[e.client] || e.isClient && e.typ == ":invoke"
	}
}

func (b *builder) event(e *event) error {
	if e.index == none {
		e.index = b.index + 1
	}
	if e.index <= b.index {
		return fmt.Errorf(":index: %d after %d: sort the history by it", e.index, b.index)
	}
	b.index = e.index
	// Events at one instant keep their order, and a clock that goes back does
	// not change it.
	b.time = max(b.time+1, e.time)
	if b.time > history.MaxTime {
		return fmt.Errorf(":time: %d is later than 2^62: give nanoseconds since the start of the history", e.time)
	}
	switch {
	case !e.isClient:
		b.annotate(e)
		return nil
	case e.typ == ":invoke":
		return b.invoke(e)
	}
	return b.complete(e)
}

func (b *builder) invoke(e *event) error {
	if a, waits := b.pending[e.client]; waits {
		return fmt.Errorf(":process: %d still waits for its %s, operation %s: it has one operation in flight", e.client, a.f, b.ops[a.at].ID)
	}
	op := history.Operation{
		Client: e.client, ID: b.id(e), Call: b.time, Return: history.NoReturn,
		Outcome: history.Unknown, Version: history.NoVersion,
	}
	r, err := b.requestOf(e)
	if err != nil {
		return err
	}
	if err := b.parseInvocation(&op, r); err != nil {
		return err
	}
	if err := b.judgeable(&op); err != nil {
		return err
	}
	if err := b.checkStrings(&op); err != nil {
		return err
	}
	b.pending[e.client] = invocation{len(b.ops), e.f, r.value.String()}
	b.ops = append(b.ops, op)
	return nil
}

// givenValues are two operations on one key: one that appends a string, and one that gives
// it a value that is none.
type givenValues struct{ appends, other string } // ids; empty if there is none

// checkStrings returns an error if op is on a key to whose values strings are appended, and
// which has others, too: as of 5 and "x" there is no sum.
func (b *builder) checkStrings(op *history.Operation) error {
	if b.Model != history.ModelKV || op.Kind != history.KindAppend && isString(op.Argument) {
		return nil
	}
	g := b.given[op.Machine]
	if op.Kind == history.KindAppend {
		g.appends = cmp.Or(g.appends, op.ID)
	} else {
		g.other = cmp.Or(g.other, op.ID)
	}
	b.given[op.Machine] = g
	other := "operation " + g.other
	if g.other == "" {
		other = "the initial value"
	}
	if g.appends == "" || g.other == "" && isString(b.Initial) {
		return nil
	}
	return fmt.Errorf(":value: operation %s appends a string to key %s, and %s gives it a value that is none: give it strings only", g.appends, op.Machine, other)
}

// isString reports whether a text is a string, or no value.
func isString(text string) bool { return text == "" || text == history.NoValue || text[0] == '"' }

// id makes the id of an operation.
func (b *builder) id(e *event) string {
	text := append(b.scratch[:0], 'p')
	text = strconv.AppendInt(text, int64(e.client), 10)
	text = append(text, '.')
	b.scratch = strconv.AppendInt(text, e.index, 10)
	return string(b.scratch)
}

// parseInvocation sets op's machine, kind and arguments.
func (b *builder) parseInvocation(op *history.Operation, r request) (err error) {
	if op.Kind, err = b.kindOf(r.f); err != nil {
		return err
	}
	op.Machine = r.machine
	v := r.value
	switch op.Kind {
	case history.KindDelete: // the value means nothing
	case history.KindAcquire, history.KindRelease: // nor here
		if op.Machine == "" && hasKey(v) {
			return fmt.Errorf(":value: %s: the value of %s means nothing; if keys come with values, --independent is needed", short(v), r.f)
		}
	case history.KindRead, history.KindDequeue:
		if hasKey(v) {
			return fmt.Errorf(":value: %s: %s is invoked with nil; if keys come with values, the model is %s, or --independent is needed", short(v), r.f, history.ModelKV)
		}
	case history.KindCAS:
		if v.kind != vector || v.tag != "" || len(v.items) != 2 {
			return fmt.Errorf(":value: %s: want [expected new]", short(v))
		}
		op.Expected, op.Argument = b.name(v.items[0]), b.name(v.items[1])
	case history.KindPropose:
		op.Argument, err = b.state(v)
	case history.KindTxn:
		op.Argument, err = b.transactionOf(v, false)
	case history.KindTransfer:
		op.Argument, err = b.transferOf(v)
	case history.KindAppend:
		if b.Model == history.ModelKV && (v.kind != text || v.tag != "") {
			return fmt.Errorf(":value: %s: model %s appends strings to strings; for lists the model is %s", short(v), b.Model, history.ModelAppendList)
		}
		op.Argument = b.name(v)
	default:
		if op.Argument = b.name(v); r.f == increment && v.isNil() {
			op.Argument = "1"
		}
	}
	return err
}

// hasKey reports whether a value looks like a key with nil, as in jepsen.independent.
func hasKey(v value) bool {
	_, rest, ok := entry(v)
	return ok && rest.isNil()
}

// name returns the text of v; equal ones share memory.
func (b *builder) name(v value) string {
	text := v.String()
	if known, found := b.names[text]; found {
		return known
	}
	if len(b.names) < 1<<14 {
		b.names[text] = text
	}
	return text
}

// split separates the key from the value of an event, if the model has keys. A
// map may have them apart, as :key and :value.
func (b *builder) split(e *event) (machine string, rest value, err error) {
	keyed := b.Independent || b.Model == history.ModelKV || b.Model == history.ModelMachine
	key, rest, ok := e.key, e.value, true
	switch {
	case key.String() != "" && b.grammar.Single:
		return "", rest, fmt.Errorf(":key: %s: model %s is one object; for registers with keys the model is %s", short(key), b.Model, history.ModelKV)
	case key.String() != "":
	case keyed:
		key, rest, ok = entry(rest)
	default:
		return "", rest, nil
	}
	if !ok {
		return "", rest, fmt.Errorf(":value: %s: model %s wants [key value], or [key nil], or a :key", short(e.value), b.Model)
	}
	if b.Model != history.ModelMachine {
		return b.name(key), rest, nil
	}
	machine = key.plain()
	if !strings.Contains(machine, "/") {
		machine = b.Definition.Name + "/" + machine
	}
	definition, _, err := fsm.SplitKey(machine)
	if err == nil && definition != b.Definition.Name {
		err = fmt.Errorf(":value: machine %s is not of definition %s", machine, b.Definition.Name)
	}
	return b.name(value{word: machine}), rest, err
}

// entry returns key and value of a pair, a vector or a map entry.
func entry(v value) (key, rest value, ok bool) {
	if v.kind == vector && len(v.items) == 2 {
		return v.items[0], v.items[1], true
	}
	if v.kind != dict || !strings.HasSuffix(v.tag, "MapEntry") {
		return key, rest, false
	}
	key, hasKey := v.get(":key")
	rest, hasValue := v.get(":val")
	if !hasValue {
		rest, hasValue = v.get(":value")
	}
	return key, rest, hasKey && hasValue
}

func (b *builder) state(v value) (string, error) {
	state := v.plain()
	if !b.Definition.Has(state) {
		return "", fmt.Errorf(":value: %s is no state of definition %s: it has %s", short(v), b.Definition.Name, strings.Join(b.Definition.States, ", "))
	}
	return b.name(value{word: state}), nil
}

// complete records the response of an operation. In Jepsen, a client whose
// operation ended in :info never calls again; if it does here, the operation
// may still take effect at any time.
func (b *builder) complete(e *event) error {
	a, waits := b.pending[e.client]
	if !waits && b.skipped[e.client] { // its invocation has been reported
		delete(b.skipped, e.client)
		return nil
	}
	if !waits {
		return fmt.Errorf(":process: %d waits for nothing: every completion has an :invoke before it", e.client)
	}
	op := &b.ops[a.at]
	if e.f != a.f {
		return fmt.Errorf(":f: %s, but operation %s of process %d is %s", e.f, op.ID, e.client, a.f)
	}
	delete(b.pending, e.client)
	op.Return = b.time
	switch e.typ {
	case ":ok":
		if err := b.succeed(op, e, a); err != nil {
			return err
		}
	case ":fail":
		op.Outcome, op.Reason = history.Rejected, b.reason(op, e, a)
	default:
		op.Reason = b.reason(op, e, a)
	}
	return b.judgeable(op)
}

// judgeable returns an error if op cannot be judged. All texts of op are of a :value.
func (b *builder) judgeable(op *history.Operation) error {
	err := op.Judgeable(&b.grammar)
	if err == nil {
		return nil
	}
	_, problem, _ := strings.Cut(err.Error(), ": ")
	if op.Kind == history.KindRead && op.State == history.NoValue {
		problem += "; if a read of nil claims nothing: --nil-read any"
	}
	return fmt.Errorf(":value: %s", problem)
}

// succeed sets the response of op, whose invocation was a, to that of e.
func (b *builder) succeed(op *history.Operation, e *event, a invocation) error {
	op.Outcome = history.Committed
	r, err := b.requestOf(e)
	switch {
	case err != nil:
		return err
	case r.machine != op.Machine:
		return otherKey(r.machine, op)
	}
	switch op.Kind {
	case history.KindAcquire, history.KindRelease, history.KindDelete:
		return nil
	case history.KindRead, history.KindDequeue:
		return b.read(op, r, a)
	case history.KindTxn:
		return b.commit(op, r)
	case history.KindContains:
		if r.value.kind == vector && len(r.value.items) == 2 && r.value.items[0].String() == a.value {
			return b.answer(op, r.value.items[1])
		}
		return fmt.Errorf(":value: %s: want the element and whether the set has it, as in [%s true]", short(r.value), a.value)
	}
	if text := r.value.String(); text != a.value && r.f != increment {
		return fmt.Errorf(":value: %s, but operation %s was invoked with %s: which of them took effect?", short(r.value), op.ID, a.value)
	}
	return nil
}

// otherKey is the error of a response with another key than its operation, or without one.
func otherKey(key string, op *history.Operation) error {
	switch "" {
	case key:
		return fmt.Errorf(":key: missing: operation %s was invoked with %s, so its response has it, too", op.ID, op.Machine)
	case op.Machine:
		return fmt.Errorf(":key: %s, but operation %s was invoked without a key", key, op.ID)
	}
	return fmt.Errorf(":value: the key is %s, but operation %s was invoked with %s", key, op.ID, op.Machine)
}

// read sets the result of an operation that is invoked with nil, or with the
// result that it had: test data of Knossos is like that.
func (b *builder) read(op *history.Operation, r request, a invocation) error {
	text := r.value.String()
	switch {
	case a.value != "nil" && a.value != text:
		return fmt.Errorf(":value: %s, but operation %s was invoked with %s: a %s is invoked with nil, or with its result", short(r.value), op.ID, a.value, r.f)
	case op.Kind == history.KindRead && b.NilReads && r.value.isNil():
		op.Outcome, op.Reason = history.Unknown, "nil"
		return nil
	case op.Kind == history.KindDequeue && r.value.isNil():
		return fmt.Errorf(":value: nil: operation %s took nothing: a :dequeue from an empty queue ends with :fail and :error :empty", op.ID)
	}
	return b.answer(op, r.value)
}

// commit sets the result of a transaction, which must be the one that was
// invoked.
func (b *builder) commit(op *history.Operation, r request) error {
	asked, err := b.transactionOf(r.value, false)
	if err == nil && asked != op.Argument {
		err = fmt.Errorf(":value: %s, but operation %s was invoked with %s: which of them took effect?", short(r.value), op.ID, op.Argument)
	}
	if err != nil {
		return err
	}
	op.State, err = b.transactionOf(r.value, true)
	return err
}

// answer sets the result of op.
func (b *builder) answer(op *history.Operation, v value) (err error) {
	if b.Model == history.ModelMachine {
		op.State, err = b.state(v)
		return err
	}
	op.State = b.name(v)
	return nil
}

// reason returns the reason why an operation failed or may have: its error, or
// a keyword in place of its value. "illegal" is a claim about the machine, see
// checker.ReasonIllegal, so not every error of that name becomes it.
func (b *builder) reason(op *history.Operation, e *event, a invocation) string {
	r, err := b.requestOf(e)
	same := err == nil && r.value.String() == a.value
	if e.typ == ":fail" && b.grammar.Form(op.Kind).Illegal != "" && b.claimsIllegal(op.Kind, e.err, same) {
		return history.ReasonIllegal
	}
	reason := plainError(e.err)
	if reason == "" && !same && isKeyword(e.value) {
		reason = e.value.plain()
	}
	if reason == "" || reason == history.ReasonIllegal {
		reason = e.typ[1:]
	}
	return b.name(value{word: reason})
}

// claimsIllegal reports whether a :fail of an operation that can be illegal claims
// that it was. Same tells that it has the value of the invocation.
func (b *builder) claimsIllegal(k history.Kind, err string, same bool) bool {
	switch {
	case err == "":
		return b.FailedIllegal && same
	case k == history.KindCAS:
		return false
	case k == history.KindDequeue && plainError(err) == "empty":
		return true
	}
	return plainError(err) == history.ReasonIllegal
}

// plainError returns an error without the colon of a keyword or the quotes of a
// string.
func plainError(err string) string {
	if inside, found := strings.CutPrefix(err, `"`); found && strings.HasSuffix(inside, `"`) {
		return inside[:len(inside)-1]
	}
	return strings.TrimPrefix(err, ":")
}
