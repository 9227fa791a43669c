package checker

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// objectStates is the states of one object of a model, numbered as the walk comes
// to them, and the steps between them. States that no configuration has any more
// are dropped now and then.
type objectStates struct {
	model    *model.Model
	name     string
	standard bool          // the model is the ready one of its name
	growing  *growing      // a counter: its states are in no table; nil for any other
	states   []any         // by number
	sizes    []int         // in bytes, about
	live     []bool        // not vacant
	vacant   []int32       // numbers
	number   map[any]int32 // of states, or of their keys; nil: states must be compared
	steps    map[step3]int32
	late     map[step3]bool // whether it has become impossible
	labels   map[label]int32
	named    int32        // labels so far
	limit    int          // of states, until the next collection
	enough   int          // of bytes, until then
	resets   []*checkedOp // of the whole history, in order of call
	foreseen bool         // these are known: a stream does not know what will be called
	asked    []int32      // while an observer asks for the state: those that it met
	budget
}

// step3 is a state, a request and a response.
type step3 [3]int32

// label is a request or a response, in the texts of an operation.
type label struct {
	response         bool
	client           int
	object           string
	kind             history.Kind // or outcome
	argument, second string       // or result
	version          int64
}

const (
	impossibleStep = notAState
	firstLimit     = 1024
	maxLabels      = 1 << 16 // that are remembered
	maxAsked       = 64      // states that an explanation tries
)

// newObjectAutomaton returns an automaton of the steps of a model.
func newObjectAutomaton(m *model.Model, name string) *automaton {
	o := &objectStates{model: m, name: name, steps: map[step3]int32{}, late: map[step3]bool{}, labels: map[label]int32{}, limit: firstLimit, enough: firstSize}
	if m.Equal == nil || m.Key != nil {
		o.number = map[any]int32{}
	}
	return &automaton{initial: o.intern(m.Init(name)), object: o}
}

// checkedOp translates op. Its request is to, or from if it is an observer by
// kind; its response is state. Both are labels: equal texts have equal labels.
func (o *objectStates) checkedOp(op *history.Operation) checkedOp {
	c := checkedOp{op: op, call: op.Call, ret: op.Return, version: history.NoVersion, from: unspecified, to: unspecified, state: unspecified}
	request := label{object: op.Machine, kind: op.Kind, argument: op.Argument, second: op.Expected}
	if !o.model.Anonymous {
		request.client = op.Client
	}
	form := o.model.Form(op.Kind)
	observes := form != nil && form.ReadOnly
	switch {
	case o.growing != nil && !observes:
		c.to = o.growing.request(op)
	case o.growing != nil:
		c.from = 0
	case observes:
		c.from = o.label(request)
	default:
		c.to = o.label(request)
	}
	switch {
	case op.Outcome == history.Unknown:
		return c.asUnknown()
	case !claims(op):
		return c
	case op.Outcome == history.Rejected:
		c.meaning = rejectedIllegal
	case observes:
		c.meaning = committedRead
	default:
		c.meaning = committedStep
	}
	if o.growing != nil {
		c.state = o.growing.response(op)
		return c
	}
	c.state = o.label(label{response: true, kind: history.Kind(op.Outcome), argument: op.State, version: op.Version})
	return c
}

func (o *objectStates) label(l label) int32 {
	number, known := o.labels[l]
	if !known {
		number = o.named
		o.labels[l] = number
		o.named++
	}
	return number
}

// after returns the state after c's step; impossibleStep if there is none, or it
// has another response.
func (o *objectStates) after(state int32, c *checkedOp) int32 {
	if o.growing != nil {
		return o.growing.after(state, c)
	}
	key := step3{state, max(c.from, c.to), c.state}
	next, known := o.steps[key]
	if known {
		return next
	}
	if o.isSpent() {
		return impossibleStep
	}
	op := c.op
	if c.state == unspecified {
		op = withoutResponse(op)
	}
	after, fits := o.model.Step(o.states[state], op)
	o.workOn(o.sizes[state] + len(op.Argument) + len(op.State))
	switch {
	case !fits:
		next = impossibleStep
	case c.readOnly():
		next = state
	default:
		next = o.intern(after)
	}
	o.steps[key] = next
	o.take(memoSize)
	return next
}

// findResets notes the operations after which the state does not depend on the one
// before. Rejected ones count: until they return their outcome is not known.
func (o *objectStates) findResets(checked []checkedOp) {
	o.resets, o.foreseen = nil, true
	if o.model.Resets == nil {
		return
	}
	for i := range checked {
		c := checked[i]
		if !o.isReset(&c) {
			c = c.asUnknown()
		}
		if o.isReset(&c) {
			o.resets = append(o.resets, &c)
		}
	}
}

