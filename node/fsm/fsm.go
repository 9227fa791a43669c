// Package fsm defines finite state machines as values: a Definition names states
// and the transitions between them. Definitions are immutable and may be shared.
package fsm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrInvalid is wrapped by all errors about a definition or a machine's key.
var ErrInvalid = errors.New("invalid")

// Limits of a definition and of a key. Names are part of every message.
const (
	MaxStates = 255
	MaxName   = 128 // bytes of a definition's, state's or machine's name
)

// Transition is a legal step from one state to another.
type Transition struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Definition is a finite state machine. A machine without operations is in the
// Initial state at version 0. Any machine may be retired, once and finally,
// whatever the transitions, except the machines that are built in: see IsBuiltIn.
type Definition struct {
	Name        string       `json:"name"`
	States      []string     `json:"states"`
	Initial     string       `json:"initial"`
	Transitions []Transition `json:"transitions"`
	Terminal    []string     `json:"terminal,omitempty"` // states without outgoing transitions; may be incomplete

	texts *texts // nil: it lists its states
}

// Retired is the last state of a retired machine. No definition can list it, and no
// transition leaves it.
const Retired = "(retired)"

// Lifecycle is the built-in definition: Init → Running → Stopped → Init.
func Lifecycle() Definition {
	return Definition{
		Name:    "lifecycle",
		States:  []string{"Init", "Running", "Stopped"},
		Initial: "Init",
		Transitions: []Transition{
			{"Init", "Running"}, {"Running", "Stopped"}, {"Stopped", "Init"},
		},
	}
}

// Validate returns an error about the first defect of d. Its cost is linear in d.
func (d Definition) Validate() error {
	if err := CheckName("definition", d.Name); err != nil {
		return err
	}
	if len(d.States) == 0 || len(d.States) > MaxStates {
		return d.errorf("%d states: want 1 to %d", len(d.States), MaxStates)
	}
	if len(d.Transitions) > MaxStates*MaxStates || len(d.Terminal) > MaxStates {
		return d.errorf("%d transitions and %d terminal states: want each at most once", len(d.Transitions), len(d.Terminal))
	}
	states := make(map[string]bool, len(d.States))
	for i, s := range d.States {
		if err := CheckName("state", s); err != nil {
			return d.errorf("states[%d]: %w", i, err)
		}
		if states[s] {
			return d.errorf("states[%d]: %q is listed twice", i, s)
		}
		states[s] = true
	}
	if !states[d.Initial] {
		return d.errorf("initial state %q is not among its states", d.Initial)
	}
	left, err := d.checkTransitions(states)
	if err != nil {
		return err
	}
	return d.checkTerminal(states, left)
}

// checkTransitions returns, of each state that is left, the first transition that leaves
// it. states is the set of all.
func (d Definition) checkTransitions(states map[string]bool) (left map[string]Transition, err error) {
	met := make(map[Transition]bool, len(d.Transitions))
	left = make(map[string]Transition, len(states))
	for i, t := range d.Transitions {
		for _, s := range []string{t.From, t.To} {
			if !states[s] {
				return nil, d.errorf("transitions[%d]: state %q is not among its states", i, s)
			}
		}
		if met[t] {
			return nil, d.errorf("transitions[%d]: %s → %s is listed twice", i, t.From, t.To)
		}
		met[t] = true
		if _, found := left[t.From]; !found {
			left[t.From] = t
		}
	}
	return left, nil
}

func (d Definition) checkTerminal(states map[string]bool, left map[string]Transition) error {
	for i, s := range d.Terminal {
		if !states[s] {
			return d.errorf("terminal[%d]: state %q is not among its states", i, s)
		}
		if slices.Contains(d.Terminal[:i], s) {
			return d.errorf("terminal[%d]: %q is listed twice", i, s)
		}
		if t, found := left[s]; found {
			return d.errorf("terminal[%d]: %q is left by %s → %s: drop the one or the other", i, s, t.From, t.To)
		}
	}
	return nil
}

func (d Definition) errorf(format string, args ...any) error {
	return fmt.Errorf("definition %q: %w: %w", d.Name, ErrInvalid, fmt.Errorf(format, args...))
}

// Has reports whether a machine of d can be in state. It can be in Retired.
func (d *Definition) Has(state string) bool {
	return state == Retired || slices.Contains(d.States, state) || d.texts != nil && d.texts.is(state)
}

// Reachable lists the states that transitions lead to from the initial one, which
// comes first. Retired is not listed.
func (d *Definition) Reachable() []string {
	next := make(map[string][]string, len(d.States))
	for _, t := range d.Transitions {
		next[t.From] = append(next[t.From], t.To)
	}
	list, met := []string{d.Initial}, map[string]bool{d.Initial: true}
	for i := 0; i < len(list); i++ {
		for _, s := range next[list[i]] {
			if !met[s] {
				met[s] = true
				list = append(list, s)
			}
		}
	}
	return list
}

// Intern returns d's own copy of state, so that millions of machines share one
// string. It returns state itself if d does not list it.
func (d *Definition) Intern(state string) string {
	for _, s := range d.States {
		if s == state {
			return s
		}
	}
	return state
}

// Legal reports whether a machine of d may step from one state to another.
func (d *Definition) Legal(from, to string) bool {
	switch {
	case to == Retired:
		return from != Retired && !IsBuiltIn(d.Name)
	case d.texts != nil:
		return d.texts.follows(from, to)
	}
	return slices.Contains(d.Transitions, Transition{from, to})
}

// Ends reports whether no transition leaves state. A machine of d in that state can
// only be retired.
func (d *Definition) Ends(state string) bool {
	return !slices.ContainsFunc(d.Transitions, func(t Transition) bool { return t.From == state })
}

// Index is the position of state in d.States, or -1.
func (d *Definition) Index(state string) int { return slices.Index(d.States, state) }

// CheckName returns an error if name is empty, longer than MaxName, or has other
// characters than letters, digits and "._-". The error names it a "what name", as
// in "state name".
func CheckName(what, name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%s name %q: %w: want 1 to %d bytes", what, name, ErrInvalid, MaxName)
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("%s name %q: %w: only letters, digits and . _ - are allowed", what, name, ErrInvalid)
		}
	}
	return nil
}

// SplitKey splits a machine's key, "definition/name", and checks both names. It
// does not check that the definition exists.
func SplitKey(key string) (definition, name string, err error) {
	definition, name, found := strings.Cut(key, "/")
	if !found {
		return "", "", fmt.Errorf("machine %q: %w: want definition/name, as in lifecycle/web-1", key, ErrInvalid)
	}
	if err := CheckName("definition", definition); err != nil {
		return "", "", fmt.Errorf("machine %q: %w", key, err)
	}
	if err := CheckName("machine", name); err != nil {
		return "", "", fmt.Errorf("machine %q: %w", key, err)
	}
	return definition, name, nil
}
