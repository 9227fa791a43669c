package report_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/stretchr/testify/require"
)

// Under all faults a document accounts for every message that the simulator counts, and
// the recorded run has the hash of an ordinary one.
func TestADocumentAccountsForEveryMessage(t *testing.T) {
	for _, sys := range []scenarios.System{origin.System(), lockstep.System(), canary.System()} {
		c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}}
		require.NoError(t, c.Validate())
		for seed := range uint64(12) {
			p := c.Plan(seed)
			result, err := play.Run(t.Context(), sys, p, play.Options{})
			require.NoError(t, err)
			d, err := report.Make(t.Context(), sys, report.Source{Full: p}, report.Options{Events: 1 << 30, StateBytes: 1000})
			require.NoError(t, err)
			r := &d.Runs[0]
			require.Equal(t, result.Hash, hashOf(t, r), "%s, seed %d", sys.Name, seed)
			requireAccount(t, r, result.Stats.Sent, result.Stats.Delivered, result.Stats.Dropped)
		}
	}
}

// A page of a few hundred events can be sent by mail.
func TestAPageIsNotLarge(t *testing.T) {
	c := campaign.Campaign{System: lockstep.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	for _, seed := range []uint64{3, 5, 8} {
		d, err := report.Make(t.Context(), c.System, report.Source{Full: c.Plan(seed)}, report.Options{Events: 300})
		require.NoError(t, err)
		var page strings.Builder
		require.NoError(t, report.WriteHTML(&page, d))
		require.Less(t, page.Len(), 500_000)
		require.Greater(t, page.Len(), 100_000)
	}
}

// The verdict is one sentence; the stack of a panic follows it in the evidence.
func TestAVerdictIsOneSentence(t *testing.T) {
	c := campaign.Campaign{System: canary.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	d, err := report.Make(t.Context(), canary.System(), report.Source{Full: c.Plan(53)}, report.Options{})
	require.NoError(t, err)
	require.Equal(t, "Panic: the canary dies, as it should in this seed", d.Sentence)
	require.Equal(t, d.Sentence, d.Runs[0].Violation.Sentence)
	require.Contains(t, d.Runs[0].Evidence, "canary.client.Step")
}

// A step that panics does not end, and is shown nevertheless: the violation is at the event that
// it was handling, which says why.
func TestAPanicShowsAtTheEventThatPanics(t *testing.T) {
	c := campaign.Campaign{System: canary.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	d, err := report.Make(t.Context(), canary.System(), report.Source{Full: c.Plan(53)}, report.Options{})
	require.NoError(t, err)
	require.Empty(t, d.Cut, "no event is left out")
	r := &d.Runs[0]
	last := r.Events[len(r.Events)-1]
	require.Equal(t, r.Count, last.N)
	require.Equal(t, len(r.Events)-1, r.Violation.Event)
	require.Equal(t, "panic: the canary dies, as it should in this seed", r.Marks[len(r.Marks)-1].Text)
	require.Equal(t, r.Violation.Event, r.Marks[len(r.Marks)-1].Event)
	require.Equal(t, last.Lane, r.Marks[len(r.Marks)-1].Lane)
}

// requireAccount compares the fates of messages with the counts of the simulator.
func requireAccount(t *testing.T, r *report.Run, sent, delivered, dropped uint64) {
	t.Helper()
	require.EqualValues(t, sent, len(r.Messages))
	var taken, lost uint64
	for _, m := range r.Messages {
		if m.Fate == "dropped" {
			lost++
			require.NotEmpty(t, m.Cause)
		}
		fate := map[bool]string{true: "dropped", false: "open"}[len(m.Arrivals) == 0]
		for _, a := range m.Arrivals {
			require.GreaterOrEqual(t, a.Due, m.At)
			switch {
			case a.Event == nil:
			case a.Lost == "":
				taken++
				fate = "delivered"
				require.GreaterOrEqual(t, a.At, a.Due)
				require.Equal(t, a.At, r.Events[*a.Event].At)
				require.Equal(t, m.To, r.Events[*a.Event].Lane)
			default:
				lost++
				if fate == "open" {
					fate = "lost"
				}
			}
		}
		require.Equal(t, fate, m.Fate)
	}
	for _, e := range r.Events {
		switch {
		case e.Kind == "receive" && e.Message == nil:
			require.Contains(t, e.Text, "from itself: ")
			taken++
		case e.Kind == "receive":
			require.Equal(t, e.Lane, r.Messages[*e.Message].To)
		}
	}
	require.Equal(t, delivered, taken)
	require.Equal(t, dropped, lost)
}
