package lockstep_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// One core, three nodes, no faults, invariants and history on: from the plan to
// the verdict.
func BenchmarkSteady(b *testing.B) {
	generated := campaignOf(scenarios.None, 0)
	generated.Shape.Nodes, generated.Shape.Clients, generated.Shape.Operations = 3, 3, 500
	for _, c := range []struct {
		name string
		plan func(seed uint64) *scenarios.Plan
	}{
		{"generated", generated.Plan}, // a third reads, and clients that pause
		{"machines=1", func(seed uint64) *scenarios.Plan { return busy(seed, 1, 1) }},
		{"machines=3", func(seed uint64) *scenarios.Plan { return busy(seed, 3, 1) }},
		{"machines=60", func(seed uint64) *scenarios.Plan { return busy(seed, 60, 1) }},
		{"machines=3/contended", func(seed uint64) *scenarios.Plan { return busy(seed, 3, 8) }}, // half is illegal when it comes
		{"machines=3/combined", func(seed uint64) *scenarios.Plan { return ticking(seed, 3, 16) }},
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
	o := campaign.Options{Memory: &sim.Buffers{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var runs, messages, committed uint64
	for b.Loop() {
		r, err := campaign.Run(b.Context(), lockstep.System(), plans[runs%16], o)
		require.NoError(b, err)
		require.Equal(b, campaign.Passed, r.Status, r.Sentence())
		runs++
		messages += r.Stats.Delivered
		for _, o := range r.History.Operations {
			if o.Kind == checker.KindPropose && o.Outcome == checker.Committed {
				committed++
			}
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(committed)/b.Elapsed().Seconds(), "transitions/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(committed), "allocs/transition")
}

// One core, the full swarm, 500 operations a plan: from the seed to the verdict.
func BenchmarkSwarm(b *testing.B) {
	c := campaignOf(scenarios.All, 0)
	c.Shape.Operations = 500
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // as the fuzz command does
	o := campaign.Options{Memory: &sim.Buffers{}}
	var seed, operations, events uint64
	for b.Loop() {
		r, err := campaign.Run(b.Context(), lockstep.System(), c.Plan(seed%64), o)
		require.NoError(b, err)
		require.Equal(b, campaign.Passed, r.Status, r.Sentence())
		seed++
		operations += uint64(r.Outcomes.Total())
		events += r.Stats.Events
	}
	b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)/float64(operations), "events/operation")
}

// busy is a plan of 500 proposals in which every client has its next one ready
// when the one before has ended. Each machine has so many clients of its own. The
// proposals for a machine follow its lifecycle, so that a client alone has all
// of them carried out.
func busy(seed uint64, machines, each int) *scenarios.Plan {
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
			Machine: fmt.Sprintf("lifecycle/m%d", machine), Kind: scenarios.Propose,
			To: states[steps[machine]%len(states)],
		})
	}
	return p
}

// ticking is a busy plan whose machines have one state, to which it is always
// legal to go: clients of the same machine do not turn each other away, and nodes
// combine what they ask for into rounds.
func ticking(seed uint64, machines, each int) *scenarios.Plan {
	p := busy(seed, machines, each)
	d := fsm.Definition{
		Name: "lifecycle", States: []string{"on"}, Initial: "on",
		Transitions: []fsm.Transition{{From: "on", To: "on"}},
	}
	p.Definitions = []fsm.Definition{d}
	for i := range p.Operations {
		p.Operations[i].To = "on"
	}
	return p
}

// In a busy plan all nodes are home to some machine, and everything is carried
// out, so that the benchmark measures what it says.
func TestBusyPlansAreBusy(t *testing.T) {
	for _, machines := range []int{1, 3, 60} {
		p := busy(1, machines, 1)
		require.NoError(t, p.Validate())
		r, err := campaign.Run(t.Context(), lockstep.System(), p, campaign.Options{})
		require.NoError(t, err)
		require.Equal(t, campaign.Passed, r.Status, r.Sentence())
		require.GreaterOrEqual(t, r.Outcomes.Committed, 500)
	}
	homes := map[node.ID]bool{}
	for _, key := range busy(1, 60, 1).Machines() {
		homes[session.PreferenceList(key, []node.ID{1, 2, 3})[0]] = true
	}
	require.Len(t, homes, 3)
}
