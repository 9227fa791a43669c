package origin

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// System is the origin's protocol as a system under test.
func System() scenarios.System {
	return scenarios.System{
		Name:        "origin",
		About:       "the origin's protocol, taken literally: no ballots, no disk; it loses agreement",
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		New: func(p *scenarios.Plan) scenarios.Run {
			return &run{plan: p, order: map[string][]string{}, nodes: make([]nodeTruth, p.Nodes+1), processes: make([]*node, p.Nodes+1)}
		},
		Expected: expected,
	}
}

// expected are the properties of a replicated state machine that the protocol means to keep.
var expected = map[string]scenarios.Expectation{
	"agreement":                    {Sentence: "All nodes apply the same transitions to a machine, in one order, and each of them once"},
	"agreement/applied-twice":      {Sentence: "A node applies each transition to a machine once"},
	"agreement/illegal-transition": {Sentence: "A node applies only transitions that the definition has"},
	"convergence/states-differ":    {Sentence: "After the heal phase all nodes hold every machine in the same state"},
}

// run is the oracle of one run: all nodes must apply the same legal transitions in
// the same order, each once.
type run struct {
	plan      *scenarios.Plan
	order     map[string][]string // per machine, the operations in the order in which some node applied them
	nodes     []nodeTruth         // by id
	processes []*node             // by id, the current life's
}

// nodeTruth is the ground truth of one node, by its observations.
type nodeTruth struct {
	life    int
	applied map[string][]string // per machine, operations of this life
	states  map[string]string
}

// Node implements scenarios.Run.
func (r *run) Node(id sim.ID, life int) sim.Process {
	r.processes[id] = newNode(r.plan, id, life)
	return r.processes[id]
}

// Client implements scenarios.Run.
func (r *run) Client(id sim.ID) sim.Process {
	return &client{home: scenarios.NodeID(1 + (scenarios.ClientNumber(id)-1)%r.plan.Nodes), timeout: r.plan.Knobs.ClientTimeout}
}

// Observe implements scenarios.Run.
func (r *run) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	switch f := f.(type) {
	case *booted:
		r.nodes[id] = nodeTruth{life: f.life, applied: map[string][]string{}, states: map[string]string{}}
	case *applied:
		return r.checkApplied(at, id, f)
	}
	return nil
}

func (r *run) checkApplied(at scenarios.Duration, id sim.ID, a *applied) *scenarios.Violation {
	key, op, rep := a.invocation.Key, a.invocation.ID, &r.nodes[id]
	mine, all := rep.applied[key], r.order[key]
	violation := func(class, format string, args ...any) *scenarios.Violation {
		return &scenarios.Violation{
			Property: "agreement", Class: class, At: at, Machine: key,
			Sentence: fmt.Sprintf("Node %d applied %s (%s→%s) to %s", id, op, a.from, a.to, key) + fmt.Sprintf(format, args...),
		}
	}
	rep.states[key] = a.to
	rep.applied[key] = append(mine, op)
	d, _ := r.plan.Definition(key)
	switch {
	case slices.Contains(mine, op):
		return violation("applied-twice", ", which it had applied before")
	case !d.Legal(a.from, a.to):
		return violation("illegal-transition", ", though the definition has no such transition")
	case len(mine) == len(all):
		r.order[key] = append(all, op)
	case all[len(mine)] != op && rep.life > 1:
		return violation("fork-after-restart", " as its transition %d after a restart; another node's was %s", len(mine)+1, all[len(mine)])
	case all[len(mine)] != op:
		return violation("fork", " as its transition %d; another node's was %s", len(mine)+1, all[len(mine)])
	}
	return nil
}

// Agree implements scenarios.Run.
func (r *run) Agree(at scenarios.Duration) *scenarios.Violation {
	for _, key := range r.plan.Machines() {
		first := r.state(1, key)
		for n := 2; n <= r.plan.Nodes; n++ {
			if s := r.state(n, key); s != first {
				return &scenarios.Violation{
					Property: "convergence", Class: "states-differ", At: at, Machine: key,
					Sentence: fmt.Sprintf("After the heal phase node 1 holds %s in %s and node %d in %s", key, first, n, s),
				}
			}
		}
	}
	return nil
}

func (r *run) state(n int, key string) string {
	if s, ok := r.nodes[n].states[key]; ok {
		return s
	}
	d, _ := r.plan.Definition(key)
	return d.Initial
}
