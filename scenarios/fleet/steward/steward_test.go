package steward_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/stretchr/testify/require"
)

// The test binary is the program of a system when its first argument is fuzz.
func TestMain(m *testing.M) { fleettest.Main(m, canary.System()) }

// The results of a campaign are kept, its failures are compared with those of the campaign
// before, and somebody is told.
func TestTheEndOfACampaignIsKeptAndTold(t *testing.T) {
	t.Parallel()
	var told []steward.Ending
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e steward.Ending
		require.NoError(t, json.NewDecoder(r.Body).Decode(&e))
		told = append(told, e)
	}))
	t.Cleanup(hook.Close)
	f := newFleet(t)
	f.steward.Tell = steward.Webhook(hook.URL)
	for _, name := range []string{"monday", "tuesday"} {
		f.campaign.Name = name
		require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
		f.until(func() bool { return f.hasState(name) })
	}
	require.Len(t, told, 2)
	for i, word := range []board.Word{board.New, board.Ongoing} {
		require.Equal(t, fleet.Failed, told[i].Verdict)
		require.Empty(t, told[i].Alarm)
		require.NotEmpty(t, told[i].Standings)
		for _, s := range told[i].Standings {
			require.Equal(t, word, s.Word, s.Signature)
		}
	}
	kept, err := filepath.Glob(filepath.Join(f.steward.Out, "failure-canary-*", "shrunk.json"))
	require.NoError(t, err)
	require.Len(t, kept, len(told[0].Standings))

	// Another steward knows that they have ended.
	again := &steward.Steward{Queue: f.queue, Out: f.steward.Out, Log: f.steward.Log, Tell: f.steward.Tell}
	require.NoError(t, again.Round(t.Context(), time.Now()))
	require.Len(t, told, 2)
}

// Jobs that the queue has lost, as by a power failure, are added again.
func TestLostJobsAreAddedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	require.NoError(t, f.queue.AddCampaign(t.Context(), f.campaign))
	require.NoError(t, f.queue.AddJobs(t.Context(), f.campaign, []fleet.Job{{Campaign: "monday", Kind: fleet.RangeKind, Range: 2}}))
	f.until(func() bool { return f.hasState("monday") })
	r, err := fleet.Read(t.Context(), f.queue, f.campaign)
	require.NoError(t, err)
	require.EqualValues(t, 100, r.Seeds)
}

// So are jobs of triage: each failure is repeated.
func TestLostTriageIsAddedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.stop()
	results := f.resultsElsewhere()
	require.NoError(t, f.queue.AddCampaign(t.Context(), f.campaign))
	for key, data := range results {
		_, err := f.queue.Put(t.Context(), f.campaign, fleet.RangeKind, key, data)
		require.NoError(t, err)
	}
	r, err := fleet.Read(t.Context(), f.queue, f.campaign)
	require.NoError(t, err)
	require.Equal(t, len(r.Findings), r.Lost)
	require.Equal(t, fleet.Running, r.Verdict)
	f.work()
	f.until(func() bool { return f.hasState("monday") })
	r, err = fleet.Read(t.Context(), f.queue, f.campaign)
	require.NoError(t, err)
	require.NotEmpty(t, r.Findings)
	for _, found := range r.Findings {
		require.True(t, found.Triage.Confirmed)
		require.Equal(t, "ada", found.Triage.Job.Finder)
	}
}

