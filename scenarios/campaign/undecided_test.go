package campaign_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// dial is a machine that moves by 1, 2, 3 or 5 states.
func dial(states int) fsm.Definition {
	d := fsm.Definition{Name: "dial", Initial: "s1"}
	for i := range states {
		d.States = append(d.States, fmt.Sprint("s", i+1))
	}
	for i, from := range d.States {
		for _, by := range []int{1, 2, 3, 5} {
			d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: d.States[(i+by)%states]})
		}
	}
	return d
}

// forgetful is a system whose clients learn no outcome of their proposals, and read
// any state after a while: a checker has to try very many orders.
func forgetful() scenarios.System {
	return scenarios.System{
		Name: "forgetful", Definitions: []fsm.Definition{dial(13)},
		New: func(p *scenarios.Plan) scenarios.Run { return &forgetfulRun{} },
	}
}

type forgetfulRun struct{ operations int }

func (r *forgetfulRun) Node(sim.ID, int) sim.Process                  { return idle{} }
func (r *forgetfulRun) Client(sim.ID) sim.Process                     { return forgetfulClient{r} }
func (r *forgetfulRun) Agree(scenarios.Duration) *scenarios.Violation { return nil }
func (r *forgetfulRun) Observe(scenarios.Duration, sim.ID, sim.Observation) *scenarios.Violation {
	return nil
}

type idle struct{}

func (idle) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

type forgetfulClient struct{ run *forgetfulRun }

func (c forgetfulClient) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Invoke {
		return
	}
	c.run.operations++
	o := ev.Message.(*scenarios.Invocation).Operation
	back := &scenarios.Response{Operation: o, Outcome: scenarios.Unknown, Version: scenarios.NoVersion}
	switch {
	case o.Client == scenarios.HealClient:
		back.Outcome, back.State = scenarios.Committed, o.Argument
	case o.Kind == scenarios.Read && c.run.operations >= 20:
		back.Outcome, back.State = scenarios.Committed, fmt.Sprint("s", 1+(c.run.operations*7+3)%13)
	}
	out.Observe(back)
}

// hard returns a campaign of the one plan whose history takes the checker more than 8 s,
// with a limit of a few milliseconds.
func hard() campaign.Campaign {
	c := campaignOf(forgetful(), scenarios.None, 1)
	c.Start, c.Shape.Machines, c.Shape.Operations, c.Shape.Clients = 7, 1, 300, 2
	c.Options.CheckTimeout = 20 * time.Millisecond
	return c
}

// A history that takes too long is counted, in a campaign that goes on. It is no sign of
// nondeterminism.
func TestUndecidedHistoriesAreCounted(t *testing.T) {
	c := hard()
	c.Guard = 100
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, uint64(1), sum.Undecided)
	require.Zero(t, sum.Failed)
	require.Equal(t, []*campaign.Group{{Signature: "undecided", First: 7, Count: 1}}, sum.Groups)
	require.Equal(t, uint64(1), sum.Guarded)
	require.Empty(t, sum.Differed)
}

// An undecided history shrinks like a failure, within its time.
func TestUndecidedHistoriesShrink(t *testing.T) {
	c := hard()
	p := c.Plan(7)
	o := campaign.ShrinkOptions{Runs: 60, CheckTimeout: c.Options.CheckTimeout}
	s, err := campaign.Shrink(t.Context(), c.System, p, o)
	require.NoError(t, err)
	require.Equal(t, "undecided", s.Signature)
	require.Less(t, len(s.Plan.Operations), len(p.Operations))
	require.NoError(t, s.Plan.Validate())

	o.Undecided = time.Nanosecond
	s, err = campaign.Shrink(t.Context(), c.System, p, o)
	require.NoError(t, err)
	require.Len(t, s.Plan.Operations, len(p.Operations))
	require.False(t, s.Minimal)
	require.Zero(t, s.Runs)
}

// Two runs of a seed differ by their hashes or by what both have decided.
func TestSameResult(t *testing.T) {
	passed := play.Result{Status: play.Passed, Hash: 1}
	undecided := play.Result{Status: play.Undecided, Hash: 1}
	violated := play.Result{Status: play.Violated, Hash: 1, Violation: &scenarios.Violation{Property: "a", Class: "b"}}
	other := passed
	other.Hash = 2
	for _, c := range []struct {
		a, b play.Result
		same bool
	}{
		{passed, passed, true}, {violated, violated, true}, {undecided, undecided, true},
		{passed, undecided, true}, {undecided, violated, true},
		{passed, violated, false}, {passed, other, false}, {undecided, other, false},
	} {
		require.Equal(t, c.same, campaign.SameResult(&c.a, &c.b), "%s %s", c.a.Status, c.b.Status)
	}
}
