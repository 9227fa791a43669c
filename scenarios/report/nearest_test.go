package report_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/stretchr/testify/require"
)

// The nearest run that passes is that of the plan without one part, and the document tells
// where it takes another course.
func TestTheNearestRunThatPasses(t *testing.T) {
	_, shrunk := plansOfSeed2(t)
	d, err := report.Make(t.Context(), origin.System(), report.Source{Shrunk: shrunk}, report.Options{Passing: true})
	require.NoError(t, err)
	n := d.Nearest
	require.Equal(t, "override", n.Kind)
	require.Equal(t, "2>3 commit lifecycle/m1 c1.1 #1 arrives after 0s and after 0s", n.What)
	require.Equal(t, 1, *n.Run)
	require.Equal(t, "passing", d.Runs[1].Name)
	require.Equal(t, "passed", d.Runs[1].Status)
	require.Equal(t, 13, n.Same)
	require.Equal(t, d.Runs[0].Events[:n.Same], d.Runs[1].Events[:n.Same])
	require.Equal(t, []int{13, 14}, n.OnlyFailing, "the two arrivals of the commit")
	require.Empty(t, n.OnlyPassing)
	require.Equal(t, []report.PartingOf{{Lane: 3, Event: &n.OnlyFailing[0], Failing: "3ms commit lifecycle/m1 c1.1 propose Running; applied lifecycle/m1 c1.1 Init→Running"}}, n.Parting)

	d, err = report.Make(t.Context(), origin.System(), report.Source{Shrunk: shrunk}, report.Options{})
	require.NoError(t, err)
	require.Len(t, d.Runs, 1)
	require.Nil(t, d.Nearest.Run)
	require.NotEmpty(t, d.Nearest.Parting)
}

// Without its partition the read that went back in time finds the present.
func TestAPassingRunHasEventsOfItsOwn(t *testing.T) {
	d := documentOf(t, "shrunk-read")
	require.Equal(t, "fault", d.Nearest.Kind)
	require.Equal(t, "partition [3] | [2] at 0s for 70ms", d.Nearest.What)
	var node2 report.PartingOf
	for _, p := range d.Nearest.Parting {
		if p.Lane == 2 {
			node2 = p
		}
	}
	require.Equal(t, "51ms request lifecycle/m1 c1.2 read", node2.Failing)
	require.Equal(t, "42ms proposal lifecycle/m1 c1.1 propose Running", node2.Passing)
}

// A failure that every part of the plan leaves is near no run that passes, and a run that
// passes is not compared.
func TestThereNeedBeNoNearestRun(t *testing.T) {
	full, _ := plansOfSeed2(t)
	p := *full
	p.Operations = p.Operations[:0]
	d, err := report.Make(t.Context(), origin.System(), report.Source{Full: &p}, report.Options{})
	require.NoError(t, err)
	require.Equal(t, "passed", d.Status)
	require.Nil(t, d.Nearest)
}
