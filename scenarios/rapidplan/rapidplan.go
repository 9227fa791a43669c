// Package rapidplan drives the plan generator from rapid, so that a property over
// plans shrinks: when it fails, rapid looks for a failing plan with fewer
// operations, fewer faults and rounder numbers.
//
//	func TestMine(t *testing.T) {
//		shape := mine.Shape(scenarios.Shape{Profile: scenarios.All})
//		rapid.Check(t, func(t *rapid.T) {
//			p := rapidplan.Plan(shape).Draw(t, "plan")
//			r, err := play.Run(t.Context(), mine, p, play.Options{})
//			if err != nil || r.Status != play.Passed {
//				t.Fatalf("%s: %v\nsave as plan.json: %s", r.Sentence(), err, scenarios.Encode(p))
//			}
//		})
//	}
//
// For `go test -fuzz` there is harness.Fuzz. rapid.MakeFuzz does not suit plans:
// it skips every input that runs out of bytes before all of a plan's hundreds of
// choices are made. Nearly all inputs of the engine are too short, and a target
// that skips them passes.
//
// The package is separate from the generator because rapid imports testing.
package rapidplan

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"pgregory.net/rapid"
)

// maxOperations bounds a plan whose shape leaves the number to rapid. There is no
// lower bound: plans with few operations are easier to read.
const maxOperations = 60

// Plan generates plans of a shape, which must be valid.
func Plan(shape scenarios.Shape) *rapid.Generator[*scenarios.Plan] {
	return rapid.Custom(func(t *rapid.T) *scenarios.Plan {
		s := shape
		if s.Operations == 0 {
			s.Operations = rapid.IntRange(1, maxOperations).Draw(t, "operations")
		}
		return scenarios.GenerateFrom(source{t, ""}, s)
	})
}

// source makes the generator's choices by drawing from rapid. The smallest draw is
// the simplest choice, and rapid shrinks to it.
type source struct {
	t    *rapid.T
	path string
}

// Choose implements scenarios.Source.
func (s source) Choose(label string, n uint64) uint64 {
	return rapid.Uint64Max(n-1).Draw(s.t, s.path+label)
}

// At implements scenarios.Source.
func (s source) At(label string, i int) scenarios.Source {
	return source{s.t, fmt.Sprintf("%s%s[%d].", s.path, label, i)}
}
