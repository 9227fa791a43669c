package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// In a world the process gets the error of a disk fault, and the error is
// forgotten with its life.
func TestFaultsInAWorld(t *testing.T) {
	var failed error
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Disk(write("f", 0, "x"))
			out.Disk(sync("f"))
		}
		if ev.Err != nil {
			failed = ev.Err
		}
	})
	w.InjectDiskFault(1, disk.SyncError, sec)
	require.False(t, w.DiskFailed(1))
	w.Run(ms)
	require.ErrorIs(t, failed, disk.ErrIO)
	require.True(t, w.DiskFailed(1))
	require.EqualValues(t, 1, w.DiskHits()[disk.SyncError])
	w.CrashProcess(1)
	w.ClearDiskFaults(1)
	w.Start(1)
	w.Run(sec)
	require.False(t, w.DiskFailed(1))
	require.False(t, w.DiskDamaged(1))
	require.Equal(t, Stats{Events: 6, ProcessCrashes: 1, DiskOps: 4}, w.Stats())
}

func TestAKillSparesWhatALossOfPowerTakes(t *testing.T) {
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot && ev.Token == 1 {
			out.Disk(write("f", 0, "x"))
		}
	})
	w.Run(ms)
	w.CrashProcess(1)
	names, _ := w.procs[1].disk.List()
	require.Equal(t, []string{"f"}, names)
	w.LosePower(1) // though it is down
	names, _ = w.procs[1].disk.List()
	require.Empty(t, names)
	w.LosePower(1) // nothing left to lose
	require.Equal(t, uint64(1), w.Stats().PowerLosses)
}

// A copy has the durable content of the disk of a process that may be up. Once
// restored it is the whole content, and survives a power loss.
func TestACopyHasWhatWasDurable(t *testing.T) {
	var found []string
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Boot:
			data, _ := ev.Disk.Read("f")
			found = append(found, string(data))
			if len(data) > 0 {
				return
			}
			out.Disk(disk.Request{Op: disk.Write, File: "f", Data: []byte("synced"), Token: 1})
			out.Disk(disk.Request{Op: disk.Sync, File: "f", Token: 2})
			out.Disk(disk.Request{Op: disk.SyncDir, Token: 3})
			out.SetTimer(1, 2*sec)
		case Timer:
			out.Disk(disk.Request{Op: disk.Write, File: "f", Data: []byte("later!!"), Token: 4})
			out.Disk(disk.Request{Op: disk.Write, File: "g", Data: []byte("new"), Token: 5})
			out.SetTimer(2, 5*sec)
		}
	})
	var c disk.Copy
	at(w, 3*sec, func() { c = w.CopyDisk(1) })
	at(w, 4*sec, func() {
		require.Panics(t, func() { w.RestoreDisk(1, c) }, "it runs")
		w.LosePower(1)
		w.RestoreDisk(1, c)
		w.Start(1)
	})
	at(w, 5*sec, func() { w.LosePower(1); w.Start(1) })
	w.Run(10 * sec)
	require.Equal(t, []string{"", "synced", "synced"}, found)
	require.Len(t, c, 1, "g was never durable")
}

// A process that changes the data of a write before the write is done misuses the world.
func TestAChangedWriteIsMisuse(t *testing.T) {
	data := []byte("mine")
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Disk(disk.Request{Op: disk.Write, File: "f", Data: data})
			out.SetTimer(1, 0)
		}
		if ev.Kind == Timer {
			data[0] = 'y'
		}
	}, func(c *Config) { c.Processes[0].Disk.Write.Min = ms })
	require.PanicsWithError(t, "sim: the data of a write to f changed before the write was done: give the disk a copy, or wait for DiskDone", func() { w.Run(sec) })
}
