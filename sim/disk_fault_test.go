package sim

import (
	"encoding"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
)

// diskWithFault returns an empty disk with a fault that lasts for a second.
func diskWithFault(p DiskProfile, f DiskFault) (*disk, *DiskHits) {
	d, hits := emptyDisk(p), &DiskHits{}
	d.injectFault(f, 0, sec, hits)
	return d, hits
}

// fails completes a request, which must end with an error.
func fails(t *testing.T, d *disk, want error) {
	t.Helper()
	require.ErrorIs(t, d.complete().err, want)
}

// batches writes a log of n synced writes of equal length.
func batches(d *disk, n int) {
	for i := range n {
		ask(d, write("f", int64(i)*8, fmt.Sprintf("batch %2d", i)), sync("f"))
		finish(d)
	}
}

// A later sync proves that the damaged bytes were durable, for any number of
// faults.
func TestDamageSparesTheLastBatch(t *testing.T) {
	for _, f := range []DiskFault{BitRot, Misdirected} {
		t.Run(f.String(), func(t *testing.T) {
			places := map[int]bool{}
			for seed := range uint64(200) {
				d := &disk{key: keyed.Seed(seed)}
				batches(d, 10)
				before, _ := d.Read("f")
				hits := &DiskHits{}
				d.injectFault(f, 0, 0, hits)
				after, _ := d.Read("f")
				require.Len(t, after, len(before))
				require.NotEqual(t, before, after)
				require.Equal(t, before[72:], after[72:], "the last batch")
				require.EqualValues(t, 1, hits[f])
				require.True(t, d.faults.damaged)
				for i := range before {
					places[i] = places[i] || before[i] != after[i]
				}
				d.losePower()
				if names, _ := d.List(); len(names) > 0 {
					holds(t, d, "f", string(after))
				}
			}
			for i := range 72 {
				require.True(t, places[i], "byte %d is never damaged", i)
			}
		})
	}
}

// Bytes without a second sync, or written again since, are not damaged.
func TestThereIsNothingToDamage(t *testing.T) {
	for name, requests := range map[string][]DiskRequest{
		"nothing":            nil,
		"one batch":          {write("f", 0, "abc"), sync("f")},
		"an empty sync":      {write("f", 0, "abc"), sync("f"), sync("f")},
		"a write under way":  {write("f", 0, "abc"), sync("f"), write("f", 3, "def")},
		"written again":      {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), write("f", 0, "x")},
		"cut":                {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), truncate("f", 0)},
		"a file that is not": {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), remove("f")},
	} {
		t.Run(name, func(t *testing.T) {
			d := emptyDisk(DiskProfile{})
			ask(d, requests...)
			hits := &DiskHits{}
			for _, f := range []DiskFault{BitRot, Misdirected} {
				d.injectFault(f, 0, 0, hits)
			}
			require.Zero(t, *hits)
			require.False(t, d.faults.damaged)
		})
	}
}

// A sync after a write that was done in part proves nothing: its owner may not
// recognize the part.
func TestATornWriteProvesNothing(t *testing.T) {
	d := emptyDisk(DiskProfile{})
	batches(d, 3)
	d.injectFault(WriteError, 0, sec, &DiskHits{})
	ask(d, write("f", 24, "batch  3"), sync("f"))
	finish(d)
	require.EqualValues(t, 16, d.dir.find("f").proven)
	ask(d, truncate("f", 24), write("f", 16, "batch  2"), sync("f")) // another life
	finish(d)
	require.EqualValues(t, 16, d.dir.find("f").proven)
}

// A misdirected write leaves its place as it was, and is found elsewhere.
func TestAMisdirectedWriteIsElsewhere(t *testing.T) {
	holes, others := 0, 0
	for seed := range uint64(100) {
		d := &disk{key: keyed.Seed(seed)}
		ask(d, write("g", 0, "........"), sync("g"), write("g", 8, "x"), sync("g"))
		batches(d, 3)
		d.injectFault(Misdirected, 0, 0, &DiskHits{})
		f, _ := d.Read("f")
		g, _ := d.Read("g")
		if slices.Contains(f, 0) {
			holes++
		}
		if string(g) != "........x" {
			others++
		}
	}
	require.Greater(t, holes, 20, "nothing was there before")
	require.Greater(t, others, 20, "another file")
}

