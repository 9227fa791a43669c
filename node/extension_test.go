package node

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// An extension of a value makes the value again: with windows that grow, stay or shrink, with
// tombstones, with nothing added, and at the end of a machine.
func TestExtensionMakesTheValue(t *testing.T) {
	lifecycle := fsm.Lifecycle()
	d := &lifecycle
	rapid.Check(t, func(t *rapid.T) {
		base := anyEntries(t, initial(d, 0), d, rapid.IntRange(1, 20).Draw(t, "before"))
		v := anyEntries(t, base, d, rapid.IntRange(0, 8).Draw(t, "added"))
		at := Ballot{Epoch: 1, Round: 7, Node: 2, Boot: 1}
		x, ok := extensionOf(base, at, v)
		if !ok {
			require.Greater(t, v.Serial-base.Serial, uint64(len(v.Window)), "only entries that have left the window again are no extension")
			return
		}
		require.Equal(t, at, x.Base)
		for i := range x.Entries {
			require.NotEmpty(t, x.Entries[i].ID)
		}
		// The acceptor's base is a copy: nothing is shared with the proposer's.
		own := *base
		own.Window = append([]Entry(nil), base.Window...)
		made := x.of(&own, d)
		require.True(t, v.Equal(made), "%v, want %v", made, v)
		require.NoError(t, made.check(d, 0))
	})
}

// anyEntries returns v with n entries more, which leave windows of different sizes.
func anyEntries(t *rapid.T, v *Value, d *fsm.Definition, n int) *Value {
	size := rapid.IntRange(1, 16).Draw(t, "window")
	for range n {
		e := Entry{ID: OpID(fmt.Sprintf("c%d", v.Serial)), To: v.State, Requested: v.State, Kind: EntryTombstone}
		for _, s := range d.States {
			if d.Legal(v.State, s) && rapid.IntRange(0, 3).Draw(t, "entry") > 0 {
				e = Entry{ID: e.ID, To: s}
			}
		}
		v = v.withEntry(e, size)
	}
	return v
}

// An extension that cannot be of the base makes nothing.
func TestExtensionOfAnotherBase(t *testing.T) {
	lifecycle := fsm.Lifecycle()
	d := &lifecycle
	base := initial(d, 0).withEntry(Entry{ID: "c1", To: "Running"}, 4).withEntry(Entry{ID: "c2", To: "Stopped"}, 4)
	full := base
	for i := range MaxDedupWindow {
		full = full.withEntry(Entry{ID: OpID(fmt.Sprint("d", i)), To: full.State, Requested: "Running", Kind: EntryTombstone}, MaxDedupWindow)
	}
	last := *base
	last.Serial = maxSerial
	legal := []Entry{{ID: "c3", To: "Init"}}
	for name, c := range map[string]struct {
		base *Value
		x    Extension
	}{
		"drops more than there is": {base, Extension{Dropped: 3, Entries: legal}},
		"drops and adds nothing":   {base, Extension{Dropped: 1}},
		"an illegal transition":    {base, Extension{Entries: []Entry{{ID: "c3", To: "Running"}}}},
		"an illegal second one":    {base, Extension{Entries: append(legal, Entry{ID: "c4", To: "Stopped"})}},
		"an entry without an id":   {base, Extension{Entries: []Entry{{To: "Init"}}}},
		"a legal tombstone":        {base, Extension{Entries: []Entry{{ID: "c3", Requested: "Init", Kind: EntryTombstone}}}},
		"too long a window":        {full, Extension{Entries: legal}},
		"more serials than exist":  {&last, Extension{Entries: legal}},
	} {
		require.Nil(t, c.x.of(c.base, d), name)
	}
	require.NotNil(t, (&Extension{Entries: legal}).of(base, d))
}
