package lockstep_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// BenchmarkSteady measures runs on one core, of three nodes without faults, from the plan
// to the verdict. The oracle and the checker of histories are on.
func BenchmarkSteady(b *testing.B) {
	generated := campaignOf(scenarios.None, 0)
	generated.Shape.Nodes, generated.Shape.Clients, generated.Shape.Operations = 3, 3, 500
	for _, c := range []struct {
		name string
		plan func(seed uint64) *scenarios.Plan
	}{
		{"generated", generated.Plan}, // a third are reads, and clients pause
		{"machines=1", func(seed uint64) *scenarios.Plan { return busyPlan(seed, 1, 1) }},
		{"machines=3", func(seed uint64) *scenarios.Plan { return busyPlan(seed, 3, 1) }},
		{"machines=60", func(seed uint64) *scenarios.Plan { return busyPlan(seed, 60, 1) }},
		{"machines=3/contended", func(seed uint64) *scenarios.Plan { return busyPlan(seed, 3, 8) }}, // half are illegal on arrival
		{"machines=3/combined", func(seed uint64) *scenarios.Plan { return oneStatePlan(seed, 3, 16) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.plan) })
	}
}

func benchmark(b *testing.B, plan func(seed uint64) *scenarios.Plan) {
	var plans []*scenarios.Plan
	for seed := range uint64(16) {
		plans = append(plans, plan(seed))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // as the fuzz command does
	o := play.Options{Buffers: &sim.Buffers{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var runs, messages, committed uint64
	for b.Loop() {
		r, err := play.Run(b.Context(), lockstep.System(), plans[runs%16], o)
		require.NoError(b, err)
		require.Equal(b, play.Passed, r.Status, r.Sentence())
		runs++
		messages += r.Stats.Delivered
		for _, o := range r.History.Operations {
			if o.Kind == history.KindPropose && o.Outcome == history.Committed {
				committed++
			}
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(committed)/b.Elapsed().Seconds(), "transitions/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(committed), "allocs/transition")
}

// BenchmarkSwarm measures runs on one core, of the full swarm with 500 operations a plan,
// from the seed to the verdict.
func BenchmarkSwarm(b *testing.B) {
	c := campaignOf(scenarios.All, 0)
	c.Shape.Operations = 500
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // as the fuzz command does
	o := play.Options{Buffers: &sim.Buffers{}}
	var seed, operations, events uint64
	for b.Loop() {
		r, err := play.Run(b.Context(), lockstep.System(), c.Plan(seed%64), o)
		require.NoError(b, err)
		require.Equal(b, play.Passed, r.Status, r.Sentence())
		seed++
		operations += uint64(r.Outcomes.Total())
		events += r.Stats.Events
	}
	b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)/float64(operations), "events/operation")
}

// busyPlan returns a plan of 500 proposals. Each machine has so many clients of its own,
// and each client sends its next proposal when the one before has ended. The proposals
// for a machine follow its lifecycle, so that all those of a single client are
// committed.
func busyPlan(seed uint64, machines, each int) *scenarios.Plan {
	p := scenarios.Generate(seed, scenarios.Shape{
		System: "lockstep", Definitions: lockstep.System().Definitions,
		Profile: scenarios.None, Nodes: 3, Clients: machines * each, Operations: 1,
	})
	p.Knobs.ConsensusTimeout, p.Knobs.ClientTimeout = netmodel.Second, 3*netmodel.Second
	p.Operations = nil
	states := p.Definitions[0].States
	steps := make([]int, machines)
	for i := range 500 {
		client, machine := 1+i%p.Clients, i%machines
		steps[machine]++
		p.Operations = append(p.Operations, scenarios.Operation{
			ID: fmt.Sprintf("c%d.%d", client, 1+i/p.Clients), Client: client,
			Key: fmt.Sprintf("lifecycle/m%d", machine), Kind: scenarios.Propose,
			Argument: states[steps[machine]%len(states)],
		})
	}
	return p
}

// oneStatePlan returns a busy plan for machines with one state and a transition to
// itself. Clients of a machine never make each other's proposals illegal, and nodes
// batch their operations.
func oneStatePlan(seed uint64, machines, each int) *scenarios.Plan {
	p := busyPlan(seed, machines, each)
	d := fsm.Definition{
		Name: "lifecycle", States: []string{"on"}, Initial: "on",
		Transitions: []fsm.Transition{{From: "on", To: "on"}},
	}
	p.Definitions = []fsm.Definition{d}
	for i := range p.Operations {
		p.Operations[i].Argument = "on"
	}
	return p
}

// In a busy plan every node is preferred for some machine, and all operations are
// committed, so that the benchmark measures committed transitions.
func TestBusyPlansAreBusy(t *testing.T) {
	for _, machines := range []int{1, 3, 60} {
		p := busyPlan(1, machines, 1)
		require.NoError(t, p.Validate())
		r, err := play.Run(t.Context(), lockstep.System(), p, play.Options{})
		require.NoError(t, err)
		require.Equal(t, play.Passed, r.Status, r.Sentence())
		require.GreaterOrEqual(t, r.Outcomes.Committed, 500)
	}
	homes := map[node.ID]bool{}
	for _, key := range busyPlan(1, 60, 1).Machines() {
		homes[session.PreferenceList(key, []node.ID{1, 2, 3})[0]] = true
	}
	require.Len(t, homes, 3)
}
