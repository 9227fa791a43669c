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
	EntryTransition        EntryKind = iota // the transition to Entry.To
	EntryTombstoneIllegal                   // nothing: it was illegal; in older logs, which do not keep what was asked
	EntryTombstoneMismatch                  // nothing: the machine was not at the version expected; likewise
	EntryTombstone                          // nothing: Entry.Asked was illegal

	lastEntryKind = EntryTombstone
)

func (k EntryKind) String() string {
	return [...]string{"made", "void-illegal", "void-mismatch", "void"}[k]
}

// Known reports whether there is such a kind.
func (k EntryKind) Known() bool { return k <= lastEntryKind }

// Entry is one thing that was done to a machine.
type Entry struct {
	ID        OpID
	To        string // the state after it
	Requested string // Void: the state that was asked for
	Kind      EntryKind
}

// Value is what a register holds. It is immutable.
type Value struct {
	Version     uint64  // transitions made, without gaps
	Serial      uint64  // entries made: transitions and voids
	State       string  // after the last entry
	StateBefore string  // before the first of Recent
	Window      []Entry // the last ones, oldest first; the last is number Serial
}

// MaxDedupWindow bounds Config.Ring, and so what an acceptor takes for a value.
const MaxDedupWindow = 256

// maxSerial bounds what a node believes, as maxRound does.
const maxSerial = 1 << 62

// initial is the value of a machine that nothing has touched.
func initial(d *fsm.Definition) *Value { return &Value{State: d.Initial, StateBefore: d.Initial} }

// lastEvicted is the last entry that is no longer among the recent ones, by number.
func (v *Value) lastEvicted() uint64 { return v.Serial - uint64(len(v.Window)) }

// find looks for an operation among the recent entries, and gives the version
// and the number of entries right after it.
func (v *Value) find(id OpID) (e Entry, version, serial uint64, found bool) {
	version = v.Version
	for i := len(v.Window) - 1; i >= 0; i-- {
		e := &v.Window[i]
		if e.ID.equal(id) {
			return *e, version, v.lastEvicted() + uint64(i) + 1, true
		}
		if e.Kind == EntryTransition {
			version--
		}
	}
	return Entry{}, 0, 0, false
}

// windowHasVersion reports whether v knows which operation made a version: its entry is among
// the recent ones.
func (v *Value) windowHasVersion(version uint64) bool {
	made := uint64(len(v.Window) - v.tombstones())
	return version <= v.Version && version > v.Version-made
}

// tombstones counts the recent entries that are void.
func (v *Value) tombstones() (n int) {
	for i := range v.Window {
		if v.Window[i].Kind != EntryTransition {
			n++
		}
	}
	return n
}

// withEntry is v with one more entry, and at most ring of them. Values share the
// array behind Recent: the new entry goes behind v's last if no other has gone
// there before, so that a push does not copy what was there. Where more is
// dropped than added, nothing is shared: a machine that is retired would keep it all.
func (v *Value) withEntry(e Entry, ring int) *Value {
	w := &Value{Version: v.Version, Serial: v.Serial + 1, State: e.To, StateBefore: v.StateBefore, Window: v.Window}
	if e.Kind == EntryTransition {
		w.Version++
	}
	if drop := len(w.Window) + 1 - ring; drop > 0 {
		w.StateBefore = w.Window[drop-1].To
		w.Window = w.Window[drop:]
	}
	n := len(w.Window)
	if n == cap(w.Window) || n < len(v.Window)-1 || w.Window[:n+1][n].ID != "" {
		grown := make([]Entry, n, n+1+min(n, ring/2))
		copy(grown, w.Window)
		w.Window = grown
	}
	w.Window = w.Window[:n+1]
	w.Window[n] = e
	return w
}

// Equal reports whether two values are the same.
func (v *Value) Equal(w *Value) bool {
	if v == w {
		return true
	}
	if v == nil || w == nil || v.Version != w.Version || v.Serial != w.Serial || v.State != w.State ||
		v.StateBefore != w.StateBefore || len(v.Window) != len(w.Window) {
		return false
	}
	for i := range v.Window {
		if v.Window[i] != w.Window[i] {
			return false
		}
	}
	return true
}

