package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Limits of the generator's own choices for plans with many machines: more than a
// digest, a list of repair or a page of a listing holds at a time.
const (
	minManyMachines = 100
	maxManyMachines = 300
)

// drawMachines chooses the number of machines: a few, or, in three of a hundred plans
// that leave machines and operations to the generator, many.
func drawMachines(c choices, shape Shape) int {
	if shape.Profile != None && shape.Operations == 0 && c.often("many?", 3) {
		return c.between("many", minManyMachines, maxManyMachines)
	}
	return c.between("machines", 1, maxDrawnMachines)
}

// drawOperations chooses the number of operations. Of many machines each has one or
// two on average.
func drawOperations(c choices, machines int) int {
	if machines < minManyMachines {
		return c.between("operations", minDrawnOperations, maxDrawnOperations)
	}
	return machines * c.between("operations of many", 4, 8) / 4
}

// generateDefinitions adds definitions in some plans of the built-in one: their states
// have the same names, and other transitions; names are as long as they may be.
func generateDefinitions(c choices, p *Plan, shape Shape) {
	first := shape.Definitions[0]
	if shape.Profile == None || len(shape.Definitions) > 1 || first.Name != fsm.Lifecycle().Name || !c.often("definitions?", 10) {
		return
	}
	back := fsm.Definition{Name: "back", States: slices.Clone(first.States), Initial: first.States[len(first.States)-1]}
	slices.Reverse(back.States)
	for _, t := range first.Transitions {
		back.Transitions = append(back.Transitions, fsm.Transition{From: t.To, To: t.From})
	}
	long := longName("Z.z_9-")
	ends := fsm.Definition{
		Name: long, States: append(slices.Clone(first.States), long), Initial: first.Initial, Terminal: []string{long},
		Transitions: append(slices.Clone(first.Transitions), fsm.Transition{From: first.States[1], To: long}),
	}
	p.Definitions = append(slices.Clone(shape.Definitions), back, ends)
}

// longName repeats text to the length that a name may have.
func longName(text string) string { return strings.Repeat(text, fsm.MaxName)[:fsm.MaxName] }

// machineName is the name of the i-th machine, from 1: a short one, or one of those
// that are legal and rare.
func machineName(c choices, odd bool, i int) string {
	number := fmt.Sprint(i)
	if !odd {
		return "m" + number
	}
	switch c.Choose("name", 6) {
	case 1:
		return longName("long")[len(number):] + number
	case 2:
		return "M" + number // differs from another only in case
	case 3:
		return number
	case 4:
		return "-._" + number
	case 5:
		return number + "..--__"
	}
	return "m" + number
}
