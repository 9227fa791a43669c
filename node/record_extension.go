package node

import (
	"encoding/binary"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A value of a machine at work differs from the one before in an entry or two, and its
// dedup window is nearly all of its record. So an incremental log (see wal.Form) has, of a
// value that goes on from the machine's accepted one, an extension: the key, the promised
// and the accepted ballot, version and serial, how many entries the window has dropped, and
// the entries that it has gained. The number of these has windowIsExtended added to it,
// so that no extension can be taken for a full record.
//
// The log holds the last full record of each machine and all records after it (see
// liveRecords). Definitions and notes have full records alone.

// windowIsExtended is added to the number of entries in an extension.
const windowIsExtended = MaxDedupWindow + 1

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

// fullSize is the number of bytes of a full record of m, with a value of so many.
func (m *machine) fullSize(value int) int {
	return stringSize(m.key) + ballotSize(m.promised) + ballotSize(m.accepted) + value
}

// size is the number of bytes that appendValue appends.
func (v *Value) size() int {
	n := uvarintSize(v.Version) + uvarintSize(v.Serial-v.Version) + uvarintSize(uint64(len(v.Window))) + stringSize(v.StateBefore)
	for i := range v.Window {
		n += v.Window[i].size()
	}
	return n
}

// appendExtension appends to b an extension of m, where the window has dropped and gained
// so many entries.
func appendExtension(b []byte, m *machine, dropped, gained int) []byte {
	b = appendBallot(appendBallot(appendString(b, m.key), m.promised), m.accepted)
	v := m.value
	b = binary.AppendUvarint(b, v.Version)
	b = binary.AppendUvarint(b, v.Serial-v.Version)
	b = binary.AppendUvarint(b, uint64(gained)+windowIsExtended)
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

// extend appends to b a value as in a full record, base extended by the rest of r. If it cannot go
// on from base, r is bad.
func (r *recordReader) extend(b []byte, base string) []byte {
	old := recordReader{rest: base}
	version := old.number()
	serial := version + old.number()
	n, before := old.number(), old.string()
	newVersion := r.number()
	newSerial := newVersion + r.number()
	gained, dropped := r.number()-windowIsExtended, r.number()
	if size := n - dropped + gained; dropped > n || gained > MaxDedupWindow || size > MaxDedupWindow || gained == 0 && dropped > 0 {
		r.bad = true
		return b
	}
	for range dropped {
		if to, ok := old.skipEntry(); ok {
			before = to
		}
	}
	entries := r.rest
	for range gained {
		if _, ok := r.skipEntry(); ok {
			version++
		}
	}
	r.bad = r.bad || old.bad || len(r.rest) > 0 || newVersion != version || newSerial != serial+gained
	b = binary.AppendUvarint(b, newVersion)
	b = binary.AppendUvarint(b, newSerial-newVersion)
	b = binary.AppendUvarint(b, n-dropped+gained)
	b = appendString(b, before)
	return append(append(b, old.rest...), entries...)
}

// appendAccepted appends a record of m, which has accepted its value after base, and
// returns the position of its end.
func (n *Node) appendAccepted(m *machine, base *Value) wal.LSN {
	dropped, gained, ok := m.value.goesOnFrom(base)
	if !ok || !n.log.Incremental() || !m.folds() {
		return n.appendToLog(m, true)
	}
	n.mark(MarkExtensionLogged)
	n.scratch = appendExtension(n.scratch[:0], m, dropped, gained)
	n.liveRecords.resize(m, m.fullSize(m.value.size()))
	return n.log.Append(n.scratch)
}

// replayExtension applies the rest of an extension to m, which stays folded. Without a full record
// before it, there is one after it: m was copied forward, and the log trimmed behind it.
func (n *Node) replayExtension(m *machine, accepted Ballot, r *recordReader) error {
	switch {
	case !m.folds():
		return errRecord("machine %q: an extension, and it has full records alone", m.key)
	case m.recordEnd == 0:
		return nil
	}
	if !n.folder.foldExtension(m, r) {
		return errRecord("machine %q: an extension that does not go on from the record before, or ends too early or too late", m.key)
	}
	m.accepted = accepted
	n.liveRecords.resize(m, m.fullSize(len(m.folded)-recordHead))
	n.mark(MarkExtensionRead)
	return nil
}
