package campaign_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// firstFailures gives the first failing seed of every signature of the origin's
// system.
func firstFailures(t *testing.T) (*campaign.Campaign, []*campaign.Group) {
	c := campaignOf(origin.System(), scenarios.All, 500)
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(sum.Groups), 6)
	return &c, sum.Groups
}

// A plan that breaks the origin's protocol shrinks to a readable one, and still
// breaks it in the same way.
func TestFailuresShrinkToAHandful(t *testing.T) {
	c, groups := firstFailures(t)
	for _, g := range groups {
		t.Run(g.Signature, func(t *testing.T) {
			p := c.Plan(g.First)
			s, err := campaign.Shrink(t.Context(), c.System, p, campaign.ShrinkOptions{})
			require.NoError(t, err)
			t.Logf("%d operations, %d faults, %d fates of %d, %d; %d runs",
				len(s.Plan.Operations), len(s.Plan.Faults), len(s.Plan.Overrides), len(p.Operations), len(p.Faults), s.Runs)
			require.Equal(t, g.Signature, s.Signature)
			require.True(t, s.Minimal)
			require.LessOrEqual(t, len(s.Plan.Operations), 6)
			require.LessOrEqual(t, len(s.Plan.Faults), 2)
			require.LessOrEqual(t, len(s.Plan.Overrides), 6)
			require.Equal(t, s.Plan.Heal.Network(), s.Plan.Network, "nothing is left to chance")
			requireSignature(t, g.Signature, c.System, s.Plan)
			for i := range s.Plan.Operations {
				q := *s.Plan
				q.Operations = append(append([]scenarios.Operation{}, q.Operations[:i]...), q.Operations[i+1:]...)
				require.NotEqual(t, g.Signature, signature(t, c.System, &q), "operation %d is not needed", i)
			}
		})
	}
}

// The speed of the workers does not matter.
func TestShrinkingDoesNotDependOnTheWorkers(t *testing.T) {
	c, groups := firstFailures(t)
	p := c.Plan(groups[0].First)
	one, err := campaign.Shrink(t.Context(), c.System, p, campaign.ShrinkOptions{Workers: 1})
	require.NoError(t, err)
	seven, err := campaign.Shrink(t.Context(), c.System, p, campaign.ShrinkOptions{Workers: 7})
	require.NoError(t, err)
	require.Equal(t, one, seven)
}

func TestOnlyFailuresShrink(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.None, 0)
	c.Shape.Clients = 1
	_, err := campaign.Shrink(t.Context(), c.System, c.Plan(3), campaign.ShrinkOptions{Runs: 100, Workers: 1})
	require.ErrorContains(t, err, "seed 3 passes: there is nothing to shrink")
	_, err = campaign.MeasureNecessity(t.Context(), c.System, c.Plan(3), 10, 1)
	require.ErrorContains(t, err, "seed 3: passed: only a violation has needs")
}

