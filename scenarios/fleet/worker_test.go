package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/stretchr/testify/require"
)

// twist makes the program of these tests run its seeds in another way, though it is the
// same file: as a machine whose memory is broken.
const twist = "LOCKSTEP_FLEET_TWIST"

// The test binary is the program of a system when its first argument is fuzz.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "fuzz" {
		os.Exit(m.Run())
	}
	sys := programWith(os.Getenv(behaviour))
	begin := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		if os.Getenv(twist) != "" {
			other := *p
			other.Seed += 1000
			p = &other
		}
		return begin(p)
	}
	harness.Main(sys)
}

// A fleet of one process: two workers find the failures, and each is repeated by the
// worker that did not find it.
func TestTwoWorkersShareACampaign(t *testing.T) {
	f := newFleet(t, 300)
	f.work("ada", "bob")
	r := f.settled()
	require.Equal(t, fleet.Failed, r.Verdict)
	require.EqualValues(t, 300, r.Seeds)
	require.NotEmpty(t, r.Hash)
	require.NotEmpty(t, r.Findings)
	for _, found := range r.Findings {
		require.True(t, found.Triage.Confirmed)
		require.NotEqual(t, found.Triage.Job.Finder, found.Triage.Worker)
		require.NotEmpty(t, found.Triage.Plan)
	}

	single := newFleet(t, 300)
	single.queue, single.campaign.RangeSeeds = fleet.NewMemory(), 300
	require.NoError(t, fleet.Submit(t.Context(), single.queue, single.campaign))
	single.work("eve")
	require.Equal(t, r.Hash, single.settled().Hash)
}

// A range that two workers run in two ways is told: the result that came first does not
// win in silence.
func TestTwoResultsOfARangeAreAFinding(t *testing.T) {
	f := newFleet(t, 20)
	slow, err := f.queue.Take(t.Context(), f.campaign, fleet.RangeKind) // by a worker that is silent
	require.NoError(t, err)
	t.Setenv(twist, "yes")
	f.work("ada")
	f.settled()
	require.NoError(t, os.Unsetenv(twist))
	require.NoError(t, fleet.RunRange(f.worker("bob"), t.Context(), f.campaign, slow, t.TempDir()))
	r := f.settled()
	require.Equal(t, []int{0}, r.Conflicts)
	require.Equal(t, fleet.HarnessFault, r.Verdict)
}

// Ranges that run a second time do so on another worker, and show a machine that runs seeds
// in another way.
func TestRangesAreRepeatedOnAnotherWorker(t *testing.T) {
	f := newFleet(t, 60)
	f.queue, f.campaign.Repeat = fleet.NewMemory(), 100
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	f.work("ada", "bob")
	r := f.settled()
	require.Equal(t, 3, r.Repeated)
	require.Empty(t, r.Conflicts)
	for _, key := range []string{"0", "1", "2"} {
		require.NotEqual(t, f.worksAt(fleet.RangeKind, key), f.worksAt(fleet.RepeatKind, key))
	}
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	require.True(t, f.read().Settled(), "nothing is to be done again")
}

func TestAMachineThatRunsSeedsInAnotherWayIsFound(t *testing.T) {
	f := newFleet(t, 20)
	f.queue, f.campaign.Repeat, f.campaign.Lease = fleet.NewMemory(), 100, 5*time.Second
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	stop := f.workUntil("ada")
	require.Eventually(t, func() bool { return f.read().Done == 1 }, 20*time.Second, 10*time.Millisecond)
	stop()
	t.Setenv(twist, "yes")
	f.work("bob")
	r := f.settled()
	require.Equal(t, []int{0}, r.Conflicts)
	require.Equal(t, fleet.HarnessFault, r.Verdict)
}

// worksAt returns the worker that has put a result.
func (f *testFleet) worksAt(kind fleet.Kind, key string) string {
	data, err := f.queue.Result(f.t.Context(), f.campaign, kind, key)
	require.NoError(f.t, err)
	var r fleet.RangeResult
	require.NoError(f.t, json.Unmarshal(data, &r))
	return r.Worker
}

// A failure that is another one when it is repeated is told.
func TestAFailureThatIsNotRepeatedIsAFinding(t *testing.T) {
	f := newFleet(t, 200)
	f.queue, f.campaign.Lease = fleet.NewMemory(), 10*time.Second // it returns its own failures for a fifth of this
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	stop := f.workUntil("ada")
	require.Eventually(t, func() bool { return f.read().Done == f.campaign.Ranges() }, 20*time.Second, 20*time.Millisecond)
	stop()
	t.Setenv(twist, "yes")
	f.work("bob")
	r := f.settled()
	require.Equal(t, fleet.HarnessFault, r.Verdict)
	require.True(t, slices.ContainsFunc(r.Findings, func(found fleet.Finding) bool { return !found.Triage.Confirmed }))
}

