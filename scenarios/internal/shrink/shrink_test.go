package shrink_test

import (
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/internal/shrink"
	"github.com/lockstep-dst/lockstep/scenarios/rapidplan"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var shape = scenarios.Shape{
	System: "toy", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Versions: true, Majority: true, ProvesLoss: true,
}

// failing decides on plans by their contents; nothing runs.
func failing(fails func(*scenarios.Plan) bool) func([]*scenarios.Plan) []shrink.RunResult {
	return func(plans []*scenarios.Plan) (verdicts []shrink.RunResult) {
		for _, p := range plans {
			if fails(p) {
				return append(verdicts, shrink.RunResult{Signature: "toy/bad"})
			}
			verdicts = append(verdicts, shrink.RunResult{})
		}
		return verdicts
	}
}

func config(fails func(*scenarios.Plan) bool) shrink.Config {
	return shrink.Config{Signature: "toy/bad", RunAll: failing(fails), MaxRuns: 20_000}
}

// busyPlan is the plan of a seed that has a power loss, reads and proposals.
func busyPlan(t *testing.T) *scenarios.Plan {
	for seed := range uint64(10_000) {
		if p := scenarios.Generate(seed, shape); needs(p, 2, 2, 1) && p.Nodes == 5 && p.Clients > 2 && len(p.Clocks) > 0 {
			return p
		}
	}
	t.Fatal("no such seed")
	return nil
}

// needs reports whether p has so many reads, proposals of Stopped and power losses.
func needs(p *scenarios.Plan, reads, stops, crashes int) bool {
	for _, o := range p.Operations {
		if o.Kind == scenarios.Read {
			reads--
		} else if o.Argument == "Stopped" {
			stops--
		}
	}
	for _, f := range p.Faults {
		if f.Kind == scenarios.PowerLoss {
			crashes--
		}
	}
	return reads <= 0 && stops <= 0 && crashes <= 0
}

// The parts that the failure does not need are gone, and the rest is as simple as
// it can be.
func TestOnlyWhatIsNeededIsLeft(t *testing.T) {
	p := busyPlan(t)
	before := scenarios.Encode(p)
	r, err := shrink.Run(config(func(p *scenarios.Plan) bool { return needs(p, 1, 2, 1) }), p)
	require.NoError(t, err)
	require.Equal(t, before, scenarios.Encode(p), "the plan given is left as it is")
	require.True(t, r.Minimal)

	q := r.Plan
	require.Len(t, q.Operations, 3)
	require.Len(t, q.Faults, 1)
	require.Equal(t, []string{"lifecycle/m1"}, q.Machines())
	require.Equal(t, 1, q.Clients)
	require.Equal(t, 3, q.Nodes)
	require.Empty(t, q.Clocks)
	require.Empty(t, q.Heal.Excluded)
	require.Equal(t, netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}}, q.Network)
	require.Zero(t, q.Disk)
	for i, o := range q.Operations {
		require.Equal(t, []string{"c1.1", "c1.2", "c1.3"}[i], o.ID)
		require.Zero(t, o.At)
		require.Zero(t, o.Node)
		require.Nil(t, o.Expect)
	}
	require.Len(t, q.Faults[0].Nodes, 1)
	require.Zero(t, q.Faults[0].At)
	require.Equal(t, p.Heal.Within, q.Heal.Within, "with less time every plan is stuck")
	require.GreaterOrEqual(t, q.Knobs.ConsensusTimeout, p.Knobs.ConsensusTimeout, "short timeouts are failures of their own")
	require.Zero(t, q.Knobs.ConsensusTimeout%netmodel.Millisecond)

	again, err := scenarios.Decode(scenarios.Encode(q))
	require.NoError(t, err)
	require.Equal(t, q, again)
}

// For every failure the result is minimal: nothing more can be removed.
func TestTheResultIsMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapidplan.Plan(shape).Draw(t, "plan")
		reads, stops := rapid.IntRange(0, 4).Draw(t, "reads"), rapid.IntRange(0, 4).Draw(t, "stops")
		crashes := rapid.IntRange(0, 2).Draw(t, "crashes")
		fails := func(p *scenarios.Plan) bool { return needs(p, reads, stops, crashes) }
		r, err := shrink.Run(config(fails), p)
		if !fails(p) {
			require.ErrorIs(t, err, shrink.ErrPassed)
			return
		}
		require.NoError(t, err)
		require.NoError(t, r.Plan.Validate())
		require.True(t, r.Minimal)
		require.True(t, fails(r.Plan))
		require.Len(t, r.Plan.Operations, reads+stops)
		require.Len(t, r.Plan.Faults, crashes)
	})
}

