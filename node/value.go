package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// EntryKind is the effect of the operation that an Entry records.
type EntryKind uint8

// The kinds of entries. All but EntryTransition are abort tombstones: the operation
// was rejected, and its entry keeps every attempt of it from ever taking effect
// (rule 7).
const (
	EntryTransition        EntryKind = iota // the transition to Entry.To
	EntryTombstoneIllegal                   // it was illegal; in older logs, without the requested state
	EntryTombstoneMismatch                  // the machine was not at the expected version; likewise
	EntryTombstone                          // Entry.Requested was illegal

	lastEntryKind = EntryTombstone
)

func (k EntryKind) String() string {
	return [...]string{"transition", "tombstone-illegal", "tombstone-mismatch", "tombstone"}[k]
}

// Known reports whether k is one of the kinds.
func (k EntryKind) Known() bool { return k <= lastEntryKind }

// Entry is one operation in the dedup window of a value.
type Entry struct {
	ID        OpID
	To        string // state after it
	Requested string // EntryTombstone: the requested state
	Kind      EntryKind
}

// Value is the state of a machine as chosen, with its dedup window. It is immutable.
type Value struct {
	Version     uint64  // transitions made, without gaps
	Serial      uint64  // entries made: transitions and tombstones
	State       string  // after the last entry
	StateBefore string  // before the first entry of Window
	Window      []Entry // dedup window: the last entries, oldest first; the last has the number Serial
}

// MaxDedupWindow is the maximum of Config.DedupWindow, in entries. Acceptors reject
// values with more.
const MaxDedupWindow = 256

// maxSerial is the highest serial that a node accepts. As with maxRound, counting
// never reaches it.
const maxSerial = 1 << 62

// initial is the value of a machine without entries, in a cluster whose serials are
// counted from first.
func initial(d *fsm.Definition, first uint64) *Value {
	return &Value{Serial: first, State: d.Initial, StateBefore: d.Initial}
}

// lastEvicted is the serial of the last entry that has left the window; the cluster's
// first serial: none has.
func (v *Value) lastEvicted() uint64 { return v.Serial - uint64(len(v.Window)) }

// find looks for an operation in the window, among the entries above its watermark. It
// returns its entry, with the version and the serial right after it.
func (v *Value) find(id OpID, watermark uint64) (e Entry, version, serial uint64, found bool) {
	version = v.Version
	unseen := int(min(v.Serial-min(v.Serial, watermark), uint64(len(v.Window))))
	for i := len(v.Window) - 1; i >= len(v.Window)-unseen; i-- {
		e := &v.Window[i]
		if e.ID.Equal(id) {
			return *e, version, v.lastEvicted() + uint64(i) + 1, true
		}
		if e.Kind == EntryTransition {
			version--
		}
	}
	return Entry{}, 0, 0, false
}

// windowHasVersion reports whether the entry of the transition to a version is in the
// window.
func (v *Value) windowHasVersion(version uint64) bool {
	made := uint64(len(v.Window) - v.tombstones())
	return version <= v.Version && version > v.Version-made
}

// tombstones counts the abort tombstones in the window.
func (v *Value) tombstones() (n int) {
	for i := range v.Window {
		if v.Window[i].Kind != EntryTransition {
			n++
		}
	}
	return n
}

// withEntry returns v with one more entry, and a window of at most size entries. Values
// share the array behind Window: the new entry is stored after v's last if that place
// is free, or has it already, so that the others are not copied. If more entries are dropped than added,
// nothing is shared: a retired machine would keep the whole array alive.
func (v *Value) withEntry(e Entry, size int) *Value {
	w := &Value{Version: v.Version, Serial: v.Serial + 1, State: e.To, StateBefore: v.StateBefore, Window: v.Window}
	if e.Kind == EntryTransition {
		w.Version++
	}
	if drop := len(w.Window) + 1 - size; drop > 0 {
		w.StateBefore = w.Window[drop-1].To
		w.Window = w.Window[drop:]
	}
	n := len(w.Window)
	if n == cap(w.Window) || n < len(v.Window)-1 || w.Window[:n+1][n].ID != "" && w.Window[:n+1][n] != e {
		room := size / 2
		if n < room { // most machines stay small
			room = n / 2
		}
		grown := make([]Entry, n, n+1+room)
		copy(grown, w.Window)
		w.Window = grown
	}
	invariant.Check(n < size && n <= len(v.Window), "node: a dedup window keeps its size, and gains one entry")
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

// check returns an error if v is invalid as a value of a machine defined by d, in a
// cluster whose serials are counted from first. It judges by v alone.
func (v *Value) check(d *fsm.Definition, first uint64) error {
	n := len(v.Window)
	if v.Serial < first {
		return fmt.Errorf("serial %d, though serials are counted from %d", v.Serial, first)
	}
	made := v.Serial - first
	if n > MaxDedupWindow || uint64(n) > made || n == 0 && made > 0 || v.Serial > maxSerial {
		return fmt.Errorf("%d recent entries of %d", n, made)
	}
	evicted := made - uint64(n)
	switch {
	case evicted == 0 && v.StateBefore != d.Initial, !d.Has(v.StateBefore):
		return fmt.Errorf("first entry begins in %.32q", v.StateBefore)
	}
	state, transitions := v.StateBefore, uint64(0)
	for i := range v.Window {
		e := &v.Window[i]
		if err := e.check(d, state); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if e.Kind == EntryTransition {
			transitions++
		}
		state = e.To
	}
	switch {
	case state != v.State:
		return fmt.Errorf("last entry leads to %.32q, state is %.32q", state, v.State)
	case v.Version < transitions || v.Version-transitions > evicted || evicted == 0 && v.Version != transitions:
		return fmt.Errorf("version %d after %d entries, with %d transitions among the last %d", v.Version, made, transitions, n)
	}
	return nil
}

// sharedEntries returns how many entries of w's window v has dropped and kept, if v
// goes on from w and shares its array. If kept is 0 the values may be unrelated.
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

// extends reports whether v is valid because it goes on from w, a valid value: it
// shares w's entries, and those that it adds are legal. For most values of this
// process that is faster than check.
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

// check returns an error if e is invalid as an entry after the state before.
func (e *Entry) check(d *fsm.Definition, before string) error {
	switch {
	case e.ID == "" || len(e.ID) > MaxOpID:
		return fmt.Errorf("id of %d bytes", len(e.ID))
	case !e.Kind.Known():
		return fmt.Errorf("%s is of kind %d", e.ID, e.Kind)
	case (e.Kind == EntryTombstone) != (e.Requested != "") || len(e.Requested) > fsm.MaxName:
		return fmt.Errorf("%s: %v, and %.32q was requested", e.ID, e.Kind, e.Requested)
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
