package wire

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// value writes or reads a value, which may be missing. It is the last field of a message.
func (c *binaryCoder) value(v **node.Value) {
	switch {
	case !c.present(*v != nil):
	case c.reading:
		*v = c.readValue()
	default:
		c.out = appendValue(c.out, *v)
	}
}

// stateReach is how many states an entry can refer back to.
const stateReach = 8

// stateHistory has the last states of a machine. An entry of a dedup window refers to
// them by a number: 1 is the state before the entry, 2 the one before that. Machines go
// through few states again and again.
type stateHistory struct {
	last [stateReach]string
	n    uint
}

func (h *stateHistory) add(state string) {
	h.last[h.n%stateReach] = state
	h.n++
}

// at returns a state; any string if it is further back than there are states.
func (h *stateHistory) at(back uint) string { return h.last[(h.n-back)%stateReach] }

// find returns the least number of a state; 0 if it has none.
func (h *stateHistory) find(state string) uint {
	for back := uint(1); back <= min(h.n, stateReach); back++ {
		if h.at(back) == state {
			return back
		}
	}
	return 0
}

// After its id, an entry has a byte with its kind in the low bits. The others refer to
// the state of a transition, or to the one that a tombstone's operation requested; if
// they are 0, that state follows.
const (
	entryKindBits = 2
	entryKindMask = 1<<entryKindBits - 1
)

func appendValue(b []byte, v *node.Value) []byte {
	b = appendNumber(b, v.Version)
	b = appendNumber(b, v.Serial-v.Version)
	sizeAt := len(b)
	b = appendNumber(b, uint64(len(v.Window))<<1)
	b = appendText(b, v.StateBefore)
	var states stateHistory
	states.add(v.StateBefore)
	b = appendEntries(b, v.Window, &states)
	if v.State != states.at(1) {
		b[sizeAt] |= 1
		b = appendText(b, v.State)
	}
	return b
}

func appendEntries(b []byte, entries []node.Entry, states *stateHistory) []byte {
	for i := range entries {
		e := &entries[i]
		b = appendText(b, string(e.ID))
		switch e.Kind {
		case node.EntryTransition:
			b = appendState(b, e.Kind, e.To, states)
			states.add(e.To)
		case node.EntryTombstone:
			b = appendState(b, e.Kind, e.Requested, states)
		default:
			b = append(b, byte(e.Kind))
		}
	}
	return b
}

// extension writes or reads an extension. It is the last field of a message. Its entries
// refer to states of their own alone.
func (c *binaryCoder) extension(x *node.Extension) {
	c.ballot("base", &x.Base)
	varint(c, "dropped", &x.Dropped)
	if c.reading {
		x.Entries = c.readExtensionEntries()
		return
	}
	var states stateHistory
	c.out = appendNumber(c.out, uint64(len(x.Entries)))
	c.out = appendEntries(c.out, x.Entries, &states)
}

func (c *binaryCoder) readExtensionEntries() []node.Entry {
	n := c.readNumber("entries")
	text := valueText{string(c.in[c.at:]), c.at}
	entries := c.makeEntries("entries", n)
	var states stateHistory
	for i := range entries {
		if c.readEntry(text, &entries[i], &states); c.err != nil {
			c.err = fmt.Errorf("entries[%d].%w", i, c.err)
			return nil
		}
	}
	return entries
}

// makeEntries makes room for n entries, if there can be so many.
func (c *binaryCoder) makeEntries(what string, n uint64) []node.Entry {
	switch {
	case n > node.MaxDedupWindow:
		c.fail(fmt.Errorf("%s: %d entries, at most %d", what, n, node.MaxDedupWindow))
	case n > uint64(len(c.in)-c.at):
		c.failCutOff(what)
	case n > 0:
		return make([]node.Entry, n)
	}
	return nil
}

func appendState(b []byte, k node.EntryKind, state string, states *stateHistory) []byte {
	if back := states.find(state); back > 0 {
		return append(b, byte(k)|byte(back<<entryKindBits))
	}
	return appendText(append(b, byte(k)), state)
}

// readValue reads a value. Its texts are parts of one string, without anything else of
// the message: ids and states leave a machine's memory together, or nearly so.
func (c *binaryCoder) readValue() *node.Value {
	text := valueText{string(c.in[c.at:]), c.at}
	v := &node.Value{Version: c.readNumber("value.version")}
	v.Serial = v.Version + c.readNumber("value.serial")
	size := c.readNumber("value.recent")
	v.Window = c.makeEntries("value.recent", size>>1)
	v.StateBefore = c.part(text, "value.before")
	var states stateHistory
	states.add(v.StateBefore)
	for i := range v.Window {
		if c.readEntry(text, &v.Window[i], &states); c.err != nil {
			c.err = fmt.Errorf("value.recent[%d].%w", i, c.err)
			return nil
		}
	}
	v.State = states.at(1)
	if size&1 == 1 {
		if v.State = c.part(text, "value.state"); v.State == states.at(1) {
			c.fail(errors.New("value.state: not its only form: that of the last entry, and not left out"))
		}
	}
	return v
}

func (c *binaryCoder) readEntry(text valueText, e *node.Entry, states *stateHistory) {
	e.ID = node.OpID(c.part(text, "id"))
	kind := c.readByte("kind")
	e.Kind, e.To = node.EntryKind(kind&entryKindMask), states.at(1)
	back := uint(kind >> entryKindBits)
	switch e.Kind {
	case node.EntryTransition:
		e.To = c.readState(text, back, states)
		states.add(e.To)
	case node.EntryTombstone:
		e.Requested = c.readState(text, back, states)
	default:
		if back != 0 {
			c.fail(fmt.Errorf("to: %v has none", e.Kind))
		}
	}
}

// readState reads a state: what appendState appends after the kind.
func (c *binaryCoder) readState(text valueText, back uint, states *stateHistory) (state string) {
	if back == 0 {
		state = c.part(text, "to")
	} else {
		state = states.at(back)
	}
	if want := states.find(state); want != back { // also if it is further back than there are states
		c.fail(fmt.Errorf("to: not its only form: reference %d for %.32q, want %d", back, state, want))
	}
	return state
}

// valueText is a value's part of a message: its texts, with the bytes between them.
type valueText struct {
	text  string
	begin int // its place in the message
}

// part reads a text as a part of the value's.
func (c *binaryCoder) part(of valueText, what string) string {
	n := len(c.read(what, c.readNumber(what)))
	end := c.at - of.begin
	return of.text[end-n : end]
}