func TestTheResultIsAFunctionOfThePlan(t *testing.T) {
	c := config(func(p *scenarios.Plan) bool { return needs(p, 2, 1, 1) })
	first, err := shrink.Run(c, busyPlan(t))
	require.NoError(t, err)
	second, err := shrink.Run(c, busyPlan(t))
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// The plan at the end of the budget still fails, and does not claim to be minimal.
func TestTheBudgetIsKept(t *testing.T) {
	fails := func(p *scenarios.Plan) bool { return needs(p, 2, 2, 1) }
	whole, err := shrink.Run(config(fails), busyPlan(t))
	require.NoError(t, err)
	for _, budget := range []int{1, 2, 5, 30, whole.Runs - 1} {
		c := config(fails)
		c.MaxRuns = budget
		r, err := shrink.Run(c, busyPlan(t))
		require.NoError(t, err)
		require.Equal(t, budget, r.Runs)
		require.False(t, r.Minimal)
		require.True(t, fails(r.Plan))
	}
}

// A run of many events uses up more of the budget.
func TestLongRunsCountForMore(t *testing.T) {
	c := config(nil)
	judged := 0
	c.RunAll = func(plans []*scenarios.Plan) []shrink.RunResult {
		judged++
		return []shrink.RunResult{{Signature: "toy/bad", Events: 100 * shrink.EventsPerRun}}
	}
	c.MaxRuns = 505
	r, err := shrink.Run(c, busyPlan(t))
	require.NoError(t, err)
	require.False(t, r.Minimal)
	require.Equal(t, 6, judged, "five runs of 101, and one that is over the budget")
}

// Where the network's choices matter, they become overrides, and the unnecessary
// ones are removed again.
func TestFatesThatMatterAreWrittenDown(t *testing.T) {
	lost := func(p *scenarios.Plan) bool { // a commit is lost, by chance or by an override
		byFate := slices.ContainsFunc(p.Overrides, func(f scenarios.MessageOverride) bool {
			return f.Message.Link == netmodel.Link{From: 1, To: 3} && f.Override.Fate == netmodel.Drop
		})
		return byFate || p.Network.Drop > 1000
	}
	c := config(func(p *scenarios.Plan) bool { return lost(p) && len(p.Operations) > 0 })
	c.Pin = func(p *scenarios.Plan) *scenarios.Plan {
		q := *p
		q.Network = p.Heal.Network()
		q.Overrides = nil
		for n := uint32(1); n <= 40; n++ {
			for to := sim.ID(2); to <= 3; to++ {
				f := scenarios.MessageOverride{Message: sim.Address{
					Link: netmodel.Link{From: 1, To: to}, Name: "commit " + p.Operations[0].Key + " " + p.Operations[0].ID, Occurrence: n,
				}}
				f.Override.Delay = netmodel.Duration(n)
				if n == 17 {
					f.Override = netmodel.Override{Fate: netmodel.Drop}
				}
				q.Overrides = append(q.Overrides, f)
			}
		}
		return &q
	}
	p := busyPlan(t)
	p.Network.Drop = 5000
	r, err := shrink.Run(c, p)
	require.NoError(t, err)
	require.True(t, r.Minimal)
	require.Len(t, r.Plan.Overrides, 1)
	require.Equal(t, "1>3 commit lifecycle/m1 c1.1 #17 is lost", r.Plan.Overrides[0].String())
	require.Equal(t, r.Plan.Heal.Network(), r.Plan.Network)
}

// A removed process takes along the parts that name it, and only those.
func TestProcessesAreNumberedAnew(t *testing.T) {
	p := busyPlan(t)
	p.Clocks, p.Overrides = nil, nil
	p.Faults = []scenarios.Fault{
		{Kind: scenarios.Partition, For: netmodel.Second, Groups: [][]sim.ID{{2, 101}, {5, 103}}},
		{Kind: scenarios.Cut, For: netmodel.Second, Links: []netmodel.Link{{From: 103, To: 5}, {From: 1, To: 4}}},
		{Kind: scenarios.PowerLoss, For: netmodel.Second, Nodes: []sim.ID{4}},
	}
	require.NoError(t, p.Validate())
	cut := func(p *scenarios.Plan) bool { // a client is cut off from the last node, and apart from another
		if len(p.Faults) < 2 || len(p.Faults[0].Groups) < 2 || len(p.Faults[0].Groups[0]) < 2 || len(p.Faults[0].Groups[1]) < 2 {
			return false
		}
		links := p.Faults[1].Links
		return len(links) > 0 && int(links[0].To) == p.Nodes && links[0].From == p.Faults[0].Groups[1][1]
	}
	require.True(t, cut(p))
	r, err := shrink.Run(config(cut), p)
	require.NoError(t, err)
	require.Equal(t, 3, r.Plan.Nodes)
	require.Equal(t, 2, r.Plan.Clients, "two are named")
	require.Len(t, r.Plan.Faults, 2)
	require.Equal(t, [][]sim.ID{{1, 101}, {3, 102}}, r.Plan.Faults[0].Groups)
	require.Equal(t, []netmodel.Link{{From: 102, To: 3}}, r.Plan.Faults[1].Links)
}
