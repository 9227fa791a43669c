package main

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/sim"
)

// mapOrdered is a system in which the order of a map decides: what the guard is
// there to find.
func mapOrdered() scenarios.System {
	sys := canary.System()
	sys.Name = "map-ordered"
	inner := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return mapOrder{inner(p)} }
	return sys
}

type mapOrder struct{ scenarios.Run }

func (m mapOrder) Node(sim.ID, int) sim.Process { return mapOrderNode{} }

// mapOrderNode is a node that sets timers for its peers, which mean nothing, in the
// order of a map.
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
