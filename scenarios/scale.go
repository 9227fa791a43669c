package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Limits of the generator's own choices for plans with many machines: more than 64,
// which a range of a digest or the list of blocked values holds. With one to one and a
// half operations each on average, two to three in four of the machines get one.
const (
	minManyMachines = 120
	maxManyMachines = 180
)

// drawMachines chooses the number of machines: a few, or, in three of a hundred plans
// that leave machines and operations to the generator, many.
func drawMachines(c Choices, shape Shape) int {
	if shape.Profile != None && shape.Operations == 0 && c.Often("many?", 3) {
		return c.Between("many", minManyMachines, maxManyMachines)
	}
	return c.Between("machines", 1, maxDrawnMachines)
}

// drawOperations chooses the number of operations.
func drawOperations(c Choices, machines int) int {
	if machines < minManyMachines {
		return c.Between("operations", minDrawnOperations, maxDrawnOperations)
	}
	return machines * c.Between("operations of many", 4, 6) / 4
}

// generateDefinitions adds definitions in some plans of the built-in one: their states
// have the same names, and other transitions; names are as long as they may be.
func generateDefinitions(c Choices, p *Plan, shape Shape) {
	if shape.Workload != nil {
		return
	}
	first := shape.Definitions[0]
	if shape.Profile == None || len(shape.Definitions) > 1 || first.Name != fsm.Lifecycle().Name || !c.Often("definitions?", 10) {
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

// KeyName chooses the name of the i-th object of a workload, from 1: prefix and i, or,
// if odd is set, mostly one of the names that are legal and rare.
func KeyName(c Choices, prefix string, i int, odd bool) string {
	number := fmt.Sprint(i)
	if !odd {
		return prefix + number
	}
	switch c.Choose("name", 6) {
	case 1:
		return longName("long")[len(number):] + number
	case 2:
		return strings.ToUpper(prefix) + number // differs from another only in case
	case 3:
		return number
	case 4:
		return "-._" + number
	case 5:
		return number + "..--__"
	}
	return prefix + number
}