// The canary of an hour is run, fails, and is gone; one that does not end, or does not
// fail, is an alarm.
func TestTheCanaryOfAnHour(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.steward.Canary = f.program
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	f.now = func() time.Time { return now }
	f.until(func() bool {
		return strings.Contains(f.log.String(), "campaign=canary-2030-01-02-03 verdict=failed seeds=200")
	})
	all, err := f.queue.Campaigns(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
	require.NotContains(t, f.log.String(), "level=ERROR")
	require.NoFileExists(t, filepath.Join(f.steward.Out, board.RecordsFile))

	f.stop()
	for range 2 {
		now = now.Add(time.Hour)
		require.NoError(t, f.steward.Round(t.Context(), now))
	}
	require.Contains(t, f.log.String(), "the canary of an hour before has not ended")
	all, err = f.queue.Campaigns(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)

	// A steward that begins again finds that of the one before.
	f.log.Reset()
	f.steward = &steward.Steward{Queue: f.queue, Out: f.steward.Out, Log: f.steward.Log, Canary: f.program}
	now = now.Add(time.Hour)
	require.NoError(t, f.steward.Round(t.Context(), now))
	require.Contains(t, f.log.String(), "the canary of an hour before has not ended")

	// A clock that goes back has two canaries of one name, one after the other.
	f.work()
	for _, step := range []time.Duration{0, -time.Hour, time.Hour} {
		now = now.Add(step)
		require.NoError(t, f.steward.Round(t.Context(), now))
		if step < 0 {
			continue
		}
		f.until(func() bool {
			all, err := f.queue.Campaigns(t.Context())
			require.NoError(t, err)
			return len(all) == 0
		})
	}

	require.Contains(t, steward.CanaryAlarm(&fleet.Report{Verdict: fleet.Passed, Seeds: 200}), `its verdict is "passed"`)
	require.Contains(t, steward.CanaryAlarm(&fleet.Report{Verdict: fleet.Failed, Seeds: 200, Findings: []fleet.Finding{{}}}), "were not repeated")
	confirmed := fleet.Finding{Triage: &fleet.TriageResult{Confirmed: true}}
	require.Contains(t, steward.CanaryAlarm(&fleet.Report{Verdict: fleet.Failed, Seeds: 200, Findings: []fleet.Finding{confirmed, {}}}), "were not repeated")
	require.Empty(t, steward.CanaryAlarm(&fleet.Report{Verdict: fleet.Failed, Seeds: 200, Findings: []fleet.Finding{confirmed}}))
}

// The error about a webhook names its host alone: its path may be a secret.
func TestTheErrorOfAWebhook(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(hook.Close)
	for _, url := range []string{hook.URL + "/secret", "http://127.0.0.1:1/secret"} {
		err := steward.Webhook(url)(t.Context(), &steward.Ending{})
		require.ErrorContains(t, err, "the webhook did not take the message: 127.0.0.1:")
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.stop()
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	require.NoError(t, f.queue.Beat(t.Context(), &fleet.WorkerStatus{Name: "bob", Build: "b1", Seeds: 7}))
	_, err := f.queue.Take(t.Context(), f.campaign, fleet.RangeKind)
	require.NoError(t, err)
	values := gather(t, f)
	require.Equal(t, 4.0, values["lockstep_fleet_jobs monday range waiting"])
	require.Equal(t, 1.0, values["lockstep_fleet_jobs monday range leased"])
	require.Equal(t, 1.0, values["lockstep_fleet_workers b1"])
	require.Equal(t, 7.0, values["lockstep_fleet_worker_seeds bob"])
}

// testFleet is a queue in memory with a worker and a steward.
type testFleet struct {
	t        *testing.T
	queue    fleet.Queue
	program  *fleet.Program
	campaign *fleet.Campaign
	steward  *steward.Steward
	now      func() time.Time
	worker   *fleet.Worker
	stop     func() // of the worker
	log      fleettest.Buffer
}

func newFleet(t *testing.T) *testFleet {
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := fleet.OpenProgram(self, 1)
	require.NoError(t, err)
	f := &testFleet{t: t, queue: fleet.NewMemory(), program: program, now: time.Now, campaign: &fleet.Campaign{
		Name: "monday", Build: program.Build, Seeds: 100, RangeSeeds: 20, CheckTimeout: 5 * time.Second, Weight: 1, Lease: time.Second,
	}}
	f.campaign.Probe, err = program.Probe(t.Context(), t.TempDir(), f.campaign)
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(&f.log, nil))
	f.steward = &steward.Steward{Queue: f.queue, Out: filepath.Join(t.TempDir(), "out"), Log: log}
	f.worker = &fleet.Worker{
		Name: "ada", Queue: f.queue, Program: program, Accepted: &fleet.Accepted{Dir: t.TempDir(), Example: fleet.Program{Workers: 1}},
		Dir: t.TempDir(), Idle: 10 * time.Millisecond, Log: log,
	}
	f.work()
	return f
}

// work has the worker work until stop is called.
func (f *testFleet) work() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.worker.Run(ctx) // the error of ctx
	}()
	f.stop = func() { cancel(); <-ended }
	f.t.Cleanup(f.stop)
}

// until looks after the fleet until something holds.
func (f *testFleet) until(holds func() bool) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		require.NoError(f.t, f.steward.Round(f.t.Context(), f.now()))
		require.True(f.t, time.Now().Before(end), &f.log)
	}
}

// hasState reports whether the state of a campaign of a name is kept.
func (f *testFleet) hasState(name string) bool { return len(f.kept(name+".*.state.json")) > 0 }

func (f *testFleet) kept(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(f.steward.Out, pattern))
	require.NoError(f.t, err)
	return names
}

// records returns the records that are kept.
func (f *testFleet) records() (list []board.Record) {
	data, err := os.ReadFile(filepath.Join(f.steward.Out, board.RecordsFile))
	require.NoError(f.t, err)
	for line := range strings.Lines(string(data)) {
		var r board.Record
		require.NoError(f.t, json.Unmarshal([]byte(line), &r))
		list = append(list, r)
	}
	return list
}
