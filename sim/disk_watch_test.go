package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// A process asks for everything at its boot: each write takes 2 ms, each sync 4 ms.
func TestAWatchComesAtItsMoment(t *testing.T) {
	for _, c := range []struct {
		moment disk.Moment
		at     Duration
	}{
		{moment(disk.StepCreate, 1, disk.Submitted), 0},
		{moment(disk.StepCreate, 1, disk.Completed), 2 * ms},
		{moment(disk.StepFirstWrite, 1, disk.InFlight), 3 * ms},
		{moment(disk.StepSyncDir, 1, disk.InFlight), 8 * ms}, // from 6 to 10 ms: the second write is no first one
		{moment(disk.StepRename, 1, disk.Completed), 12 * ms},
		{moment(disk.StepFirstWrite, 2, disk.InFlight), 13 * ms}, // under the new name
		{moment(disk.StepRemove, 1, disk.Completed), 16 * ms},
		{moment(disk.StepRemove, 2, disk.Completed), 0}, // it never comes
	} {
		var got []Duration
		w := worldOf(t, 1, func(ev *Event, out *Effects) {
			if ev.Kind != Boot || ev.Token != 1 {
				return
			}
			for _, r := range []disk.Request{
				write("f", 0, ""), write("f", 0, "a"), write("f", 1, "b"), syncDir, rename("f", "g"), write("g", 0, "c"), remove("g"),
			} {
				out.Disk(r)
			}
		}, func(cfg *Config) {
			cfg.Processes[0].Disk = disk.Profile{Write: netmodel.Delay{Min: 2 * ms}, Sync: netmodel.Delay{Min: 4 * ms}}
		})
		w.WatchDisk(1, c.moment, ms, 1, func() string { return "watch" }, func() {
			got = append(got, w.Now())
			w.LosePower(1)
			w.Start(1)
		})
		w.Run(netmodel.Second)
		if c.moment.Occurrence > 1 && c.moment.Step == disk.StepRemove {
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
	w.WatchDisk(1, moment(disk.StepSyncDir, 1, disk.Completed), ms, 1, text, never)
	w.WatchDisk(1, moment(disk.StepSyncDir, 2, disk.Submitted), ms, 1, text, never)
	w.Schedule(2*ms, "restart", func() { w.LosePower(1); w.Start(1) })
	w.Run(netmodel.Second)
	require.Empty(t, w.proc(1).watches)
}

func moment(step disk.Step, occurrence int, phase disk.Phase) disk.Moment {
	return disk.Moment{Step: step, Occurrence: occurrence, Phase: phase}
}
