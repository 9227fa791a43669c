package steward_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The page has a campaign in progress as soon as its first range is done, with the figures
// of all ranges that are done, and its workers; and no more when it has ended.
func TestACampaignInProgressIsWatched(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.stop()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	f.now = func() time.Time { return now }
	f.campaign.Submitted = now.Add(-10 * time.Second)
	results := f.resultsElsewhere()
	f.steward.Watch = &steward.Watch{}
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	require.NoError(t, f.queue.Beat(t.Context(), &fleet.WorkerStatus{Name: "bob", Build: "b1", Now: "idle", Seeds: 7}))

	for _, step := range []struct {
		key         string
		seeds, last uint64 // after it; 0: there are no figures
	}{{"1", 0, 0}, {"0", 40, 39}, {"3", 60, 39}, {"2", 80, 79}} {
		_, err := f.queue.Put(t.Context(), f.campaign, fleet.RangeKind, step.key, results[step.key])
		require.NoError(t, err)
		now = now.Add(time.Hour)
		require.NoError(t, f.steward.Round(t.Context(), now))
		require.Len(t, f.steward.Watch.Running(), 1)
		figures, ok := f.steward.Watch.Running()[0].Now()
		require.Equal(t, step.seeds > 0, ok, step.key)
		require.Equal(t, step.seeds, figures.Record.Seeds)
		require.Equal(t, step.last, figures.Record.Last)
		require.EqualValues(t, 100, figures.Total)
	}
	figures, _ := f.steward.Watch.Running()[0].Now()
	require.Equal(t, "monday", figures.Name)
	require.Equal(t, "canary", figures.Record.System)
	require.Equal(t, "range: 0 at work, 5 wait", figures.Stage)
	require.Len(t, figures.Samples, 3)
	require.InDelta(t, 4*3600+10, figures.Record.Seconds, 0.1)
	values := gather(t, f)
	require.Equal(t, 80.0, values["lockstep_fleet_seeds monday done"])
	require.Equal(t, 20.0, values["lockstep_fleet_seeds monday waiting"])
	require.Equal(t, board.Worker{Name: "bob", Build: "b1", Now: "idle", Seeds: 7, Heard: now.Add(-3 * time.Hour)}, f.steward.Watch.Workers()[1])

	f.work()
	f.until(func() bool { return f.hasState("monday") })
	require.Empty(t, f.steward.Watch.Running())
}

// resultsElsewhere runs the campaign in a queue of its own, and returns the results.
func (f *testFleet) resultsElsewhere() map[string][]byte {
	here, results := f.queue, map[string][]byte{}
	f.worker.Queue = fleet.NewMemory()
	require.NoError(f.t, fleet.Submit(f.t.Context(), f.worker.Queue, f.campaign))
	f.work()
	require.NoError(f.t, fleet.Await(f.t.Context(), f.worker.Queue, f.campaign, 10*time.Millisecond))
	f.stop()
	require.NoError(f.t, f.worker.Queue.Results(f.t.Context(), f.campaign, fleet.RangeKind, func(key string, data []byte) { results[key] = data }))
	f.worker.Queue = here
	return results
}

// gather returns the metrics, each with its labels.
func gather(t *testing.T, f *testFleet) map[string]float64 {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&steward.Collector{Queue: f.queue, Watch: f.steward.Watch})
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			name := family.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}
