package campaign

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// planOf expands a seed to a plan, with aimed faults if the seed is aimed. The shape
// must be that of the system, see scenarios.System.Shape.
func planOf(sys scenarios.System, shape scenarios.Shape, seed uint64, buffers *sim.Buffers) *scenarios.Plan {
	p := scenarios.Generate(seed, shape)
	times := scenarios.Aims(seed, shape)
	for time := range times {
		instants, ok := play.Instants(sys, p, buffers)
		if !ok {
			break
		}
		p = scenarios.Aim(p, shape, sys.Requests, time, times, instants)
	}
	return p
}
