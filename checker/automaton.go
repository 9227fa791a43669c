package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// automaton is the sequential behaviour of one machine or register, compiled:
// states and values are numbers.
type automaton struct {
	name    string // name of the definition; empty for a register
	states  []string
	numbers map[string]int32 // from a register's value to its number; nil for a machine, which has few states
	initial int32
	legal   []bool        // legal[from*len(states)+to]; nil for a register
	object  *objectStates // of any other object; its steps are those of a model
}

func (a *automaton) isRegister() bool { return a.legal == nil && a.object == nil }

// Numbers that stand for no state.
const (
	unspecified int32 = -1 // the response has no state; or the step is legal from any state
	notAState   int32 = -2 // the text is not a state of the definition
)

func compile(d fsm.Definition) (*automaton, error) {
	states := append(slices.Clone(d.States), fsm.Retired)
	a := &automaton{name: d.Name, states: states, legal: make([]bool, len(states)*len(states))}
	if len(d.States) > fsm.MaxStates {
		return nil, fmt.Errorf("definition %q has %d states: at most %d can be checked", d.Name, len(d.States), fsm.MaxStates)
	}
	if a.initial = a.index(d.Initial); a.initial < 0 {
		return nil, fmt.Errorf("definition %q: initial state %q is not among its states", d.Name, d.Initial)
	}
	for _, t := range d.Transitions {
		from, to := a.index(t.From), a.index(t.To)
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("definition %q: %s → %s leaves its states", d.Name, t.From, t.To)
		}
		a.legal[int(from)*len(states)+int(to)] = true
	}
	for from := range d.States { // every machine may be retired, once
		a.legal[from*len(states)+len(d.States)] = true
	}
	return a, nil
}

// compileFor finds and compiles the definition of a machine. It returns last if
// that is the definition already: machines come sorted, so this is the usual
// case.
func compileFor(machine string, definitions []fsm.Definition, last *automaton) (*automaton, error) {
	name, _, _ := strings.Cut(machine, "/")
	if last != nil && last.name == name {
		return last, nil
	}
	i := slices.IndexFunc(definitions, func(d fsm.Definition) bool { return d.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the history holds no definition %q", name)
	}
	return compile(definitions[i])
}

// newRegister returns an automaton without transitions. It numbers the values
// of its register as they come. An empty initial value is none.
func newRegister(initial string) *automaton {
	a := &automaton{states: []string{history.NoValue}, numbers: map[string]int32{history.NoValue: 0}}
	if initial != "" {
		a.initial = a.value(initial)
	}
	return a
}

// index returns the number of a state: unspecified for the empty text,
// notAState for a text that the definition lacks.
func (a *automaton) index(state string) int32 {
	if state == "" {
		return unspecified
	}
	if a.legal == nil {
		return a.value(state)
	}
	if i := slices.Index(a.states, state); i >= 0 {
		return int32(i)
	}
	return notAState
}

// value returns the number of a register's value and assigns one to a new
// value.
func (a *automaton) value(text string) int32 {
	i, known := a.numbers[text]
	if !known {
		i = int32(len(a.states))
		a.states, a.numbers[text] = append(a.states, text), i
	}
	return i
}

// after returns the state after c's step, which is legal.
func (a *automaton) after(state int32, c *checkedOp) int32 {
	if a.object != nil {
		return a.object.after(state, c)
	}
	return c.to
}

// nameOf describes a state.
func (a *automaton) nameOf(state int32) string {
	if a.object != nil {
		return a.object.describe(state)
	}
	return a.states[state]
}

// allows reports whether c's step is legal in a state. No step leads to
// notAState. The step of another object must fit its response, too.
func (a *automaton) allows(state int32, c *checkedOp) bool {
	if a.object != nil {
		return a.object.after(state, c) >= 0
	}
	if a.legal == nil {
		return c.from == unspecified || c.from == state
	}
	return c.to >= 0 && a.legal[int(state)*len(a.states)+int(c.to)]
}