// A worker that is asked to end gives its range to others at once, and does not wait for
// its seeds.
func TestAWorkerThatEndsGivesItsRangeBack(t *testing.T) {
	f := newFleet(t, 2000)
	f.queue, f.campaign.RangeSeeds, f.campaign.Lease = fleet.NewMemory(), 2000, time.Hour
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	stop := f.workUntil("ada")
	require.Eventually(t, func() bool { return f.read().Left.Leased == 1 }, 10*time.Second, time.Millisecond)
	stop()
	require.Equal(t, fleet.Left{Waiting: 1}, f.read().Left)
}

// A machine that is not well gives up no range while another one can run it.
func TestABadWorkerGivesUpNothing(t *testing.T) {
	f := newFleet(t, 40)
	require.NoError(t, f.queue.Beat(t.Context(), &fleet.WorkerStatus{Name: "good", Build: f.campaign.Build, Now: "busy"}))
	f.program.Limit = time.Millisecond
	bad := f.workUntil("bad")
	require.Eventually(t, func() bool { return strings.Count(f.log.String(), "does it hang?") > 4*fleet.MaxFailures }, 20*time.Second, time.Millisecond)
	require.Zero(t, f.read().Done)
	well := *f.program
	well.Limit, f.program = 0, &well
	f.work("good")
	r := f.settled()
	bad()
	require.Empty(t, r.Troubles)
	require.EqualValues(t, 40, r.Seeds)
	for i := range f.campaign.Ranges() {
		require.Equal(t, "good", f.worksAt(fleet.RangeKind, strconv.Itoa(i)))
	}
}

// A file that cannot be run is the machine's fault, and no range is given up for it.
func TestAMachineWithoutTheProgramGivesUpNothing(t *testing.T) {
	f := newFleet(t, 20)
	f.program.Path = "/nonexistent"
	stop := f.workUntil("ada")
	require.Eventually(t, func() bool { return strings.Count(f.log.String(), "a job failed") > fleet.MaxFailures }, 20*time.Second, 10*time.Millisecond)
	stop()
	require.Equal(t, 0, f.read().Done)
	require.Contains(t, f.log.String(), "this machine cannot run the program")
}

// A repetition that came too early several times is done by another worker still.
func TestARepetitionThatComesEarlyIsOfAnotherWorker(t *testing.T) {
	f := newFleet(t, 20)
	f.queue, f.campaign.Repeat, f.campaign.Lease = fleet.NewMemory(), 100, 2*time.Second
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	for range 50 {
		early, err := f.queue.Take(t.Context(), f.campaign, fleet.RepeatKind)
		require.NoError(t, err)
		require.NoError(t, early.Return(t.Context(), 0))
	}
	require.NoError(t, f.queue.Beat(t.Context(), &fleet.WorkerStatus{Name: "bob", Build: f.campaign.Build}))
	f.work("ada")
	require.Eventually(t, func() bool { return f.read().Done == 1 }, 20*time.Second, 10*time.Millisecond)
	time.Sleep(500 * time.Millisecond)
	f.work("bob")
	f.settled()
	require.Equal(t, "ada", f.worksAt(fleet.RangeKind, "0"))
	require.Equal(t, "bob", f.worksAt(fleet.RepeatKind, "0"))
}

// A range that was given up, and is run all the same by a worker that was silent, has one
// trouble and did not run in two ways.
func TestALateResultOfARangeThatWasGivenUp(t *testing.T) {
	f := newFleet(t, 20)
	slow, err := f.queue.Take(t.Context(), f.campaign, fleet.RangeKind)
	require.NoError(t, err)
	_, err = f.queue.Put(t.Context(), f.campaign, fleet.RangeKind, "0", []byte(`{"worker":"eve","trouble":"no"}`))
	require.NoError(t, err)
	require.NoError(t, fleet.RunRange(f.worker("bob"), t.Context(), f.campaign, slow, t.TempDir()))
	r := f.read()
	require.Empty(t, r.Conflicts)
	require.Len(t, r.Troubles, 1)
}

// badJobs has a message that is no job in front of the first one.
type badJobs struct {
	fleet.Queue
	left atomic.Int32
}

func (q *badJobs) Take(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Lease, error) {
	if q.left.Add(-1) >= 0 {
		return nil, fleet.ErrJob
	}
	return q.Queue.Take(ctx, c, kind)
}

// A message that is no job is told as that, and costs no time.
func TestAMessageThatIsNoJobIsPassedOver(t *testing.T) {
	f := newFleet(t, 20)
	bad := &badJobs{Queue: f.queue}
	bad.left.Store(5)
	f.queue = bad
	w := f.worker("ada")
	w.Idle = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { _ = w.Run(ctx) }) // the error of ctx
	require.Eventually(t, func() bool { return f.read().Done == 1 }, 20*time.Second, 10*time.Millisecond)
	cancel()
	ended.Wait()
	require.Equal(t, 5, strings.Count(f.log.String(), "a message that is no job was taken out"))
}

