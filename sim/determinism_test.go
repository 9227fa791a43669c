package sim

import (
	"fmt"
	"reflect"
	"runtime"
	gosync "sync"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// faultyWorld returns a world of three toys with many faults: all kinds of faults
// of the network, power losses with torn writes, clocks that drift.
func faultyWorld(t testing.TB, edits ...func(*Config)) *World {
	cfg := Config{
		Seed: 42,
		Network: netmodel.Profile{
			Drop: 100_000, Duplicate: 100_000, Reorder: 100_000,
			Delay: netmodel.Delay{Kind: netmodel.Exponential, Min: ms, Mean: ms, Max: sec},
		},
		New: newToy,
	}
	for id := ID(1); id <= 3; id++ {
		cfg.Processes = append(cfg.Processes, Spec{
			ID:    id,
			Clock: Clock{Drift: (int32(id) - 2) * 100_000},
			Disk: disk.Profile{
				Write: netmodel.Delay{Min: 100},
				Sync:  netmodel.Delay{Kind: netmodel.Uniform, Min: ms, Max: 3 * ms},
				Keep:  500_000,
				Tear:  500_000,
			},
		})
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	w, err := New(cfg)
	require.NoError(t, err)
	for i := range 60 {
		at := Duration(i) * 5 * ms
		from := ID(1 + i%3)
		w.Invoke(at, from, note{kind: "count", operation: fmt.Sprintf("%d/%d", i, 1+(i+1)%3)})
		if i%10 == 7 {
			w.Schedule(at+ms, "crash", func() { w.LosePower(from) })
			w.Schedule(at+12*ms, "start", func() { w.Start(from) })
		}
	}
	for id := ID(1); id <= 3; id++ {
		w.Start(id)
	}
	return w
}

const end = 400 * ms

// outcome is the part of a run that is equal in two equal runs.
type outcome struct {
	Hash  uint64
	Stats Stats
	Now   Duration
}

func (w *World) outcome() outcome { return outcome{w.Hash(), w.Stats(), w.Now()} }

func play(w *World) outcome {
	w.Run(end)
	return w.outcome()
}

// The value may change with the behaviour of a run or with the folded data, never
// with the host, the process or the day.
func TestGoldenHash(t *testing.T) {
	require.Equal(t, outcome{
		Hash:  0x6dde8893cc9217d2,
		Stats: Stats{Events: 445, Sent: 155, Delivered: 151, Dropped: 22, PowerLosses: 6, DiskOps: 126},
		Now:   304_988_574,
	}, play(faultyWorld(t)))
}

func TestTheSameConfigGivesTheSameRun(t *testing.T) {
	require.Equal(t, play(faultyWorld(t)), play(faultyWorld(t)))
}

func TestWatchingChangesNothing(t *testing.T) {
	var trace, facts []string
	want := play(faultyWorld(t))
	require.Equal(t, want, play(faultyWorld(t, words(&trace), collectTimedObservations(&facts))))
	require.NotEmpty(t, trace)
	require.NotEmpty(t, facts)
}

func TestAWireThatChangesNothingChangesNothing(t *testing.T) {
	same := func(c *Config) { c.RoundTrip = func(_, _ ID, m Message) Message { return m.(note) } }
	require.Equal(t, play(faultyWorld(t)), play(faultyWorld(t, same)))
}

func TestEqualHashesAreEqualTraces(t *testing.T) {
	var one, two []string
	play(faultyWorld(t, words(&one)))
	play(faultyWorld(t, words(&two)))
	require.Equal(t, one, two)
}

func TestWorldsDoNotTouchEachOther(t *testing.T) {
	want := play(faultyWorld(t))
	worlds := []*World{faultyWorld(t), faultyWorld(t), faultyWorld(t)}
	for at := Duration(0); at <= end; at += ms {
		for _, w := range worlds {
			w.Run(at)
		}
	}
	for _, w := range worlds {
		require.Equal(t, want, w.outcome())
	}
}

func TestProcessorsDoNotMatter(t *testing.T) {
	want := play(faultyWorld(t))
	for _, n := range []int{1, 2} {
		before := runtime.GOMAXPROCS(n)
		var wait gosync.WaitGroup
		got := make([]outcome, 8)
		for i := range got {
			w := faultyWorld(t)
			wait.Go(func() { got[i] = play(w) })
		}
		wait.Wait()
		runtime.GOMAXPROCS(before)
		for _, o := range got {
			require.Equal(t, want, o)
		}
	}
}

func TestStepAndRunAreTheSame(t *testing.T) {
	w := faultyWorld(t)
	for at, ok := w.Next(); ok && at <= end; at, ok = w.Next() {
		require.True(t, w.Step())
		require.Equal(t, at, w.Now())
	}
	require.Equal(t, play(faultyWorld(t)), w.outcome())
}

func TestEveryDifferenceShowsInTheHash(t *testing.T) {
	edit := func(change func(*Config)) func(testing.TB) *World {
		return func(t testing.TB) *World { return faultyWorld(t, change) }
	}
	after := func(change func(*World)) func(testing.TB) *World {
		return func(t testing.TB) *World {
			w := faultyWorld(t)
			change(w)
			return w
		}
	}
	seen := map[uint64]string{play(faultyWorld(t)).Hash: "no difference"}
	for _, c := range []struct {
		name  string
		world func(testing.TB) *World
	}{
		{"seed", edit(func(c *Config) { c.Seed++ })},
		{"delay", edit(func(c *Config) { c.Network.Delay.Min++ })},
		{"chance", edit(func(c *Config) { c.Network.Duplicate = 0 })},
		{"drift", edit(func(c *Config) { c.Processes[1].Clock.Drift++ })},
		{"offset", edit(func(c *Config) { c.Processes[1].Clock.Offset++ })},
		{"disk latency", edit(func(c *Config) { c.Processes[0].Disk.Write.Min++ })},
		{"connections that are seen", edit(func(c *Config) { c.Processes[0].SeesConnections = true })},
		{"one process more", edit(func(c *Config) { c.Processes = append(c.Processes, Spec{ID: 4}) })},
		{"one request more", after(func(w *World) { w.Invoke(sec/10, 1, note{kind: "count", operation: "x/2"}) })},
		{"another request", after(func(w *World) { w.Invoke(sec/10, 1, note{kind: "count", operation: "y/2"}) })},
		{"a request that is lost", after(func(w *World) { w.Invoke(42*ms, 2, note{kind: "count", operation: "x/3"}) })},
		{"another request that is lost", after(func(w *World) { w.Invoke(42*ms, 2, note{kind: "count", operation: "y/3"}) })},
		{"an action that does nothing", after(func(w *World) { w.Schedule(sec/10, "nothing", func() {}) })},
		{"... of another name", after(func(w *World) { w.Schedule(sec/10, "no thing", func() {}) })},
		{"... at another time", after(func(w *World) { w.Schedule(sec/10+1, "nothing", func() {}) })},
		{"a cut", after(func(w *World) { w.Network().Cut(netmodel.Link{From: 1, To: 2}) })},
		{"a crash at the end", func(t testing.TB) *World {
			w := faultyWorld(t)
			w.Run(end)
			w.LosePower(1)
			return w
		}},
	} {
		hash := play(c.world(t)).Hash
		if other, found := seen[hash]; found {
			t.Errorf("%s has the hash of %s", c.name, other)
		}
		seen[hash] = c.name
	}
}

// A message changes the hash even if it never arrives.
func TestEveryEffectShowsInTheHash(t *testing.T) {
	boots := func(do func(out *Effects)) uint64 {
		talker := stepFunc(func(_ *Event, out *Effects) { do(out) })
		w := worldOf(t, 2, idle, func(c *Config) {
			c.Network.Drop = netmodel.Always
			c.New = func(id ID, _ int) Process { return map[ID]Process{1: talker, 2: idle}[id] }
		})
		w.Step()
		w.Step() // both boots, and none of their consequences
		return w.Hash()
	}
	seen := map[uint64]int{}
	for i, do := range []func(out *Effects){
		func(out *Effects) {},
		func(out *Effects) { out.Send(1, note{kind: "a", operation: "b"}) },
		func(out *Effects) { out.Send(2, note{kind: "a", operation: "b"}) },
		func(out *Effects) { out.Send(2, note{kind: "a", operation: "b", n: 1}) },
		func(out *Effects) { out.SetTimer(1, sec) },
		func(out *Effects) { out.SetTimer(2, sec) },
		func(out *Effects) { out.SetTimer(1, 2*sec) },
		func(out *Effects) { out.SetTimer(1, 2*MaxTime) },
		func(out *Effects) { out.Disk(write("f", 0, "12345678")) },
		func(out *Effects) { out.Disk(write("g", 0, "12345678")) },
		func(out *Effects) { out.Disk(write("f", 1, "12345678")) },
		func(out *Effects) { out.Disk(write("f", 0, "12345679")) },
		func(out *Effects) { out.Disk(write("f", 0, "12345678\x00")) },
		func(out *Effects) { out.Disk(truncate("f", 0)) },
		func(out *Effects) { out.Disk(sync("f")) },
		func(out *Effects) { out.Disk(syncDir) },
		func(out *Effects) { out.Observe(textObservation("said")) },
		func(out *Effects) { out.Observe(textObservation("sad")) },
	} {
		hash := boots(do)
		if other, found := seen[hash]; found {
			t.Errorf("effect %d has the hash of effect %d", i, other)
		}
		seen[hash] = i
	}
}

// heavilyFaultyWorld is faultyWorld with all other faults of links, processes and
// clocks.
func heavilyFaultyWorld(t testing.TB, edits ...func(*Config)) *World {
	rough := func(c *Config) {
		c.Network.Burst = netmodel.Burst{Window: 5 * ms, Chance: 200_000, Drop: 500_000}
		c.Network.Corrupt, c.Network.Reset, c.Network.Break, c.Network.Gap = 30_000, 30_000, 30_000, ms/2
		c.Processes[0].SeesConnections, c.NewsDelay = true, ms
		c.Processes[1].Steps = StepProfile{Batch: 4, Time: ms / 2}
	}
	w := faultyWorld(t, append([]func(*Config){rough}, edits...)...)
	to := netmodel.Link{From: 1, To: 2}
	for i, turn := range []struct{ begin, end func() }{
		{func() { w.Clog(to) }, func() { w.Unclog(to) }},
		{func() { w.Network().Refuse(to) }, func() { w.Network().Unrefuse(to) }},
		{func() { w.Network().Cut(to) }, func() { w.Network().Uncut(to) }},
		{func() { w.Pause(1); w.Pause(2) }, func() { w.Resume(1); w.Resume(2) }},
		{func() { w.Slow(3, ms) }, func() { w.Slow(3, 0) }},
		{func() { w.StopClock(2) }, func() { w.StartClock(2) }},
	} {
		for n := range Duration(8) {
			w.Schedule((n*40+Duration(i)*7)*ms, "begin", turn.begin)
			w.Schedule((n*40+Duration(i)*7+15)*ms, "end", turn.end)
		}
	}
	w.Schedule(end/2, "wipe", func() { w.LosePower(1); w.Wipe(1); w.Start(1) })
	var c disk.Copy
	w.Schedule(end/4, "copy", func() { c = w.CopyDisk(2) })
	w.Schedule(end/2, "restore", func() { w.LosePower(2); w.RestoreDisk(2, c); w.Start(2) })
	return w
}

// Every fault takes effect in heavilyFaultyWorld, in the same way in each run.
func TestTheHurricaneIsDeterministic(t *testing.T) {
	w := heavilyFaultyWorld(t)
	want := play(w)
	require.Equal(t, want, play(heavilyFaultyWorld(t)))
	require.NotEqual(t, play(faultyWorld(t)).Hash, want.Hash)
	var trace []string
	require.Equal(t, want, play(heavilyFaultyWorld(t, words(&trace))))
	require.NotZero(t, w.Stats().SendFailures)
	require.NotZero(t, w.Stats().Disconnects)
	hits := reflect.ValueOf(w.Hits())
	for i := range hits.NumField() {
		require.NotZero(t, hits.Field(i).Uint(), hits.Type().Field(i).Name)
	}
}
