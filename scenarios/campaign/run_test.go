package campaign_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// Three failures are distinguished: a system that stops answering, one that answers
// without a certain outcome, and one that never becomes idle.
func TestLivenessIsJudged(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*variant)
	}{
		{"never answers", "liveness/client-stuck",
			func(v *variant) { v.client = func() sim.Process { return silentClient{} } }},
		{"never knows", "liveness/fresh-operation-stuck",
			func(v *variant) { v.client = func() sim.Process { return &unknownClient{} } }},
		{"never rests", "liveness/not-converged",
			func(v *variant) { v.node = func(sim.Process) sim.Process { return spinningNode{} } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, originWith(func(_ *scenarios.Plan, v *variant) { c.change(v) }), 1)
			require.Equal(t, play.Violated, r.Status)
			require.Equal(t, c.want, r.Signature())
			t.Log(r.Sentence())
		})
	}
}

// A client of the system under test that breaks the rules is a finding, and does
// not end the campaign.
func TestAClientReturnsOnce(t *testing.T) {
	r := run(t, originWith(func(_ *scenarios.Plan, v *variant) {
		v.client = func() sim.Process { return twiceReturningClient{} }
	}), 1)
	require.Equal(t, "client/unexpected-return", r.Signature())
	t.Log(r.Sentence())
}

func TestAResultAddsUp(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.None, 0)
	c.Shape.Clients = 1
	p := c.Plan(3)
	r, err := play.Run(t.Context(), c.System, p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, play.Passed, r.Status)
	require.Empty(t, r.Signature())
	require.Len(t, r.History.Operations, len(p.Operations)+len(p.Machines()), "the plan's and one fresh one per machine")
	require.Equal(t, len(r.History.Operations), r.Outcomes.Total())
	require.Equal(t, checker.Linearizable, checker.Check(t.Context(), r.History, checker.Options{}).Status)
	require.Greater(t, r.Simulated, p.Heal.At)
}

// SafetyOnly ends a run before its heal phase, so a client without a response is no
// failure.
func TestSafetyOnlyEndsBeforeHealPhase(t *testing.T) {
	c := campaignOf(originWith(func(_ *scenarios.Plan, v *variant) {
		v.client = func() sim.Process { return silentClient{} }
	}), scenarios.None, 0)
	p := c.Plan(1)
	r, err := play.Run(t.Context(), c.System, p, play.Options{SafetyOnly: true})
	require.NoError(t, err)
	require.Equal(t, play.Passed, r.Status, "nobody asks whether it ever answers")
	require.Less(t, r.Simulated, p.Heal.At)
	require.Zero(t, r.Outcomes.Committed+r.Outcomes.Rejected)
	require.NotZero(t, r.Outcomes.Unknown)
}

// A trace changes nothing in its run.
func TestTracingChangesNothing(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.All, 0)
	for seed := range uint64(50) {
		plain, err := play.Run(t.Context(), c.System, c.Plan(seed), play.Options{})
		require.NoError(t, err)
		lines := 0
		traced, err := play.Run(t.Context(), c.System, c.Plan(seed), play.Options{Trace: func(sim.TraceLine) { lines++ }})
		require.NoError(t, err)
		require.Equal(t, plain, traced)
		require.NotZero(t, lines)
	}
}

func TestAPlanForAnotherSystemIsRefused(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.None, 0)
	p := c.Plan(1)
	p.System = "paxos"
	_, err := play.Run(t.Context(), c.System, p, play.Options{})
	require.ErrorIs(t, err, scenarios.ErrPlan)
	require.ErrorContains(t, err, `system: the plan is for "paxos", not for "origin"`)
}

// run runs a seed without faults.
func run(t *testing.T, sys scenarios.System, seed uint64) play.Result {
	c := campaignOf(sys, scenarios.None, 0)
	r, err := play.Run(t.Context(), sys, c.Plan(seed), play.Options{})
	require.NoError(t, err)
	return r
}