// check reports what is wrong with v as a value of a machine defined by d. It
// judges only what v itself shows.
func (v *Value) check(d *fsm.Definition) error {
	n := len(v.Window)
	switch {
	case n > MaxDedupWindow || uint64(n) > v.Serial || n == 0 && v.Serial > 0 || v.Serial > maxSerial:
		return fmt.Errorf("%d recent entries of %d", n, v.Serial)
	case v.lastEvicted() == 0 && v.StateBefore != d.Initial, !d.Has(v.StateBefore):
		return fmt.Errorf("first entry begins in %.32q", v.StateBefore)
	}
	state, made := v.StateBefore, uint64(0)
	for i := range v.Window {
		e := &v.Window[i]
		if err := e.check(d, state); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if e.Kind == EntryTransition {
			made++
		}
		state = e.To
	}
	switch {
	case state != v.State:
		return fmt.Errorf("last entry leads to %.32q, state is %.32q", state, v.State)
	case v.Version < made || v.Version-made > v.lastEvicted() || v.lastEvicted() == 0 && v.Version != made:
		return fmt.Errorf("version %d after %d entries, with %d transitions among the last %d", v.Version, v.Serial, made, n)
	}
	return nil
}

// sharedEntries says how v goes on from w, if it does and has w's own entries: it has
// dropped so many of them and kept so many. If none are kept it may be anything.
func (v *Value) sharedEntries(w *Value) (dropped, kept int) {
	if w == nil || v.Serial <= w.Serial || v.Serial-w.Serial >= uint64(len(v.Window)) {
		return 0, 0
	}
	kept = len(v.Window) - int(v.Serial-w.Serial)
	dropped = len(w.Window) - kept
	if dropped < 0 || &v.Window[0] != &w.Window[dropped] {
		return 0, 0
	}
	return dropped, kept
}

// extends reports whether v is known to be in order because it goes on from a value
// that is: it shares its entries, up to those that it adds, which are legal. That
// is less to look at than check has, of most values that come from this process.
func (v *Value) extends(w *Value, d *fsm.Definition) bool {
	dropped, kept := v.sharedEntries(w)
	if kept == 0 || v.Serial > maxSerial || len(v.Window) > MaxDedupWindow {
		return false
	}
	state, version := w.State, w.Version
	for i := kept; i < len(v.Window); i++ {
		e := &v.Window[i]
		if e.check(d, state) != nil {
			return false
		}
		if e.Kind == EntryTransition {
			version++
		}
		state = e.To
	}
	before := w.StateBefore
	if dropped > 0 {
		before = w.Window[dropped-1].To
	}
	return v.State == state && v.Version == version && v.StateBefore == before
}

// check reports what is wrong with e as an entry that follows a state.
func (e *Entry) check(d *fsm.Definition, before string) error {
	switch {
	case e.ID == "" || len(e.ID) > MaxOpID:
		return fmt.Errorf("id of %d bytes", len(e.ID))
	case !e.Kind.Known():
		return fmt.Errorf("%s is of kind %d", e.ID, e.Kind)
	case (e.Kind == EntryTombstone) != (e.Requested != "") || len(e.Requested) > fsm.MaxName:
		return fmt.Errorf("%s: %v, and %.32q was asked for", e.ID, e.Kind, e.Requested)
	case e.Kind == EntryTombstone && d.Legal(before, e.Requested):
		return fmt.Errorf("%s: %v, though %.32q→%.32q is legal", e.ID, e.Kind, before, e.Requested)
	case e.Kind != EntryTransition && e.To != before:
		return fmt.Errorf("%s: %v, but leads from %.32q to %.32q", e.ID, e.Kind, before, e.To)
	case e.Kind == EntryTransition && !d.Legal(before, e.To):
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
