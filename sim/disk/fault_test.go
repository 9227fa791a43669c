package disk

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
func diskWithFault(p Profile, f Fault) (*Device, *Hits) {
	d, hits := emptyDisk(p), &Hits{}
	d.Inject(f, 0, sec, hits)
	return d, hits
}

// fails completes a request, which must end with an error.
func fails(t *testing.T, d *Device, want error) {
	t.Helper()
	require.ErrorIs(t, d.complete().err, want)
}

// batches writes a log of n synced writes of equal length.
func batches(d *Device, n int) {
	for i := range n {
		ask(d, write("f", int64(i)*8, fmt.Sprintf("batch %2d", i)), sync("f"))
		finish(d)
	}
}

// A later sync proves that the damaged bytes were durable, for any number of
// faults.
func TestDamageSparesTheLastBatch(t *testing.T) {
	for _, f := range []Fault{BitRot, Misdirected} {
		t.Run(f.String(), func(t *testing.T) {
			places := map[int]bool{}
			for seed := range uint64(200) {
				d := &Device{key: keyed.Seed(seed)}
				batches(d, 10)
				before, _ := d.Read("f")
				hits := &Hits{}
				d.Inject(f, 0, 0, hits)
				after, _ := d.Read("f")
				require.Len(t, after, len(before))
				require.NotEqual(t, before, after)
				require.Equal(t, before[72:], after[72:], "the last batch")
				require.EqualValues(t, 1, hits[f])
				require.True(t, d.faults.damaged)
				for i := range before {
					places[i] = places[i] || before[i] != after[i]
				}
				d.LosePower()
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
	for name, requests := range map[string][]Request{
		"nothing":            nil,
		"one batch":          {write("f", 0, "abc"), sync("f")},
		"an empty sync":      {write("f", 0, "abc"), sync("f"), sync("f")},
		"a write under way":  {write("f", 0, "abc"), sync("f"), write("f", 3, "def")},
		"written again":      {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), write("f", 0, "x")},
		"cut":                {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), truncate("f", 0)},
		"a file that is not": {write("f", 0, "abc"), sync("f"), write("f", 3, "def"), sync("f"), remove("f")},
	} {
		t.Run(name, func(t *testing.T) {
			d := emptyDisk(Profile{})
			ask(d, requests...)
			hits := &Hits{}
			for _, f := range []Fault{BitRot, Misdirected} {
				d.Inject(f, 0, 0, hits)
			}
			require.Zero(t, *hits)
			require.False(t, d.faults.damaged)
		})
	}
}

// A sync after a write that was done in part proves nothing: its owner may not
// recognize the part.
func TestATornWriteProvesNothing(t *testing.T) {
	d := emptyDisk(Profile{})
	batches(d, 3)
	d.Inject(WriteError, 0, sec, &Hits{})
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
		d := &Device{key: keyed.Seed(seed)}
		ask(d, write("g", 0, "........"), sync("g"), write("g", 8, "x"), sync("g"))
		batches(d, 3)
		d.Inject(Misdirected, 0, 0, &Hits{})
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
	d, hits := diskWithFault(Profile{}, ReadError)
	batches(d, 1)
	_, err := d.Read("f")
	require.EqualError(t, err, `file "f": input/output error`)
	require.ErrorIs(t, err, ErrIO)
	d.BeginLife(2 * sec)
	holds(t, d, "f", "batch  0")
	require.EqualValues(t, 1, hits[ReadError])

	d, hits = diskWithFault(Profile{}, ShortRead)
	batches(d, 2)
	got, err := d.Read("f")
	require.ErrorIs(t, err, ErrIO)
	require.Less(t, len(got), 16)
	require.EqualValues(t, 1, hits[ShortRead])
}

func TestFailingWrites(t *testing.T) {
	d, hits := diskWithFault(Profile{Sector: 1}, WriteError)
	ask(d, write("f", 0, "abcdef"), truncate("f", 0), remove("f"), rename("f", "g"))
	for range 4 {
		fails(t, d, ErrIO)
	}
	got, _ := d.Read("f")
	require.Equal(t, "abcdef"[:len(got)], string(got), "some of it may be done")
	require.EqualValues(t, 4, hits[WriteError])
	d.Submit(sec, &Request{Op: Truncate, File: "f"})
	require.NoError(t, d.complete().err, "the fault is over")
	holds(t, d, "f", "")
}

func TestFailingSyncs(t *testing.T) {
	d, hits := diskWithFault(Profile{}, SyncError)
	ask(d, write("f", 0, "abc"), sync("f"), write("g", 0, "x"), syncDir)
	require.NoError(t, d.complete().err)
	fails(t, d, ErrIO)
	require.NoError(t, d.complete().err)
	fails(t, d, ErrIO)
	require.EqualValues(t, 2, hits[SyncError])
	d.ClearFaults()
	ask(d, sync("f"), sync("g"), syncDir)
	finish(d)
	holds(t, d, "f", "abc")
	d.LosePower()
	holds(t, d, "f", "") // as if never written
	holds(t, d, "g", "x")
}

func TestAFullDisk(t *testing.T) {
	d, hits := diskWithFault(Profile{}, Full)
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
	require.EqualValues(t, 2, hits[Full])
}

func TestASlowDiskAndAStuckOne(t *testing.T) {
	constant := netmodel.Delay{Min: ms}
	d, _ := diskWithFault(Profile{Write: constant, Sync: constant}, Slow)
	w, s := write("f", 0, "x"), sync("f")
	took := d.Submit(0, &w)
	require.LessOrEqual(t, took, maxSlowdown*ms)
	require.Greater(t, d.Submit(0, &w)-took, ms)
	d, hits := diskWithFault(Profile{Write: constant, Sync: constant}, StuckSync)
	require.Equal(t, 3*ms, d.Submit(0, &w), "two requests have made it")
	require.Equal(t, sec+ms, d.Submit(0, &s))
	require.EqualValues(t, 1, hits[StuckSync])
}

func TestNamesOfFaults(t *testing.T) {
	require.Len(t, Faults(), 11)
	for _, f := range Faults() {
		text, err := encoding.TextMarshaler(f).MarshalText()
		require.NoError(t, err)
		var g Fault
		require.NoError(t, g.UnmarshalText(text))
		require.Equal(t, f, g)
		require.Equal(t, slices.Contains([]Fault{BitRot, Misdirected, Zeroed, Truncated}, f), f.Damages())
	}
	var f Fault
	require.ErrorContains(t, f.UnmarshalText([]byte("rust")), `disk fault "rust": want one of [rot misdirect read_error`)
	require.Equal(t, "disk fault 77", Fault(77).String())
}

// proven returns a log of n synced writes of 8 bytes in a file made with 200
// bytes. A high-water mark covers the first told of them.
func proven(seed uint64, n, told int) *Device {
	d := &Device{key: keyed.Seed(seed), highWaterFile: "proof"}
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
	for _, f := range []Fault{BitRot, Misdirected, Zeroed, Truncated} {
		for _, told := range []int{0, 5, 10} {
			t.Run(fmt.Sprintf("%v, told of %d", f, told), func(t *testing.T) {
				last := 0 // how often the last batch was damaged
				for seed := range uint64(300) {
					d := proven(seed, 10, told)
					before, _ := d.Read("f")
					d.Inject(f, 0, 0, &Hits{})
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
		d.Inject(Zeroed, 0, 0, &Hits{})
		if !d.faults.damaged {
			continue
		}
		before, _ := d.Read("proof")
		for at := range netmodel.Duration(20) {
			d.Inject(BitRot, 1+at, 0, d.faults.hits)
			d.Inject(Truncated, 1+at, 0, d.faults.hits)
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
		after func(d *Device)
		tells bool
	}{
		{"nothing", func(*Device) {}, false},
		{"the same bytes again", func(d *Device) {
			ask(d, write("proof", 0, "none"), sync("proof"))
			finish(d)
		}, false},
		{"a write after the one that is synced", func(d *Device) {
			ask(d, write("proof", 0, "none"), sync("proof"), write("proof", 8, "ten"), sync("proof"))
			for range 3 {
				d.complete()
			}
		}, false},
		{"a sync after a loss of power", func(d *Device) {
			ask(d, write("proof", 8, "ten"))
			d.LosePower()
			ask(d, sync("proof"))
			finish(d)
		}, false},
		{"a sync after a kill", func(d *Device) {
			ask(d, write("proof", 8, "ten"))
			d.CrashProcess()
			ask(d, sync("proof"))
			finish(d)
		}, false},
		{"a write that is synced after the same bytes again", func(d *Device) {
			ask(d, write("proof", 0, "none"), sync("proof"), write("proof", 8, "ten"), sync("proof"))
			finish(d)
		}, true},
		{"other bytes in the same place", func(d *Device) {
			ask(d, write("proof", 0, "many"), sync("proof"))
			finish(d)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := 0
			for seed := range uint64(100) {
				d := &Device{key: keyed.Seed(seed), highWaterFile: "proof"}
				ask(d, write("f", 0, "made"), sync("f"), syncDir, write("proof", 0, "none"), sync("proof"), syncDir)
				finish(d)
				for i := range 10 {
					ask(d, write("f", int64(i)*8, fmt.Sprintf("batch %2d", i)), sync("f"))
					finish(d)
				}
				c.after(d)
				d.Inject(Zeroed, 0, 0, &Hits{})
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