func TestFailingReads(t *testing.T) {
	d, hits := diskWithFault(DiskProfile{}, ReadError)
	batches(d, 1)
	_, err := d.Read("f")
	require.EqualError(t, err, `file "f": input/output error`)
	require.ErrorIs(t, err, ErrIO)
	d.beginLife(2 * sec)
	holds(t, d, "f", "batch  0")
	require.EqualValues(t, 1, hits[ReadError])

	d, hits = diskWithFault(DiskProfile{}, ShortRead)
	batches(d, 2)
	got, err := d.Read("f")
	require.ErrorIs(t, err, ErrIO)
	require.Less(t, len(got), 16)
	require.EqualValues(t, 1, hits[ShortRead])
}

func TestFailingWrites(t *testing.T) {
	d, hits := diskWithFault(DiskProfile{Sector: 1}, WriteError)
	ask(d, write("f", 0, "abcdef"), truncate("f", 0), remove("f"), rename("f", "g"))
	for range 4 {
		fails(t, d, ErrIO)
	}
	got, _ := d.Read("f")
	require.Equal(t, "abcdef"[:len(got)], string(got), "some of it may be done")
	require.EqualValues(t, 4, hits[WriteError])
	d.submit(sec, &DiskRequest{Op: DiskTruncate, File: "f"})
	require.NoError(t, d.complete().err, "the fault is over")
	holds(t, d, "f", "")
}

func TestFailingSyncs(t *testing.T) {
	d, hits := diskWithFault(DiskProfile{}, SyncError)
	ask(d, write("f", 0, "abc"), sync("f"), write("g", 0, "x"), syncDir)
	require.NoError(t, d.complete().err)
	fails(t, d, ErrIO)
	require.NoError(t, d.complete().err)
	fails(t, d, ErrIO)
	require.EqualValues(t, 2, hits[SyncError])
	d.clearFaults()
	ask(d, sync("f"), sync("g"), syncDir)
	finish(d)
	holds(t, d, "f", "abc")
	d.losePower()
	holds(t, d, "f", "") // as if never written
	holds(t, d, "g", "x")
}

func TestAFullDisk(t *testing.T) {
	d, hits := diskWithFault(DiskProfile{}, FullDisk)
	room := int(d.faults.capacity)
	require.Less(t, room, maxFreeWhenFull)
	ask(d, write("f", 0, string(make([]byte, room+1))), write("f", 0, "over"), truncate("f", 4), write("g", 0, "new"))
	fails(t, d, ErrFull)
	got, _ := d.Read("f")
	require.Len(t, got, 4)
	for range 3 {
		require.NoError(t, d.complete().err, "what takes no more room is fine")
	}
	ask(d, truncate("f", int64(room)+4), remove("f"), truncate("g", int64(room)))
	fails(t, d, ErrFull)
	require.NoError(t, d.complete().err)
	require.NoError(t, d.complete().err, "there is room where a file was")
	require.EqualValues(t, 2, hits[FullDisk])
}

func TestASlowDiskAndAStuckOne(t *testing.T) {
	constant := netmodel.Delay{Min: ms}
	d, _ := diskWithFault(DiskProfile{Write: constant, Sync: constant}, SlowDisk)
	w, s := write("f", 0, "x"), sync("f")
	took := d.submit(0, &w)
	require.LessOrEqual(t, took, maxSlowdown*ms)
	require.Greater(t, d.submit(0, &w)-took, ms)
	d, hits := diskWithFault(DiskProfile{Write: constant, Sync: constant}, StuckSync)
	require.Equal(t, 3*ms, d.submit(0, &w), "two requests have made it")
	require.Equal(t, sec+ms, d.submit(0, &s))
	require.EqualValues(t, 1, hits[StuckSync])
}

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
	w.InjectDiskFault(1, SyncError, sec)
	require.False(t, w.DiskFailed(1))
	w.Run(ms)
	require.ErrorIs(t, failed, ErrIO)
	require.True(t, w.DiskFailed(1))
	require.EqualValues(t, 1, w.DiskHits()[SyncError])
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

func TestNamesOfDiskFaults(t *testing.T) {
	require.Len(t, DiskFaults(), 11)
	for _, f := range DiskFaults() {
		text, err := encoding.TextMarshaler(f).MarshalText()
		require.NoError(t, err)
		var g DiskFault
		require.NoError(t, g.UnmarshalText(text))
		require.Equal(t, f, g)
		require.Equal(t, slices.Contains([]DiskFault{BitRot, Misdirected, Zeroed, Truncated}, f), f.Damages())
	}
	var f DiskFault
	require.ErrorContains(t, f.UnmarshalText([]byte("rust")), `disk fault "rust": want one of [rot misdirect read_error`)
	require.Equal(t, "disk fault 77", DiskFault(77).String())
}

