package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Damage of a range is done where its bytes are proven, and nowhere else.
func TestDamageOfARange(t *testing.T) {
	for _, c := range []struct {
		name     string
		fault    DiskFault
		told     int // batches that a mark covers, of ten
		at       DiskRange
		from, to int // the bytes that may change; equal: none
	}{
		{"rot", BitRot, 0, DiskRange{"f", 8, 16}, 8, 16},
		{"rot of the last batch", BitRot, 0, DiskRange{"f", 72, 80}, 0, 0},
		{"rot of the last batch, covered", BitRot, 10, DiskRange{"f", 72, 80}, 72, 80},
		{"rot, covered in part", BitRot, 5, DiskRange{"f", 64, 80}, 0, 0},
		{"zeroed, covered", Zeroed, 5, DiskRange{"f", 32, 40}, 32, 200},
		{"zeroed", Zeroed, 0, DiskRange{"f", 8, 16}, 0, 0},
		{"zeroed behind the mark", Zeroed, 5, DiskRange{"f", 40, 48}, 0, 0},
		{"cut, covered", Truncated, 10, DiskRange{"f", 72, 80}, 72, 200},
		{"cut", Truncated, 0, DiskRange{"f", 72, 80}, 0, 0},
		{"another file", BitRot, 10, DiskRange{"g", 8, 16}, 0, 0},
		{"no bytes", BitRot, 10, DiskRange{"f", 8, 8}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(20) {
				d := proven(seed, 10, c.told)
				before, _ := d.Read("f")
				hits := &DiskHits{}
				d.damageRange(c.fault, 0, c.at, hits)
				after, _ := d.Read("f")
				if c.from == c.to {
					require.Equal(t, before, after)
					require.False(t, d.faults.damaged)
					require.Zero(t, *hits)
					continue
				}
				require.True(t, d.faults.damaged)
				require.EqualValues(t, 1, hits[c.fault])
				require.NotEqual(t, before, after)
				require.Equal(t, before[:c.from], after[:c.from])
				if len(after) == len(before) {
					require.Equal(t, before[c.to:], after[c.to:])
				}
			}
		})
	}
	require.PanicsWithValue(t, "sim: misdirect is no damage that has a place", func() {
		proven(1, 10, 10).damageRange(Misdirected, 0, DiskRange{"f", 8, 16}, &DiskHits{})
	})
}

// A copy can be read like a disk.
func TestADiskCopyIsRead(t *testing.T) {
	var copied DiskCopy
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Disk(write("b", 0, "two"))
			out.Disk(write("a", 0, "one"))
			out.Disk(sync("a"))
			out.Disk(sync("b"))
			out.Disk(DiskRequest{Op: DiskSyncDir})
		}
	})
	w.Run(100 * ms)
	copied = w.CopyDisk(1)
	names, err := copied.List()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names)
	data, err := copied.Read("b")
	require.NoError(t, err)
	require.Equal(t, "two", string(data))
	_, err = copied.Read("c")
	require.ErrorIs(t, err, ErrNoFile)
}