func (o *objectStates) isReset(c *checkedOp) bool {
	return o.model.Resets != nil && (c.meaning == committedStep || c.meaning == unknownStep) && o.model.Resets(c.op)
}

// savedBy reports whether c, for which it is too late in a state, may be possible
// after a reset.
func (o *objectStates) savedBy(state int32, c, reset *checkedOp) bool {
	next := o.after(state, reset)
	return next < 0 || !o.tooLate(next, c)
}

// tooLate reports whether c, whose response is known, has become impossible, but
// for resets.
func (o *objectStates) tooLate(state int32, c *checkedOp) bool {
	if o.growing != nil {
		return c.state >= 0 && state > c.state
	}
	if o.model.TooLate == nil || c.state < 0 {
		return false
	}
	key := step3{state, max(c.from, c.to), c.state}
	late, known := o.late[key]
	if !known {
		late = o.model.TooLate(o.states[state], c.op)
		o.late[key] = late
		o.workOn(len(c.op.State))
		o.take(memoSize)
	}
	return late
}

// alike reports whether a known step and an unknown one lead to the same state.
func (o *objectStates) alike(state int32, known, unknown *checkedOp) bool {
	return o.after(state, known) == o.after(state, unknown)
}

// holdsIn reports whether c, which is readOnly, is true in a state. It may be a
// claim of the explanation: noEffectOp, or readOf a state.
func (o *objectStates) holdsIn(state int32, c *checkedOp) bool {
	switch {
	case c.from == notAState:
		return true
	case c.from != unspecified || c.to != unspecified:
		return o.after(state, c) >= 0
	case c.state == notAState && o.asked != nil && len(o.asked) < maxAsked && !slices.Contains(o.asked, state):
		o.asked = append(o.asked, state)
	}
	return c.state == state
}

// intern returns the number of a state.
func (o *objectStates) intern(state any) int32 {
	if o.number == nil {
		for i, other := range o.states {
			if o.live[i] && o.model.Equal(state, other) {
				return int32(i)
			}
		}
		o.workOn(memoSize * len(o.states))
		return o.add(state, nil)
	}
	key := o.key(state)
	i, known := o.number[key]
	if !known {
		i = o.add(state, key)
		o.number[key] = i
	}
	return i
}

func (o *objectStates) key(state any) any {
	if o.model.Key != nil {
		return o.model.Key(state)
	}
	return state
}

// add gives a state a number. Its key is nil if it has none.
func (o *objectStates) add(state, key any) int32 {
	size := memoSize + o.sizeOf(state, key)
	o.take(size)
	o.workOn(size)
	if last := len(o.vacant) - 1; last >= 0 {
		i := o.vacant[last]
		o.states[i], o.sizes[i], o.live[i], o.vacant = state, size, true, o.vacant[:last]
		return i
	}
	o.states, o.sizes, o.live = append(o.states, state), append(o.sizes, size), append(o.live, true)
	return int32(len(o.states) - 1)
}

// sizeOf estimates the size of a state by its text.
func (o *objectStates) sizeOf(state, key any) int {
	if o.model.Key != nil {
		return 2 * len(key.(string)) // the state, and the key itself
	}
	return len(describe(o.model, state))
}

func (o *objectStates) describe(state int32) string {
	if o.growing != nil {
		return describe(o.model, o.growing.number(state))
	}
	return describe(o.model, o.states[state])
}

func describe(m *model.Model, state any) string {
	if m.Describe == nil {
		return fmt.Sprint(state)
	}
	return m.Describe(state)
}

// full reports whether it is time to collect.
func (o *objectStates) full() bool {
	return len(o.states)-len(o.vacant) > o.limit || o.size > o.enough
}

// collect drops the states that none of some linearizers has; nil has none.
func (o *objectStates) collect(users ...*linearizer) {
	used := make([]bool, len(o.states))
	used[users[0].initial] = true
	for _, l := range users {
		if l == nil {
			continue
		}
		for i := range l.configurations.len() {
			used[int32(l.configurations.row(i)[rowState])] = true
		}
	}
	left := 0
	o.size = 0
	for i, state := range o.states {
		switch {
		case used[i]:
			left++
			o.size += o.sizes[i]
		case o.live[i]:
			if o.number != nil {
				delete(o.number, o.key(state))
			}
			o.states[i], o.live[i] = nil, false
			o.vacant = append(o.vacant, int32(i))
		}
	}
	clear(o.steps)
	clear(o.late)
	if len(o.labels) > maxLabels { // a text that comes again gets another label, which costs a few orders
		clear(o.labels)
	}
	o.limit = max(firstLimit, 2*left)
	o.enough = max(firstSize, o.size+o.size/2)
}
