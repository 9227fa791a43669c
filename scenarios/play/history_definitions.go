package play

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// undefined is the initial state of a machine that holds a definition, in a history.
const undefined = "undefined"

// historyDefinitions returns the definitions of a plan's history: of competing ones the
// one that the run has chosen. A machine that holds a created definition has one
// transition, from undefined to a definition.
func historyDefinitions(p *scenarios.Plan, run scenarios.Run) []fsm.Definition {
	if len(p.Created) == 0 {
		return p.Definitions
	}
	list := slices.Clone(p.Definitions)
	meta := fsm.Definition{Name: fsm.MetaName, States: []string{undefined}, Initial: undefined}
	for i, name := range p.Created {
		for j := range p.Texts(name) {
			meta.States = append(meta.States, definedState(i, j))
			meta.Transitions = append(meta.Transitions, fsm.Transition{From: undefined, To: definedState(i, j)})
		}
		definer, ok := run.(scenarios.Definer)
		if !ok {
			continue
		}
		if d, err := fsm.Parse(definer.Chosen(name)); err == nil {
			list[slices.IndexFunc(list, func(d fsm.Definition) bool { return d.Name == name })] = d
		}
	}
	return append(list, meta)
}

// definedState is the state of a machine that holds the j-th definition with the i-th
// created name. The text itself is no name.
func definedState(i, j int) string {
	if j == 0 {
		return fmt.Sprintf("defined-%d", i+1)
	}
	return fmt.Sprintf("defined-%d.%d", i+1, j)
}

// definitionNames are the names that a history has for what machines of created
// definitions hold.
type definitionNames struct {
	byText map[string]string // by state
	keys   map[string]bool   // the machines that hold definitions
	plan   *scenarios.Plan
}

func newDefinitionNames(p *scenarios.Plan) definitionNames {
	if len(p.Created) == 0 {
		return definitionNames{}
	}
	n := definitionNames{map[string]string{fsm.Undefined: undefined}, map[string]bool{}, p}
	for i, name := range p.Created {
		n.keys[fsm.MetaName+"/"+name] = true
		for j, text := range p.Texts(name) {
			n.byText[text] = definedState(i, j)
		}
	}
	return n
}

// state is a state of a machine in the history. A state that the machine cannot have
// stays as it is: the checker refuses it.
func (n *definitionNames) state(machine, state string) string {
	if !n.keys[machine] {
		return state
	}
	return cmp.Or(n.byText[state], state)
}

// requested is the state that an operation requests, in the history.
func (n *definitionNames) requested(o *scenarios.Operation) string {
	if o.Kind != scenarios.Define {
		return o.Argument
	}
	return n.byText[n.plan.Requested(o)]
}
