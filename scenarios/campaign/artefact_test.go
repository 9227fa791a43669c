package campaign_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// Every file in testdata/regressions still has the result that it had when it was
// added. Hashes may differ: they change with every change of the code.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("../../testdata/regressions/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	systems := map[string]scenarios.System{"origin": origin.System(), "lockstep": lockstep.System()}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			a, p, err := campaign.DecodeArtefact(data)
			require.NoError(t, err)
			sys, known := systems[p.System]
			require.True(t, known, p.System)
			r, c, err := a.Compare(t.Context(), sys, p, play.Options{})
			require.NoError(t, err)
			t.Log(c.Text(&a, &r))
			require.True(t, c.Holds, "%s\nrepeat it: lockstep replay %s", r.Text(p), file)
		})
	}
}

// The hand-written plans of the node have the intended results.
func TestHandWrittenPlansOfTheNode(t *testing.T) {
	for name, unknown := range map[string]int{"node-minority": 1, "node-power-cut": 0} {
		r, err := play.Run(t.Context(), lockstep.System(), readPlan(t, name), play.Options{})
		require.NoError(t, err)
		require.Equal(t, play.Passed, r.Status, r.Sentence())
		require.Equal(t, unknown, r.Outcomes.Unknown, name)
	}
}

func TestArtefactsHold(t *testing.T) {
	for _, sys := range []scenarios.System{origin.System(), lockstep.System()} {
		c := campaignOf(sys, scenarios.All, 0)
		for seed := range uint64(10) {
			a, p := encodeAndDecode(t, sys, c.Plan(seed))
			require.Equal(t, scenarios.Encode(c.Plan(seed)), scenarios.Encode(p))
			require.Equal(t, a.Events, a.Checkpoints[len(a.Checkpoints)-1].Event)
			require.Len(t, a.Checkpoints, int(min(256, a.Events)))
			r, cmp, err := a.Compare(t.Context(), sys, p, play.Options{})
			require.NoError(t, err)
			require.Equal(t, campaign.Comparison{Holds: true, SameHash: true, LastSame: a.Events}, cmp)
			require.Equal(t, a.Signature, r.Signature())
			require.Contains(t, cmp.Text(&a, &r), "the hash holds")
		}
	}
}

// The first different checkpoint is named: the change lies between it and the one
// before.
func TestTheFirstDifferenceIsNamed(t *testing.T) {
	late := originWith(func(_ *scenarios.Plan, v *variant) {
		v.node = func(n sim.Process) sim.Process { return &lateTimerNode{Process: n} }
	})
	c := campaignOf(origin.System(), scenarios.None, 0)
	c.Shape.Clients = 1
	a, p := encodeAndDecode(t, origin.System(), c.Plan(5))
	r, cmp, err := a.Compare(t.Context(), late, p, play.Options{})
	require.NoError(t, err)
	require.True(t, cmp.Holds)
	require.False(t, cmp.SameHash)
	require.NotZero(t, cmp.LastSame)
	require.Greater(t, cmp.FirstDifferent, cmp.LastSame)
	require.Less(t, cmp.FirstDifferent, a.Events)
	require.Contains(t, cmp.Text(&a, &r), "the hash differs: the same up to event ")
}

// lateTimerNode sets a timer without purpose on its 20th event.
type lateTimerNode struct {
	sim.Process
	events int
}

func (l *lateTimerNode) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	l.Process.Step(now, ev, out)
	if l.events++; l.events == 20 {
		out.SetTimer(1<<40, 1)
	}
}

// An artefact from before a signature was renamed, or from the time when all panics had
// one, still holds.
func TestOldSignaturesHold(t *testing.T) {
	for _, c := range []struct {
		failure canary.Failure
		old     string
		holds   bool
	}{
		{canary.InvariantViolated, "canary/sings", true},
		{canary.Panics, "assertion/panic", true},
		{canary.Panics, "assertion/panic-another-in-canary-client-step", false},
		{canary.InvariantViolated, "assertion/panic", false},
	} {
		seed := uint64(0)
		for canary.FailureOf(seed) != c.failure {
			seed++
		}
		of := campaignOf(canary.System(), scenarios.None, 0)
		a, p := encodeAndDecode(t, canary.System(), of.Plan(seed))
		require.Equal(t, c.failure.Signature(), a.Signature)
		a.Signature = c.old
		_, cmp, err := a.Compare(t.Context(), canary.System(), p, play.Options{})
		require.NoError(t, err)
		require.Equal(t, c.holds, cmp.Holds, "%+v", c)
	}
}

// Another verdict is reported apart from another hash.
func TestAnotherVerdictDoesNotHold(t *testing.T) {
	a, p := encodeAndDecode(t, origin.System(), readPlan(t, "lost-commit"))
	p.Overrides = nil
	r, cmp, err := a.Compare(t.Context(), origin.System(), p, play.Options{})
	require.NoError(t, err)
	require.False(t, cmp.Holds)
	require.Contains(t, cmp.Text(&a, &r), "the verdict does not hold: expected violated convergence/states-differ, is passed\n")
}

func TestBrokenArtefactsAreRefused(t *testing.T) {
	good, err := campaign.NewArtefact(t.Context(), origin.System(), readPlan(t, "lost-commit"))
	require.NoError(t, err)
	text, err := campaign.EncodeArtefact(&good)
	require.NoError(t, err)
	require.True(t, campaign.IsArtefact(text))
	require.False(t, campaign.IsArtefact(good.Plan))
	for _, c := range []struct{ old, new, want string }{
		{`"verdict": "violated"`, `"verdict": "undecided"`, `verdict: "undecided": want passed or violated`},
		{`"verdict": "violated"`, `"verdict": "passed"`, "signature: "},
		{`"version": 1,` + "\n" + ` "verdict"`, `"version": 2,` + "\n" + ` "verdict"`, "version: 2: this build reads version 1"},
		{`"hash"`, `"hush"`, "hush"},
		{`"2 `, `"1 `, "checkpoints[1].event: 1"},
		{`"2 `, `"two `, "checkpoint"},
		{`"nodes": 3`, `"nodes": 0`, "plan: invalid plan: nodes: 0"},
		{`lockstep-artefact`, `something`, `format is "something"`},
	} {
		bad := strings.Replace(string(text), c.old, c.new, 1)
		require.NotEqual(t, string(text), bad, c.old)
		_, _, err := campaign.DecodeArtefact([]byte(bad))
		require.ErrorIs(t, err, campaign.ErrArtefact)
		require.ErrorContains(t, err, c.want)
	}
}

// encodeAndDecode is an artefact and its plan, by way of its text.
func encodeAndDecode(t *testing.T, sys scenarios.System, p *scenarios.Plan) (campaign.Artefact, *scenarios.Plan) {
	a, err := campaign.NewArtefact(t.Context(), sys, p)
	require.NoError(t, err)
	text, err := campaign.EncodeArtefact(&a)
	require.NoError(t, err)
	b, q, err := campaign.DecodeArtefact(text)
	require.NoError(t, err)
	again, err := campaign.EncodeArtefact(&b)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	return b, q
}

func readPlan(t *testing.T, name string) *scenarios.Plan {
	text, err := os.ReadFile("../../testdata/plans/" + name + ".json")
	require.NoError(t, err)
	p, err := scenarios.Decode(text)
	require.NoError(t, err)
	return p
}
