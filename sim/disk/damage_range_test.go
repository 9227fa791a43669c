package disk

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Damage of a range is done where its bytes are proven, and nowhere else.
func TestDamageOfARange(t *testing.T) {
	for _, c := range []struct {
		name     string
		fault    Fault
		told     int // batches that a mark covers, of ten
		at       Range
		from, to int // the bytes that may change; equal: none
	}{
		{"rot", BitRot, 0, Range{"f", 8, 16}, 8, 16},
		{"rot of the last batch", BitRot, 0, Range{"f", 72, 80}, 0, 0},
		{"rot of the last batch, covered", BitRot, 10, Range{"f", 72, 80}, 72, 80},
		{"rot, covered in part", BitRot, 5, Range{"f", 64, 80}, 0, 0},
		{"zeroed, covered", Zeroed, 5, Range{"f", 32, 40}, 32, 200},
		{"zeroed", Zeroed, 0, Range{"f", 8, 16}, 0, 0},
		{"zeroed behind the mark", Zeroed, 5, Range{"f", 40, 48}, 0, 0},
		{"cut, covered", Truncated, 10, Range{"f", 72, 80}, 72, 200},
		{"cut", Truncated, 0, Range{"f", 72, 80}, 0, 0},
		{"another file", BitRot, 10, Range{"g", 8, 16}, 0, 0},
		{"no bytes", BitRot, 10, Range{"f", 8, 8}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(20) {
				d := proven(seed, 10, c.told)
				before, _ := d.Read("f")
				hits := &Hits{}
				d.Damage(c.fault, 0, c.at, hits)
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
	require.PanicsWithValue(t, "disk: misdirect is no damage that has a place", func() {
		proven(1, 10, 10).Damage(Misdirected, 0, Range{"f", 8, 16}, &Hits{})
	})
}
