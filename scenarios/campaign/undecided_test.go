package campaign_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/campaign/testdata/forgetful"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// hard returns a campaign of the one plan whose history takes the checker more than 8 s,
// with a limit of a few milliseconds.
func hard() campaign.Campaign {
	c := campaignOf(forgetful.System(), scenarios.None, 1)
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
