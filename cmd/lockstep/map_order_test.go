package main

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/sim"
)

// mapOrdered returns a system that depends on the order of a map: the determinism
// guard must find that.
func mapOrdered() scenarios.System {
	sys := canary.System()
	sys.Name = "map-ordered"
	inner := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return mapOrder{inner(p)} }
	return sys
}

type mapOrder struct{ scenarios.Run }

func (m mapOrder) Node(sim.ID, int) sim.Process { return mapOrderNode{} }

// mapOrderNode is a node that sets a timer for each peer, in the order of a map. The
// timers have no other effect.
type mapOrderNode struct{}

func (mapOrderNode) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Boot {
		return
	}
	peers := map[uint64]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	for peer := range peers {
		out.SetTimer(peer, netmodel.Millisecond)
	}
}