func TestShrinkingEndsWithItsContext(t *testing.T) {
	c, groups := firstFailures(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := campaign.Shrink(ctx, c.System, c.Plan(groups[0].First), campaign.ShrinkOptions{Workers: 2})
	require.ErrorIs(t, err, context.Canceled)
}

// Panics have signatures of their own: one is not made into another.
func TestAPanicStaysWhereItIs(t *testing.T) {
	sys := originWith(func(p *scenarios.Plan, v *variant) {
		v.node = func(sim.Process) sim.Process { return panickingNode{len(p.Operations) >= 7} }
	})
	c := campaignOf(sys, scenarios.All, 0)
	s, err := campaign.Shrink(t.Context(), sys, c.Plan(1), campaign.ShrinkOptions{})
	require.NoError(t, err)
	require.Equal(t, "assertion/panic-here-in-campaign-test-panickingnode-panichere", s.Signature)
	require.Len(t, s.Plan.Operations, 7)
	require.True(t, s.Minimal)
}

// panickingNode is a node that panics, in one place or in another.
type panickingNode struct{ here bool }

func (f panickingNode) Step(scenarios.Duration, *sim.Event, *sim.Effects) {
	if f.here {
		f.panicHere()
	}
	panic("there")
}

func (panickingNode) panicHere() { panic("here") }

// With the fates of all messages written down, the history is the same as with
// chance.
func TestPinnedPlansShowTheSame(t *testing.T) {
	for _, sys := range []scenarios.System{origin.System(), lockstep.System()} {
		t.Run(sys.Name, func(t *testing.T) {
			c := campaignOf(sys, scenarios.All, 0)
			pinned := 0
			for seed := uint64(0); pinned < 40; seed++ {
				p := c.Plan(seed)
				if len(p.Machines()) > 60 || slices.ContainsFunc(scenarios.Families(p), func(f scenarios.Family) bool { return slices.Contains(notPinnable, f) }) {
					continue
				}
				pinned++
				q := campaign.Pinned(sys, p)
				require.NoError(t, q.Validate())
				require.Equal(t, p.Heal.Network(), q.Network)
				require.Equal(t, historyUntil(t, sys, p, p.Heal.At), historyUntil(t, sys, q, p.Heal.At), "seed %d", seed)
			}
		})
	}
}

// notPinnable lists the families of faults that remove or hold messages in flight:
// no override of one message expresses them. With many machines, sessions may pass over
// the home of one because of silence about another: a first node that is written down
// does not express when they come back to it.
var notPinnable = []scenarios.Family{scenarios.Corruption, scenarios.Resets}

// historyUntil is the history up to the heal phase, after which nothing is written down.
func historyUntil(t *testing.T, sys scenarios.System, p *scenarios.Plan, heal scenarios.Duration) (seen []history.Operation) {
	r, err := play.Run(t.Context(), sys, p, play.Options{})
	require.NoError(t, err)
	for _, o := range r.History.Operations {
		if o.Return != history.NoReturn && o.Return < int64(heal) {
			seen = append(seen, o)
		}
	}
	return seen
}

// A search that is interrupted leaves the smallest plan so far.
func TestAnInterruptedShrinkHasTheSmallestPlanSoFar(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.All, 0)
	p := c.Plan(0)
	ctx, cancel := context.WithCancel(t.Context())
	var seen *scenarios.Plan
	s, err := campaign.Shrink(ctx, c.System, p, campaign.ShrinkOptions{Progress: func(smallest *scenarios.Plan, runs int) {
		require.Less(t, runs, 200)
		if seen = smallest; runs > 40 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, s.Minimal)
	require.Equal(t, seen, s.Plan)
	require.Less(t, len(s.Plan.Operations), len(p.Operations))
	requireSignature(t, s.Signature, c.System, s.Plan)
}

// Rows that are done when the context ends are those of an uninterrupted measurement.
func TestAnInterruptedNecessityHasTheRowsThatAreDone(t *testing.T) {
	p := readPlan(t, "shrunk-read")
	ctx, cancel := context.WithCancel(t.Context())
	n, err := campaign.MeasureNecessityWith(ctx, origin.System(), p, campaign.NecessityOptions{Seeds: 20, Workers: 1, Progress: func(done, all int) {
		require.Equal(t, 4, all)
		if done == 2 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	whole, err := campaign.MeasureNecessity(t.Context(), origin.System(), p, 20, 0)
	require.NoError(t, err)
	require.Len(t, n.Rows, 2)
	require.Equal(t, whole.Rows[:2], n.Rows)
}

// Without a needed part the failure is gone for all seeds.
func TestNecessity(t *testing.T) {
	p := readPlan(t, "lost-commit")
	n, err := campaign.MeasureNecessity(t.Context(), origin.System(), p, 50, 0)
	require.NoError(t, err)
	require.Equal(t, "convergence/states-differ", n.Signature)
	require.Len(t, n.Rows, 3)
	require.Equal(t, "operation", n.Rows[1].Kind)
	require.Equal(t, campaign.NecessityRow{Kind: "override", What: "1>3 commit lifecycle/a c1.1 #1 is lost"}, n.Rows[2])
	require.NotZero(t, n.Rows[0].Same)
	require.Zero(t, n.Rows[1].Same)
	require.Contains(t, n.String(), "without override 1>3 commit lifecycle/a c1.1 #1 is lost\n")

	again, err := campaign.MeasureNecessity(t.Context(), origin.System(), p, 50, 1)
	require.NoError(t, err)
	require.Equal(t, n, again)
}

// docs/FAILURES.md shows the table of a plan.
func TestTheDocumentedNecessityIsTrue(t *testing.T) {
	const doc = "../../docs/FAILURES.md"
	n, err := campaign.MeasureNecessity(t.Context(), origin.System(), readPlan(t, "shrunk-read"), 200, 0)
	require.NoError(t, err)
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	require.Contains(t, string(text), "```needs shrunk-read\n"+n.String()+"```")
}

// The table shows where chance is needed.
func TestNecessityOfTheNetwork(t *testing.T) {
	n, err := campaign.MeasureNecessity(t.Context(), origin.System(), readPlan(t, "roaming-client"), 50, 0)
	require.NoError(t, err)
	last := n.Rows[len(n.Rows)-1]
	require.Equal(t, "network", last.Kind)
	require.Zero(t, last.Same+last.Other)
	require.Less(t, n.Rows[0].Same, n.Seeds, "other seeds have other delays")
}

func requireSignature(t *testing.T, want string, sys scenarios.System, p *scenarios.Plan) {
	t.Helper()
	require.Equal(t, want, signature(t, sys, p))
}

func signature(t *testing.T, sys scenarios.System, p *scenarios.Plan) string {
	t.Helper()
	r, err := play.Run(t.Context(), sys, p, play.Options{})
	require.NoError(t, err)
	return r.Signature()
}

// A run can be stopped anywhere, and the state of the nodes there is a function of
// the plan.
func TestInspect(t *testing.T) {
	for _, sys := range []scenarios.System{origin.System(), lockstep.System()} {
		c := campaignOf(sys, scenarios.None, 0)
		p := c.Plan(3)
		hashes := map[uint64]uint64{}
		_, err := play.Run(t.Context(), sys, p, play.Options{OnEvent: func(event, hash uint64) { hashes[event] = hash }})
		require.NoError(t, err)
		for _, until := range []uint64{1, 50, 100} {
			lines := 0
			g, err := play.Inspect(sys, p, until, []sim.ID{1, 2}, func(sim.TraceLine) { lines++ })
			require.NoError(t, err)
			require.Equal(t, until, g.Event)
			require.Equal(t, hashes[until], g.Hash)
			require.NotZero(t, lines)
			require.Len(t, g.Nodes, 2)
			require.NotEmpty(t, g.Nodes[1].Dump)
			again, err := play.Inspect(sys, p, until, []sim.ID{1, 2}, nil)
			require.NoError(t, err)
			require.Equal(t, g, again)
		}
		_, err = play.Inspect(sys, p, 1, []sim.ID{99}, nil)
		require.ErrorContains(t, err, "no node 99 in this plan")
		end, err := play.Inspect(sys, p, 1<<40, nil, nil)
		require.NoError(t, err)
		require.Len(t, hashes, int(end.Event))
	}
}

// A dump shows the memory of a node and everything in progress.
func TestDumpsShowAll(t *testing.T) {
	id := string(node.Stamp("door/front", 0, "c2.1"))
	for _, c := range []struct {
		sys   scenarios.System
		plan  string
		node  sim.ID
		until uint64
		want  []string
	}{
		{origin.System(), "lost-commit", 1, 30, []string{
			"life 1\n", "lifecycle/a: Running\n", "proposal c1.1: lifecycle/a to Running, acknowledged by [1], rejected by []\n", ": commit lifecycle/a c1.1 propose Running to 3, ",
		}},
		{lockstep.System(), "node-minority", 1, 400, []string{
			"clock: ", "boot: 1, ready true, log durable to ", "door/front\n", "promised: 1.1.1\n", "accepted: -: nothing\n", "waits until the log is durable to ",
			"known to be chosen: ", "round: prepare 1.1.1, sent 2 times, acknowledged by [1], rejected by []\n",
			"waiting for a round: ", "read exchange: ", "in the exchange: ", "    1 " + id + " transition → Locked\n",
		}},
		{lockstep.System(), "node-minority", 2, 100, []string{"in the round: request door/front " + id + " attempt 1 propose to Locked"}},
	} {
		var all strings.Builder
		for event := range c.until {
			g, err := play.Inspect(c.sys, readPlan(t, c.plan), event+1, []sim.ID{c.node}, nil)
			require.NoError(t, err)
			all.WriteString(g.Nodes[0].Dump)
		}
		for _, want := range c.want {
			require.Contains(t, all.String(), want)
		}
	}
}

func TestNotEverySystemShowsItsNodes(t *testing.T) {
	sys := originWith(func(*scenarios.Plan, *variant) {})
	c := campaignOf(sys, scenarios.None, 0)
	p := c.Plan(1)
	_, err := play.Inspect(sys, p, 1, []sim.ID{1}, nil)
	require.ErrorContains(t, err, "system origin cannot show the state of a node")
}

// unknownsRun violates a property of its own when clients have learnt two unknown
// outcomes.
type unknownsRun struct {
	scenarios.Run
	count int
}

func (u *unknownsRun) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	if r, ok := f.(*scenarios.Response); ok && r.Outcome == scenarios.Unknown && r.Operation.Client != scenarios.HealClient {
		if u.count++; u.count == 2 {
			return &scenarios.Violation{Property: "canary", Class: "two-unknown", At: at, Sentence: "It was planted"}
		}
	}
	return u.Run.Observe(at, id, f)
}

// Messages of the node can be addressed and lost one by one as well.
func TestPlansOfTheNodeShrink(t *testing.T) {
	sys := lockstep.System()
	inner := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return &unknownsRun{Run: inner(p)} }
	c := campaignOf(sys, scenarios.All, 40)
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, sum.Groups)
	p := c.Plan(sum.Groups[0].First)
	s, err := campaign.Shrink(t.Context(), sys, p, campaign.ShrinkOptions{})
	require.NoError(t, err)
	t.Log(s.Plan.Operations, s.Plan.Faults, s.Plan.Overrides, s.Runs)
	require.True(t, s.Minimal)
	require.Less(t, len(s.Plan.Operations), len(p.Operations)/3)
	require.Equal(t, s.Plan.Heal.Network(), s.Plan.Network)
}