// proven returns a log of n synced writes of 8 bytes in a file made with 200
// bytes. A high-water mark covers the first told of them.
func proven(seed uint64, n, told int) *disk {
	d := &disk{key: keyed.Seed(seed), highWaterFile: "proof"}
	ask(d, write("f", 192, "the end."), sync("f"))
	finish(d)
	for i := range n {
		ask(d, write("f", int64(i)*8, fmt.Sprintf("batch %2d", i)), sync("f"))
		finish(d)
		if i+1 == told {
			ask(d, write("proof", 0, fmt.Sprint(i)), sync("proof"))
			finish(d)
		}
	}
	return d
}

// Bytes under a high-water mark may be damaged, the last batch too. Bytes after
// it stay as they are, unless bytes under it are damaged as well.
func TestDamageThatTheFileOfProofsTellsOf(t *testing.T) {
	for _, f := range []DiskFault{BitRot, Misdirected, Zeroed, Truncated} {
		for _, told := range []int{0, 5, 10} {
			t.Run(fmt.Sprintf("%v, told of %d", f, told), func(t *testing.T) {
				last := 0 // how often the last batch was damaged
				for seed := range uint64(300) {
					d := proven(seed, 10, told)
					before, _ := d.Read("f")
					d.injectFault(f, 0, 0, &DiskHits{})
					after, _ := d.Read("f")
					if !d.faults.damaged {
						require.Equal(t, before, after)
						continue
					}
					if len(after) < 80 || string(before[72:80]) != string(after[72:80]) {
						last++
					}
					require.NotEqual(t, before, after)
				}
				switch {
				case told == 0 && f != BitRot && f != Misdirected, told < 10 && (f == BitRot || f == Misdirected):
					require.Zero(t, last)
				default:
					require.Positive(t, last)
				}
			})
		}
	}
}

// The high-water file is not damaged after damage that perhaps only it can show.
func TestTheFileOfProofsIsSparedAfterDamage(t *testing.T) {
	for seed := range uint64(200) {
		d := proven(seed, 10, 10)
		ask(d, write("proof", 8, "x"), sync("proof"), write("proof", 16, "y"), sync("proof"))
		finish(d)
		finish(d)
		d.injectFault(Zeroed, 0, 0, &DiskHits{})
		if !d.faults.damaged {
			continue
		}
		before, _ := d.Read("proof")
		for at := range Duration(20) {
			d.injectFault(BitRot, 1+at, 0, d.faults.hits)
			d.injectFault(Truncated, 1+at, 0, d.faults.hits)
		}
		after, _ := d.Read("proof")
		require.Equal(t, before, after)
	}
}

// Only new content in the high-water file is a mark, and only after a sync that
// covers it is done.
func TestWhatTellsOfNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(d *disk)
		tells bool
	}{
		{"nothing", func(*disk) {}, false},
		{"the same bytes again", func(d *disk) {
			ask(d, write("proof", 0, "none"), sync("proof"))
			finish(d)
		}, false},
		{"a write after the one that is synced", func(d *disk) {
			ask(d, write("proof", 0, "none"), sync("proof"), write("proof", 8, "ten"), sync("proof"))
			for range 3 {
				d.complete()
			}
		}, false},
		{"a sync after a loss of power", func(d *disk) {
			ask(d, write("proof", 8, "ten"))
			d.losePower()
			ask(d, sync("proof"))
			finish(d)
		}, false},
		{"a sync after a kill", func(d *disk) {
			ask(d, write("proof", 8, "ten"))
			d.crashProcess()
			ask(d, sync("proof"))
			finish(d)
		}, false},
		{"a write that is synced after the same bytes again", func(d *disk) {
			ask(d, write("proof", 0, "none"), sync("proof"), write("proof", 8, "ten"), sync("proof"))
			finish(d)
		}, true},
		{"other bytes in the same place", func(d *disk) {
			ask(d, write("proof", 0, "many"), sync("proof"))
			finish(d)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := 0
			for seed := range uint64(100) {
				d := &disk{key: keyed.Seed(seed), highWaterFile: "proof"}
				ask(d, write("f", 0, "made"), sync("f"), syncDir, write("proof", 0, "none"), sync("proof"), syncDir)
				finish(d)
				for i := range 10 {
					ask(d, write("f", int64(i)*8, fmt.Sprintf("batch %2d", i)), sync("f"))
					finish(d)
				}
				c.after(d)
				d.injectFault(Zeroed, 0, 0, &DiskHits{})
				if d.faults.damaged {
					damaged++
				}
			}
			if c.tells {
				require.Positive(t, damaged)
			} else {
				require.Zero(t, damaged)
			}
		})
	}
}