// A program that hangs is ended, and its range is given up like any other that fails.
func TestAProgramThatHangsIsEnded(t *testing.T) {
	f := newFleet(t, 2000)
	f.queue, f.campaign.RangeSeeds = fleet.NewMemory(), 2000
	f.program.Limit = time.Millisecond
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	f.work("ada")
	require.Contains(t, f.settled().Troubles[0].Text, "the program took longer than it may: does it hang? (1ms)")
}

// A program that cannot run the seeds does not keep the workers for ever.
func TestARangeThatCannotBeRunIsGivenUp(t *testing.T) {
	f := newFleet(t, 10)
	f.campaign.Plans.System = "none" // known to no program
	f.queue = fleet.NewMemory()
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	f.work("ada")
	r := f.settled()
	require.Equal(t, fleet.HarnessFault, r.Verdict)
	require.Contains(t, r.Troubles[0].Text, `unknown system "none"`)
	require.Equal(t, "ada", r.Troubles[0].Worker)
}

func TestACampaignOfAnotherBuildIsLeftToOthers(t *testing.T) {
	f := newFleet(t, 10)
	f.campaign.Build = "0123456789abcdef"
	f.queue = fleet.NewMemory()
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	f.work("ada")
	require.Eventually(t, func() bool {
		return bytes.Contains(f.log.Bytes(), []byte("give --binary a copy of the file with which it was submitted"))
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, f.read().Left.Waiting)
}

// Results come from strangers. One that cannot be does not count, and is told.
func TestAFalseResultDoesNotCount(t *testing.T) {
	f := newFleet(t, 40)
	f.work("ada")
	good := f.settled()
	true0, err := f.queue.Result(t.Context(), f.campaign, fleet.RangeKind, "0")
	require.NoError(t, err)
	for want, data := range map[string]string{
		"not a result of a fleet":                  `{`,
		"want the name of a worker, and a state":   `{"worker":"eve"}`,
		"the result: cannot go on from this state": `{"worker":"eve","state":{"format":1}}`,
		"want 20 from 20 on":                       string(true0), // of another range
	} {
		q := fleet.NewMemory()
		require.NoError(t, q.AddCampaign(t.Context(), f.campaign))
		require.NoError(t, f.queue.Results(t.Context(), f.campaign, fleet.TriageKind, func(key string, kept []byte) {
			_, err := q.Put(t.Context(), f.campaign, fleet.TriageKind, key, kept)
			require.NoError(t, err)
		}))
		for key, text := range map[string]string{"0": string(true0), "1": data, "2": string(true0), "x": data} {
			_, err := q.Put(t.Context(), f.campaign, fleet.RangeKind, key, []byte(text))
			require.NoError(t, err)
		}
		r, err := fleet.Read(t.Context(), q, f.campaign)
		require.NoError(t, err)
		require.Equal(t, fleet.HarnessFault, r.Verdict)
		require.Len(t, r.Troubles, 1, "keys of no range are passed over")
		require.Contains(t, r.Troubles[0].Text, want)
		require.Empty(t, r.Hash)
		require.Less(t, r.Seeds, good.Seeds)
	}
}

// testFleet is a campaign of the canary in a queue in memory, and its workers.
type testFleet struct {
	t        *testing.T
	queue    fleet.Queue
	campaign *fleet.Campaign
	program  *fleet.Program
	accepted *fleet.Accepted
	log      fleettest.Buffer
}

func newFleet(t *testing.T, seeds uint64) *testFleet {
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := fleet.OpenProgram(self, 1)
	require.NoError(t, err)
	f := &testFleet{t: t, queue: fleet.NewMemory(), program: program, campaign: &fleet.Campaign{
		Name: "night", Build: program.Build, Seeds: seeds, RangeSeeds: 20, Guard: 5, CheckTimeout: 5 * time.Second, Weight: 1, Lease: time.Second,
	}}
	f.campaign.Probe, err = program.Probe(t.Context(), t.TempDir(), f.campaign)
	require.NoError(t, err)
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	return f
}

func (f *testFleet) worker(name string) *fleet.Worker {
	return &fleet.Worker{Name: name, Queue: f.queue, Program: f.program, Accepted: f.accepted, Dir: f.t.TempDir(), Idle: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&f.log, nil))}
}

// work has workers work until the test ends.
func (f *testFleet) work(names ...string) {
	for _, name := range names {
		f.t.Cleanup(f.workUntil(name))
	}
}

// workUntil has a worker work until stop is called.
func (f *testFleet) workUntil(name string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	w, ended := f.worker(name), make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx) // the error of ctx
	}()
	return func() { cancel(); <-ended }
}

func (f *testFleet) read() *fleet.Report {
	r, err := fleet.Read(f.t.Context(), f.queue, f.campaign)
	require.NoError(f.t, err)
	return r
}

func (f *testFleet) settled() (r *fleet.Report) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { r = f.read(); return r.Settled() }, 60*time.Second, 20*time.Millisecond, "%s", &f.log)
	return r
}
