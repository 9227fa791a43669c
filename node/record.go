package node

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrRecord is wrapped by errors about a log record that this build cannot read.
var ErrRecord = errors.New("unreadable log entry")

func errRecord(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRecord, fmt.Errorf(format, args...))
}

// A log record is the state of an acceptor for one machine: the key, the promised
// ballot and, unless only the promise has changed, the accepted ballot and the value
// if there is one. Numbers are varints; strings have a length prefix. The entries of
// the dedup window form a chain: only a transition has the state that it leads to. An
// abort tombstone has the requested state, except in older logs, which lack it.

// append appends the encoding of e to b.
func (e *Entry) append(b []byte) []byte {
	b = append(appendString(b, string(e.ID)), byte(e.Kind)) // a varint too
	switch e.Kind {
	case EntryTransition:
		b = appendString(b, e.To)
	case EntryTombstone:
		b = appendString(b, e.Requested)
	}
	return b
}

// size is the number of bytes that append appends.
func (e *Entry) size() int {
	n := stringSize(string(e.ID)) + 1
	switch e.Kind {
	case EntryTransition:
		n += stringSize(e.To)
	case EntryTombstone:
		n += stringSize(e.Requested)
	}
	return n
}

// appendRecord appends a full record of m, or one of the promise alone.
func appendRecord(b []byte, m *machine, full bool) []byte {
	b = appendString(b, m.key)
	b = appendBallot(b, m.promised)
	if !full {
		return b
	}
	b = appendBallot(b, m.accepted)
	switch {
	case m.open == nil:
		return append(b, m.foldedValue()...)
	case m.value == nil:
		return b
	}
	return appendValue(b, m.value)
}

