package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// automaton is a definition compiled for the search: states are their
// positions in the definition.
type automaton struct {
	definition string
	states     []string
	initial    int16
	legal      []bool // legal[from*len(states)+to]
}

// Values beside the positions of states.
const (
	unsaid int16 = -1 // the client was told no state
	alien  int16 = -2 // the text is no state of the definition
)

func compile(d fsm.Definition) (*automaton, error) {
	states := append(slices.Clone(d.States), fsm.Retired)
	a := &automaton{definition: d.Name, states: states, legal: make([]bool, len(states)*len(states))}
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
	if last != nil && last.definition == name {
		return last, nil
	}
	i := slices.IndexFunc(definitions, func(d fsm.Definition) bool { return d.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the history holds no definition %q", name)
	}
	return compile(definitions[i])
}

// index is the position of a state, unsaid for the empty text, or alien.
func (a *automaton) index(state string) int16 {
	if state == "" {
		return unsaid
	}
	if i := slices.Index(a.states, state); i >= 0 {
		return int16(i)
	}
	return alien
}

// allows reports whether the step from a state is legal; none leads to what
// is not a state.
func (a *automaton) allows(from, to int16) bool {
	return to >= 0 && a.legal[int(from)*len(a.states)+int(to)]
}
