package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// EntryKind says what became of the operation that an Entry records.
type EntryKind uint8

// The kinds of entries. The others than Made are void: the operation was turned
// away, and its entry keeps every attempt of it from ever taking effect (rule 7).
const (
	Made         EntryKind = iota // the transition to Entry.To
	VoidIllegal                   // nothing: it was illegal; in older logs, which do not keep what was asked
	VoidMismatch                  // nothing: the machine was not at the version expected; likewise
	Void                          // nothing: Entry.Asked was illegal

	lastEntryKind = Void
)

func (k EntryKind) String() string {
	return [...]string{"made", "void-illegal", "void-mismatch", "void"}[k]
}

// Known reports whether there is such a kind.
func (k EntryKind) Known() bool { return k <= lastEntryKind }

// Entry is one thing that was done to a machine.
type Entry struct {
	ID    OpID
	To    string // the state after it
	Asked string // Void: the state that was asked for
	Kind  EntryKind
}

// Value is what a register holds. It is immutable.
type Value struct {
	Version uint64  // transitions made, without gaps
	Serial  uint64  // entries made: transitions and voids
	State   string  // after the last entry
	Before  string  // before the first of Recent
	Recent  []Entry // the last ones, oldest first; the last is number Serial
}

// MaxRing bounds Config.Ring, and so what an acceptor takes for a value.
const MaxRing = 256

// maxSerial bounds what a node believes, as maxRound does.
const maxSerial = 1 << 62

// initial is the value of a machine that nothing has touched.
func initial(d *fsm.Definition) *Value { return &Value{State: d.Initial, Before: d.Initial} }

// forgot is the last entry that is no longer among the recent ones, by number.
func (v *Value) forgot() uint64 { return v.Serial - uint64(len(v.Recent)) }

// find looks for an operation among the recent entries, and gives the version
// and the number of entries right after it.
func (v *Value) find(id OpID) (e Entry, version, serial uint64, found bool) {
	version = v.Version
	for i := len(v.Recent) - 1; i >= 0; i-- {
		e := &v.Recent[i]
		if e.ID.is(id) {
			return *e, version, v.forgot() + uint64(i) + 1, true
		}
		if e.Kind == Made {
			version--
		}
	}
	return Entry{}, 0, 0, false
}

// tells reports whether v knows which operation made a version: its entry is among
// the recent ones.
func (v *Value) tells(version uint64) bool {
	made := uint64(len(v.Recent) - v.voids())
	return version <= v.Version && version > v.Version-made
}

// voids counts the recent entries that are void.
func (v *Value) voids() (n int) {
	for i := range v.Recent {
		if v.Recent[i].Kind != Made {
			n++
		}
	}
	return n
}

// with is v with one more entry, and at most ring of them. Values share the
// array behind Recent: the new entry goes behind v's last if no other has gone
// there before, so that a push does not copy what was there. Where more is
// dropped than added, nothing is shared: a machine that is retired would keep it all.
func (v *Value) with(e Entry, ring int) *Value {
	w := &Value{Version: v.Version, Serial: v.Serial + 1, State: e.To, Before: v.Before, Recent: v.Recent}
	if e.Kind == Made {
		w.Version++
	}
	if drop := len(w.Recent) + 1 - ring; drop > 0 {
		w.Before = w.Recent[drop-1].To
		w.Recent = w.Recent[drop:]
	}
	n := len(w.Recent)
	if n == cap(w.Recent) || n < len(v.Recent)-1 || w.Recent[:n+1][n].ID != "" {
		grown := make([]Entry, n, n+1+min(n, ring/2))
		copy(grown, w.Recent)
		w.Recent = grown
	}
	w.Recent = w.Recent[:n+1]
	w.Recent[n] = e
	return w
}

// Equal reports whether two values are the same.
func (v *Value) Equal(w *Value) bool {
	if v == w {
		return true
	}
	if v == nil || w == nil || v.Version != w.Version || v.Serial != w.Serial || v.State != w.State ||
		v.Before != w.Before || len(v.Recent) != len(w.Recent) {
		return false
	}
	for i := range v.Recent {
		if v.Recent[i] != w.Recent[i] {
			return false
		}
	}
	return true
}