func appendValue(b []byte, v *Value) []byte {
	b = binary.AppendUvarint(b, v.Version)
	b = binary.AppendUvarint(b, v.Serial-v.Version)
	b = binary.AppendUvarint(b, uint64(len(v.Window)))
	b = appendString(b, v.StateBefore)
	for i := range v.Window {
		b = v.Window[i].append(b)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	if len(s) < 1<<7 { // nearly always
		return append(append(b, byte(len(s))), s...)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// stringSize is the number of bytes that appendString appends.
func stringSize(s string) int {
	n := len(s) + 1
	for l := len(s) >> 7; l > 0; l >>= 7 {
		n++
	}
	return n
}

// uvarintSize is the number of bytes of x as a varint.
func uvarintSize(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// ballotSize is the number of bytes that appendBallot appends.
func ballotSize(x Ballot) int {
	return uvarintSize(uint64(x.Epoch)) + uvarintSize(x.Round) + uvarintSize(uint64(x.Node)) + uvarintSize(x.Boot)
}

func appendBallot(b []byte, x Ballot) []byte {
	b = binary.AppendUvarint(b, uint64(x.Epoch))
	b = binary.AppendUvarint(b, x.Round)
	b = binary.AppendUvarint(b, uint64(x.Node))
	return binary.AppendUvarint(b, x.Boot)
}

// recordReader decodes a log record. After the first error it reads zeros. The strings
// it returns are parts of one string: a value has dozens, of the same lifetime.
type recordReader struct {
	rest string // not read yet
	bad  bool
}

func newRecordReader(entry []byte) recordReader { return recordReader{rest: string(entry)} }

// number is binary.Uvarint of a string.
func (r *recordReader) number() (v uint64) {
	for i := range min(len(r.rest), binary.MaxVarintLen64) {
		b := r.rest[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break // it has more than 64 bits
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.bad, r.rest = true, ""
	return 0
}

func (r *recordReader) string() (s string) {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return ""
	}
	s, r.rest = r.rest[:n], r.rest[n:]
	return s
}

func (r *recordReader) ballot() Ballot {
	return Ballot{Epoch: uint32(r.number()), Round: r.number(), Node: ID(r.number()), Boot: r.number()}
}

// state reads the name of a state, interned if def is not nil.
func (r *recordReader) state(def *fsm.Definition) string {
	s := r.string()
	if def == nil {
		return s
	}
	return def.Intern(s)
}

func (r *recordReader) value(def *fsm.Definition) *Value {
	v := &Value{Version: r.number()}
	v.Serial = v.Version + r.number()
	n := r.number()
	if n > MaxDedupWindow {
		r.bad = true
		return nil
	}
	v.StateBefore = r.state(def)
	v.State = v.StateBefore
	if n > 0 {
		v.Window = make([]Entry, n)
	}
	for i := range v.Window {
		if v.Window[i] = r.entry(def, v.State); r.bad {
			return nil
		}
		v.State = v.Window[i].To
	}
	return v
}

// entry reads an entry that was made in a state.
func (r *recordReader) entry(def *fsm.Definition, state string) Entry {
	e := Entry{ID: OpID(r.string()), To: state}
	kind := r.number()
	if kind > uint64(lastEntryKind) {
		r.bad = true
		return e
	}
	switch e.Kind = EntryKind(kind); e.Kind {
	case EntryTransition:
		e.To = r.state(def)
	case EntryTombstone:
		e.Requested = r.state(def)
	}
	return e
}

// skipValue reads a value as value does, and makes nothing of it.
func (r *recordReader) skipValue() {
	r.number()
	r.number()
	n := r.number()
	r.bad = r.bad || n > MaxDedupWindow
	for r.string(); n > 0 && !r.bad; n-- {
		r.skipEntry()
	}
}

// skipEntry reads an entry, and returns the state that it leads to if it is a transition.
func (r *recordReader) skipEntry() (to string, ok bool) {
	r.string()
	switch kind := r.number(); EntryKind(min(kind, 1<<8-1)) {
	case EntryTransition:
		return r.string(), true
	case EntryTombstone:
		r.string()
	default:
		r.bad = r.bad || kind > uint64(lastEntryKind)
	}
	return "", false
}

// recover reads the log and begins a new boot.
func (n *Node) recover(ev *Event) {
	log, was, err := wal.Recover(ev.Dir, wal.Identity{
		Cluster: n.cfg.Cluster, Node: uint16(n.cfg.ID), Incarnation: ev.Incarnation,
	}, wal.Options{Segment: n.cfg.Segment, FirstBoot: n.cfg.FirstBoot, Form: n.cfg.LogForm}, n.replay)
	if err != nil {
		n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		return
	}
	n.log, n.boot, n.incarnation, n.recovered = log, was.Boot, was.Identity.Incarnation, was.End
	n.starts = was.BootStarts
	n.lastForwardAttempt = uint32(hash64.Keyed(n.cfg.Jitter, n.boot, "", 0)) // a response to an earlier life will not match
	n.syncMark.requestedEnd = log.End()                                      // recovery marks it before the node is ready
	n.observe(Observation{Kind: Started, Boot: n.boot})
	n.markLog(was)
	for _, m := range n.byIndex {
		if m.recordEnd == 0 {
			n.err = fmt.Errorf("%w: %w: machine %q: no record of all that was accepted, and one that goes on from it", ErrStopped, ErrRecord, m.key)
		}
	}
	err = n.recoverOrigin()
	if err == nil {
		err = n.resolveDefinitions()
	}
	if err != nil {
		n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		return
	}
	for _, m := range n.byIndex {
		if !isLocalKey(m.key) {
			n.repair.update(m, contribution{})
		}
	}
}

// replay applies one record of the log. Later records replace earlier ones.
func (n *Node) replay(entry []byte, end wal.LSN) error {
	r := newRecordReader(entry)
	key, promised := r.string(), r.ballot()
	m := n.ensureLogged(key)
	n.keep(m)
	ballots := m.ballotsSize()
	m.promised = maxBallot(m.promised, promised)
	if len(r.rest) == 0 && m.recordEnd != 0 {
		n.liveRecords.grow(m, m.ballotsSize()-ballots)
	}
	if len(r.rest) > 0 {
		accepted := r.ballot()
		if r.isExtension() {
			return n.replayExtension(m, ballots, accepted, &r)
		}
		m.accepted = accepted
		n.liveRecords.add(m, end, len(entry))
		if n.folder.foldRecord(m, &r) {
			return nil
		}
		n.unfold(m)
		if m.value = nil; !m.accepted.IsZero() {
			m.value = r.value(m.def)
		}
	}
	if r.bad || len(r.rest) > 0 {
		return errRecord("machine %q: it ends too early or too late", key)
	}
	if isLocalKey(key) && m.value == nil {
		return errRecord("machine %q: there is no value", key)
	}
	return nil
}

// ensureLogged finds or creates the machine of a log record. Its definition may
// come later in the log: resolveDefinitions sets it then.
func (n *Node) ensureLogged(key string) *machine {
	if m := n.machines.get(key); m != nil {
		return m
	}
	key = strings.Clone(key) // the key is part of the record's buffer
	if isLocalKey(key) {
		return n.createMachine(key, n.definitions.known[fsm.MetaName])
	}
	return n.createMachine(key, n.definitions.find(key))
}

// resolveDefinitions sets the definition of every recovered machine, and checks
// its value.
func (n *Node) resolveDefinitions() error {
	for _, m := range n.byIndex {
		if !isLocalKey(m.key) || isNoteKey(m.key) {
			continue
		}
		if err := n.definitions.recover(m.key, m.value.State); err != nil {
			return err
		}
	}
	for _, m := range n.byIndex {
		if isNoteKey(m.key) {
			continue
		}
		if m.def = cmp.Or(m.def, n.definitions.find(m.key)); m.def == nil {
			return errRecord("machine %q: its definition is not configured; add it", m.key)
		}
		value, _, _ := m.held()
		if value == nil {
			continue
		}
		if err := value.check(m.def, n.firstSerial); err != nil {
			return errRecord("machine %q: %w", m.key, err)
		}
	}
	return nil
}
