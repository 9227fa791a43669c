package node

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyValue draws a value that goes on from one of the known ones or from the initial
// value. It is valid, or has one fault.
func anyValue(t *rapid.T, d *fsm.Definition, known []*Value) *Value {
	v := rapid.SampledFrom(append([]*Value{initial(d, 0)}, known...)).Draw(t, "from")
	ring := rapid.IntRange(1, 5).Draw(t, "ring")
	for range rapid.IntRange(1, 4).Draw(t, "entries") {
		id := OpID(strings.Repeat("x", rapid.SampledFrom([]int{1, 2, 60}).Draw(t, "id")) + fmt.Sprint(v.Serial))
		e := Entry{ID: id, To: d.States[(d.Index(v.State)+1)%len(d.States)]}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2:
			e.Kind, e.To = EntryTombstoneIllegal, v.State
		case 3:
			e.To = rapid.SampledFrom(d.States).Draw(t, "to")
		}
		v = v.withEntry(e, ring)
	}
	w := *v
	switch rapid.IntRange(0, 19).Draw(t, "fault") {
	case 0:
		w.Version++
	case 1:
		w.State = rapid.SampledFrom(d.States).Draw(t, "state")
	case 2:
		w.StateBefore = rapid.SampledFrom(d.States).Draw(t, "before")
	case 3:
		w.Serial++
	case 4:
		w.Window = append([]Entry{}, w.Window...) // no fault: as decoded from the wire
	case 5:
		w.Window = w.Window[:rapid.IntRange(0, len(w.Window)).Draw(t, "cut")]
	case 6:
		w.Window = w.Window[rapid.IntRange(0, len(w.Window)).Draw(t, "cut"):]
	}
	return &w
}

// A value that extends accepts as valid, check finds valid.
func TestWhatFollowsIsInOrder(t *testing.T) {
	d := fsm.Lifecycle()
	followed := 0
	rapid.Check(t, func(t *rapid.T) {
		var sound []*Value
		for range rapid.IntRange(1, 30).Draw(t, "values") {
			v := anyValue(t, &d, sound)
			err := v.check(&d, 0)
			for _, w := range sound {
				if v.extends(w, &d) {
					followed++
					require.NoError(t, err, "%+v goes on from %+v", v, w)
				}
			}
			if err == nil {
				sound = append(sound, v)
			}
		}
	})
	require.NotZero(t, followed)
}

// extends and check detect every fault of a value that shares entries.
func TestWhatIsWrongDoesNotFollow(t *testing.T) {
	d := fsm.Lifecycle()
	for what, spoil := range map[string]func(v *Value, e *Entry){
		"":               func(*Value, *Entry) {},
		"version":        func(v *Value, _ *Entry) { v.Version++ },
		"state":          func(v *Value, _ *Entry) { v.State = "Init" },
		"state before":   func(v *Value, _ *Entry) { v.StateBefore = "Init" },
		"illegal":        func(v *Value, e *Entry) { v.State, e.To = "Running", "Running" },
		"void that goes": func(_ *Value, e *Entry) { e.Kind = EntryTombstoneIllegal },
		"no id":          func(_ *Value, e *Entry) { e.ID = "" },
	} {
		w := initial(&d, 0)
		for i := range 7 {
			w = w.withEntry(Entry{ID: OpID(fmt.Sprint(i)), To: d.States[(i+1)%3]}, 4)
		}
		v := w.withEntry(Entry{ID: "next", To: "Stopped"}, 4)
		spoil(v, &v.Window[3])
		require.Equal(t, what == "", v.extends(w, &d), what)
		require.Equal(t, what == "", v.check(&d, 0) == nil, what)
	}
}

func TestStringSize(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 70000} {
		require.Len(t, appendString(nil, strings.Repeat("x", n)), stringSize(strings.Repeat("x", n)))
	}
}