// check reports what is wrong with v as a value of a machine defined by d. It
// judges only what v itself shows.
func (v *Value) check(d *fsm.Definition) error {
	n := len(v.Recent)
	switch {
	case n > MaxRing || uint64(n) > v.Serial || n == 0 && v.Serial > 0 || v.Serial > maxSerial:
		return fmt.Errorf("%d recent entries of %d", n, v.Serial)
	case v.forgot() == 0 && v.Before != d.Initial, !d.Has(v.Before):
		return fmt.Errorf("first entry begins in %.32q", v.Before)
	}
	state, made := v.Before, uint64(0)
	for i := range v.Recent {
		e := &v.Recent[i]
		if err := e.check(d, state); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if e.Kind == Made {
			made++
		}
		state = e.To
	}
	switch {
	case state != v.State:
		return fmt.Errorf("last entry leads to %.32q, state is %.32q", state, v.State)
	case v.Version < made || v.Version-made > v.forgot() || v.forgot() == 0 && v.Version != made:
		return fmt.Errorf("version %d after %d entries, with %d transitions among the last %d", v.Version, v.Serial, made, n)
	}
	return nil
}

// shares says how v goes on from w, if it does and has w's own entries: it has
// dropped so many of them and kept so many. If none are kept it may be anything.
func (v *Value) shares(w *Value) (dropped, kept int) {
	if w == nil || v.Serial <= w.Serial || v.Serial-w.Serial >= uint64(len(v.Recent)) {
		return 0, 0
	}
	kept = len(v.Recent) - int(v.Serial-w.Serial)
	dropped = len(w.Recent) - kept
	if dropped < 0 || &v.Recent[0] != &w.Recent[dropped] {
		return 0, 0
	}
	return dropped, kept
}

// follows reports whether v is known to be in order because it goes on from a value
// that is: it shares its entries, up to those that it adds, which are legal. That
// is less to look at than check has, of most values that come from this process.
func (v *Value) follows(w *Value, d *fsm.Definition) bool {
	dropped, kept := v.shares(w)
	if kept == 0 || v.Serial > maxSerial || len(v.Recent) > MaxRing {
		return false
	}
	state, version := w.State, w.Version
	for i := kept; i < len(v.Recent); i++ {
		e := &v.Recent[i]
		if e.check(d, state) != nil {
			return false
		}
		if e.Kind == Made {
			version++
		}
		state = e.To
	}
	before := w.Before
	if dropped > 0 {
		before = w.Recent[dropped-1].To
	}
	return v.State == state && v.Version == version && v.Before == before
}

// check reports what is wrong with e as an entry that follows a state.
func (e *Entry) check(d *fsm.Definition, before string) error {
	switch {
	case e.ID == "" || len(e.ID) > MaxOpID:
		return fmt.Errorf("id of %d bytes", len(e.ID))
	case !e.Kind.Known():
		return fmt.Errorf("%s is of kind %d", e.ID, e.Kind)
	case (e.Kind == Void) != (e.Asked != "") || len(e.Asked) > fsm.MaxName:
		return fmt.Errorf("%s: %v, and %.32q was asked for", e.ID, e.Kind, e.Asked)
	case e.Kind == Void && d.Legal(before, e.Asked):
		return fmt.Errorf("%s: %v, though %.32q→%.32q is legal", e.ID, e.Kind, before, e.Asked)
	case e.Kind != Made && e.To != before:
		return fmt.Errorf("%s: %v, but leads from %.32q to %.32q", e.ID, e.Kind, before, e.To)
	case e.Kind == Made && !d.Legal(before, e.To):
		return fmt.Errorf("%s: %.32q→%.32q is illegal", e.ID, before, e.To)
	}
	return nil
}

func (v *Value) String() string {
	if v == nil {
		return "nothing"
	}
	if v.Serial != v.Version {
		return fmt.Sprintf("%s v%d+%d", v.State, v.Version, v.Serial-v.Version)
	}
	return fmt.Sprintf("%s v%d", v.State, v.Version)
}
