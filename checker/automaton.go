package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// automaton is what the operations of one machine, or register, do to it:
// states are numbers, and so are the values of a register.
type automaton struct {
	name    string // of the definition; empty for a register
	states  []string
	numbers map[string]int32 // of a register's values; a machine has too few states to need it
	initial int32
	legal   []bool // legal[from*len(states)+to]; nil for a register
}

// Values beside the numbers of states.
const (
	unspecified int32 = -1 // the client was told no state; or a step is legal from any
	notAState   int32 = -2 // the text is no state of the definition
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

// compileFor finds and compiles the definition of a machine. It returns last
// if that is already the one: machines come sorted, so mostly it is.
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

// newRegister learns the values of its register as they come.
func newRegister() *automaton {
	return &automaton{states: []string{NoValue}, numbers: map[string]int32{NoValue: 0}}
}

// index is the number of a state, unsaid for the empty text, or alien.
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

// value is the number of a register's value, a new one if need be.
func (a *automaton) value(text string) int32 {
	i, known := a.numbers[text]
	if !known {
		i = int32(len(a.states))
		a.states, a.numbers[text] = append(a.states, text), i
	}
	return i
}

// allows reports whether c's step is legal in a state; none leads to what is
// not a state.
func (a *automaton) allows(state int32, c *checkedOp) bool {
	if a.legal == nil {
		return c.from == unspecified || c.from == state
	}
	return c.to >= 0 && a.legal[int(state)*len(a.states)+int(c.to)]
}
