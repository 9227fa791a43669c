package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// A process asks for everything at its boot: each write takes 2 ms, each sync 4 ms.
func TestAWatchComesAtItsMoment(t *testing.T) {
	for _, c := range []struct {
		moment DiskMoment
		at     Duration
	}{
		{DiskMoment{StepCreate, 1, Submitted}, 0},
		{DiskMoment{StepCreate, 1, Completed}, 2 * ms},
		{DiskMoment{StepFirstWrite, 1, InFlight}, 3 * ms},
		{DiskMoment{StepSyncDir, 1, InFlight}, 8 * ms}, // from 6 to 10 ms: the second write is no first one
		{DiskMoment{StepRename, 1, Completed}, 12 * ms},
		{DiskMoment{StepFirstWrite, 2, InFlight}, 13 * ms}, // under the new name
		{DiskMoment{StepRemove, 1, Completed}, 16 * ms},
		{DiskMoment{StepRemove, 2, Completed}, 0}, // it never comes
	} {
		var got []Duration
		w := worldOf(t, 1, func(ev *Event, out *Effects) {
			if ev.Kind != Boot || ev.Token != 1 {
				return
			}
			for _, r := range []DiskRequest{
				write("f", 0, ""), write("f", 0, "a"), write("f", 1, "b"), syncDir, rename("f", "g"), write("g", 0, "c"), remove("g"),
			} {
				out.Disk(r)
			}
		}, func(cfg *Config) {
			cfg.Processes[0].Disk = DiskProfile{Write: netmodel.Delay{Min: 2 * ms}, Sync: netmodel.Delay{Min: 4 * ms}}
		})
		w.WatchDisk(1, c.moment, ms, 1, func() string { return "watch" }, func() {
			got = append(got, w.Now())
			w.LosePower(1)
			w.Start(1)
		})
		w.Run(netmodel.Second)
		if c.moment.Occurrence > 1 && c.moment.Step == StepRemove {
			require.Empty(t, got)
			continue
		}
		require.Equal(t, []Duration{c.at}, got, "%v", c.moment)
	}
}

// A request after the time of a watch does not count, and one of a life that has ended
// strikes no later life.
func TestAWatchEnds(t *testing.T) {
	code := stepFunc(func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Disk(syncDir)
		}
	})
	w := worldOf(t, 1, code, func(cfg *Config) { cfg.Processes[0].Disk.Sync.Min = 4 * ms })
	never := func() { t.Error("it was called") }
	text := func() string { return "watch" }
	w.WatchDisk(1, DiskMoment{StepSyncDir, 1, Completed}, ms, 1, text, never)
	w.WatchDisk(1, DiskMoment{StepSyncDir, 2, Submitted}, ms, 1, text, never)
	w.Schedule(2*ms, "restart", func() { w.LosePower(1); w.Start(1) })
	w.Run(netmodel.Second)
	require.Empty(t, w.proc(1).watches)
}
