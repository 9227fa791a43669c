package node

import (
	"encoding/binary"
	"errors"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A value of a machine at work differs from the one before in an entry or two, and its
// dedup window is nearly all of its record. So an incremental log (see wal.Form) has, of a
// value that goes on from the machine's accepted one, an extension: the key, the promised
// and the accepted ballot, version and serial, the ballot at which the base was accepted,
// how many entries the window has dropped, and the entries that it has gained. The number
// of these has windowIsExtended added to it, so that no extension can be taken for a full
// record. As one ballot has one value, the base's ballot shows whether it is the value that
// was read.
//
// The log holds the last full record of each machine and all records after it (see
// liveRecords). Definitions and notes have full records alone.

// windowIsExtended is added to the number of entries in an extension: more than a full record
// ever had.
const windowIsExtended = 257

// goesOnFrom returns how many entries of base's window v has dropped, and how many it has
// gained, if v is base, or made of it, and has still one of its entries; else ok is false.
func (v *Value) goesOnFrom(base *Value) (dropped, gained int, ok bool) {
	if base == nil || v.Serial < base.Serial || v.Serial-base.Serial >= uint64(len(v.Window)) {
		return 0, 0, false
	}
	gained = int(v.Serial - base.Serial)
	kept := len(v.Window) - gained
	if dropped = len(base.Window) - kept; dropped < 0 || dropped > 0 && gained == 0 { // only an entry pushes others out
		return 0, 0, false
	}
	if &v.Window[0] != &base.Window[dropped] { // else they share an array, whose entries do not change
		for i := range kept {
			if v.Window[i] != base.Window[dropped+i] {
				return 0, 0, false
			}
		}
	}
	before, version := base.StateBefore, base.Version
	if dropped > 0 {
		before = base.Window[dropped-1].To
	}
	for i := kept; i < len(v.Window); i++ {
		if v.Window[i].Kind == EntryTransition {
			version++
		}
	}
	return dropped, gained, v.StateBefore == before && v.Version == version
}

// growth is how many bytes more appendValue appends of v than of base, if the window has dropped
// and gained so many entries.
func (v *Value) growth(base *Value, dropped, gained int) int {
	n := v.headSize() - base.headSize()
	for i := range dropped {
		n -= base.Window[i].size()
	}
	for i := len(v.Window) - gained; i < len(v.Window); i++ {
		n += v.Window[i].size()
	}
	return n
}

// headSize is the number of bytes that appendValue appends before the entries.
func (v *Value) headSize() int {
	return uvarintSize(v.Version) + uvarintSize(v.Serial-v.Version) + uvarintSize(uint64(len(v.Window))) + stringSize(v.StateBefore)
}

// ballotsSize is the number of bytes of the ballots in a record of m.
func (m *machine) ballotsSize() int { return ballotSize(m.promised) + ballotSize(m.accepted) }

// appendExtension appends to b an extension of m's value before, which was accepted at a ballot,
// where the window has dropped and gained so many entries.
func appendExtension(b []byte, m *machine, base Ballot, dropped, gained int) []byte {
	b = appendBallot(appendBallot(appendString(b, m.key), m.promised), m.accepted)
	v := m.value
	b = binary.AppendUvarint(b, v.Version)
	b = binary.AppendUvarint(b, v.Serial-v.Version)
	b = binary.AppendUvarint(b, uint64(gained)+windowIsExtended)
	b = appendBallot(b, base)
	b = binary.AppendUvarint(b, uint64(dropped))
	for i := len(v.Window) - gained; i < len(v.Window); i++ {
		b = v.Window[i].append(b)
	}
	return b
}

// isExtension reports whether the value that comes next is one that goes on from another.
func (r *recordReader) isExtension() bool {
	after := *r
	after.number()
	after.number()
	return after.number() >= windowIsExtended && !after.bad
}

// extensionHead is all of an extension of a value but the entries that the window has gained.
type extensionHead struct {
	version, serial uint64
	base            Ballot
	gained, dropped uint64
}

// extensionHead reads the head of an extension.
func (r *recordReader) extensionHead() (h extensionHead) {
	h.version = r.number()
	h.serial = h.version + r.number()
	h.gained = r.number() - windowIsExtended
	h.base = r.ballot()
	h.dropped = r.number()
	r.bad = r.bad || h.gained > MaxDedupWindow || h.gained == 0 && h.dropped > 0
	return h
}

// size returns the number of entries of a window of n that is extended; ok is false if it cannot be.
func (h *extensionHead) size(n uint64) (size uint64, ok bool) {
	size = n - h.dropped + h.gained
	return size, h.dropped <= n && size <= MaxDedupWindow
}

// extend returns base extended by the rest of r. If it cannot go on from base, r is bad.
func (h *extensionHead) extend(base *Value, r *recordReader) *Value {
	size, ok := h.size(uint64(len(base.Window)))
	r.bad = r.bad || !ok
	v := base
	for n := h.gained; n > 0 && !r.bad; n-- {
		if e := r.entry(nil, v.State); !r.bad {
			v = v.withEntry(e, int(size))
		}
	}
	r.bad = r.bad || len(r.rest) > 0 || v.Version != h.version || v.Serial != h.serial
	return v
}

// extendText is extend of a value as in a full record. It appends the result to b.
func (h *extensionHead) extendText(b []byte, base string, r *recordReader) []byte {
	old := recordReader{rest: base}
	version := old.number()
	serial := version + old.number()
	n, before := old.number(), old.string()
	size, ok := h.size(n)
	if r.bad = r.bad || !ok; r.bad {
		return b
	}
	for range h.dropped {
		if to, ok := old.skipEntry(); ok {
			before = to
		}
	}
	entries := r.rest
	for range h.gained {
		if _, ok := r.skipEntry(); ok {
			version++
		}
	}
	r.bad = r.bad || old.bad || len(r.rest) > 0 || h.version != version || h.serial != serial+h.gained
	b = binary.AppendUvarint(b, h.version)
	b = binary.AppendUvarint(b, h.serial-h.version)
	b = binary.AppendUvarint(b, size)
	b = appendString(b, before)
	return append(append(b, old.rest...), entries...)
}

// logged is what the log has of a machine before a record: the accepted value, its ballot, and the
// bytes of the ballots.
type logged struct {
	value   *Value
	at      Ballot
	ballots int
}

func (m *machine) logged() logged { return logged{m.value, m.accepted, m.ballotsSize()} }

// appendAccepted appends a record of m, which has accepted a value, and returns the position of its
// end.
func (n *Node) appendAccepted(m *machine, before logged) wal.LSN {
	dropped, gained, ok := m.value.goesOnFrom(before.value)
	if !ok || !n.log.Incremental() || !m.folds() {
		return n.appendToLog(m, true)
	}
	n.mark(MarkExtensionLogged)
	n.scratch = appendExtension(n.scratch[:0], m, before.at, dropped, gained)
	n.liveRecords.grow(m, m.value.growth(before.value, dropped, gained)+m.ballotsSize()-before.ballots)
	return n.log.Append(n.scratch)
}

// errBaseLost is wrapped by the error about an extension of another value than was read.
var errBaseLost = errors.New("the record that it goes on from is lost")

// replayExtension applies the rest of an extension to m. Without a full record before it, there
// is one after it: m was copied forward, and the log trimmed behind it. The ballots had so many bytes
// before.
func (n *Node) replayExtension(m *machine, ballots int, accepted Ballot, r *recordReader) error {
	before := m.accepted
	m.accepted = accepted
	h := r.extensionHead()
	switch {
	case !m.folds():
		return errRecord("machine %q: an extension, and it has full records alone", m.key)
	case m.recordEnd == 0:
		return nil
	case h.base != before || !m.hasLoggedValue():
		n.folder.foldNothing(m)
		return errRecord("machine %q: %w", m.key, errBaseLost)
	}
	growth := n.folder.extend(m, &h, r)
	if r.bad {
		n.folder.foldNothing(m)
		return errRecord("machine %q: an extension that does not go on from the record before, or ends too early or too late", m.key)
	}
	n.liveRecords.grow(m, growth+m.ballotsSize()-ballots)
	n.mark(MarkExtensionRead)
	n.folder.foldSpare()
	return nil
}
