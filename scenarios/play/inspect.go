package play

import (
	"fmt"
	"math"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Inspection is the state of a run that was stopped on the way.
type Inspection struct {
	Event     uint64             // the last event, counted from 1
	Ended     bool               // the run was over before the event at which it was to stop
	At        scenarios.Duration // its time
	Hash      uint64             // of all events up to it
	Violation *scenarios.Violation
	Nodes     []NodeState
}

// NodeState is the state of one node.
type NodeState struct {
	ID   sim.ID
	Up   bool
	Dump string
}

// Inspect runs a plan up to an event, counted from 1, or to its end if that is
// sooner, and returns the state of some nodes. No history is checked. An invariant
// that is violated before ends the run as usual.
func Inspect(sys scenarios.System, p *scenarios.Plan, until uint64, nodes []sim.ID, trace func(sim.TraceLine)) (Inspection, error) {
	s, err := newRunner(sys, p, Options{Trace: trace})
	if err != nil {
		return Inspection{}, err
	}
	s.world.AfterEvent(func() {
		if s.world.Stats().Events >= until {
			s.endAt = math.MinInt64
		}
	})
	s.runRecovered()
	g := Inspection{Event: s.world.Stats().Events, Ended: s.world.Stats().Events < until, At: s.world.Now(), Hash: s.world.Hash(), Violation: s.violation}
	for _, id := range nodes {
		if id < 1 || int(id) > p.Nodes {
			return g, fmt.Errorf("no node %d in this plan: nodes are 1 to %d", id, p.Nodes)
		}
		d, ok := s.run.(scenarios.Dumper)
		if !ok {
			return g, fmt.Errorf("system %s cannot show the state of a node", sys.Name)
		}
		g.Nodes = append(g.Nodes, NodeState{id, s.world.Up(id), d.Dump(id)})
	}
	return g, nil
}

// Text describes the inspection for a person.
func (g *Inspection) Text(p *scenarios.Plan) string {
	text := fmt.Sprintf("%s, seed %d: stopped after event %d at %v\nhash %016x\n", p.System, p.Seed, g.Event, g.At, g.Hash)
	if g.Ended {
		text = fmt.Sprintf("%s, seed %d: the run has ended with event %d at %v\nhash %016x\n", p.System, p.Seed, g.Event, g.At, g.Hash)
	}
	if v := g.Violation; v != nil {
		text = fmt.Sprintf("%s, seed %d: ended by itself with event %d: violated %s at %v\n%s\nhash %016x\n",
			p.System, p.Seed, g.Event, v.Signature(), v.At, v.Sentence, g.Hash)
	}
	for _, n := range g.Nodes {
		state := "up"
		if !n.Up {
			state = "down"
		}
		text += fmt.Sprintf("\nnode %d, %s:\n%s", n.ID, state, n.Dump)
	}
	return text
}
