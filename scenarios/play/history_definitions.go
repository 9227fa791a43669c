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

// historyDefinitions returns the definitions of a plan's history. A machine that holds
// a created definition has one transition, from undefined to that definition.
func historyDefinitions(p *scenarios.Plan) []fsm.Definition {
	if len(p.Created) == 0 {
		return p.Definitions
	}
	meta := fsm.Definition{Name: fsm.MetaName, States: []string{undefined}, Initial: undefined}
	for i := range p.Created {
		meta.States = append(meta.States, definedState(i))
		meta.Transitions = append(meta.Transitions, fsm.Transition{From: undefined, To: definedState(i)})
	}
	return append(slices.Clone(p.Definitions), meta)
}

// definedState is the state of a machine that holds the i-th created definition. The
// text itself is no name.
func definedState(i int) string { return fmt.Sprintf("defined-%d", i+1) }

// definitionNames are the names that a history has for what machines of created
// definitions hold.
type definitionNames struct {
	byText map[string]string // by state
	byKey  map[string]string // by machine: its last state
}

func newDefinitionNames(p *scenarios.Plan) definitionNames {
	if len(p.Created) == 0 {
		return definitionNames{}
	}
	n := definitionNames{map[string]string{fsm.Undefined: undefined}, map[string]string{}}
	for i, name := range p.Created {
		o := scenarios.Operation{Kind: scenarios.Define, Key: fsm.MetaName + "/" + name}
		n.byText[p.Requested(&o)], n.byKey[o.Key] = definedState(i), definedState(i)
	}
	return n
}

// state is a state of a machine in the history. A state that the machine cannot have
// stays as it is: the checker refuses it.
func (n *definitionNames) state(machine, state string) string {
	if n.byKey[machine] == "" {
		return state
	}
	return cmp.Or(n.byText[state], state)
}

// requested is the state that an operation requests, in the history.
func (n *definitionNames) requested(o *scenarios.Operation) string {
	if o.Kind != scenarios.Define {
		return o.Argument
	}
	return n.byKey[o.Key]
}
