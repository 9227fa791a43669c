package node

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
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

// encodedWindow is the dedup window of a value, encoded as in a log record.
type encodedWindow struct {
	value *Value
	text  []byte
}

// update makes e the encoding of v's window. It keeps the entries that v shares with
// the value before: most of them, for a machine at work.
func (e *encodedWindow) update(v *Value) {
	if v == e.value {
		return
	}
	dropped, kept := v.sharedEntries(e.value)
	skip := 0
	if kept > 0 {
		for i := range dropped {
			skip += e.value.Window[i].size()
		}
		e.text = e.text[:copy(e.text, e.text[skip:])]
	} else {
		e.text = e.text[:0]
	}
	for i := kept; i < len(v.Window); i++ {
		e.text = v.Window[i].append(e.text)
	}
	e.value = v
}

// encodingCache keeps the encoded windows of the machines that were written last, at most
// maxEncodings: by the machine's index, since clients are spread over them.
type encodingCache []encodedWindow

// maxEncodings bounds their memory: with windows of 16 entries half a megabyte, and two with the values.
const maxEncodings = 1024

// of returns the slot of m, which may have the window of another machine.
func (c *encodingCache) of(m *machine) *encodedWindow {
	i := int(m.index % maxEncodings)
	for len(*c) <= i {
		*c = append(*c, encodedWindow{})
	}
	return &(*c)[i]
}

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

// appendRecord appends a full record of m, or one of the promise alone. e caches an
// encoded window, of m or of another machine.
func appendRecord(b []byte, m *machine, full bool, e *encodedWindow) []byte {
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
	return appendValue(b, m.value, e)
}

// appendValue appends v to b; e is as in appendRecord.
func appendValue(b []byte, v *Value, e *encodedWindow) []byte {
	b = binary.AppendUvarint(b, v.Version)
	b = binary.AppendUvarint(b, v.Serial-v.Version)
	b = binary.AppendUvarint(b, uint64(len(v.Window)))
	b = appendString(b, v.StateBefore)
	e.update(v)
	return append(b, e.text...)
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
		e := &v.Window[i]
		e.ID = OpID(r.string())
		kind := r.number()
		if kind > uint64(lastEntryKind) {
			r.bad = true
			return nil
		}
		switch e.Kind = EntryKind(kind); e.Kind {
		case EntryTransition:
			v.State = r.state(def)
		case EntryTombstone:
			e.Requested = r.state(def)
		}
		e.To = v.State
	}
	return v
}

// skipValue reads a value as value does, and makes nothing of it.
func (r *recordReader) skipValue() {
	r.number()
	r.number()
	n := r.number()
	r.bad = r.bad || n > MaxDedupWindow
	for r.string(); n > 0 && !r.bad; n-- {
		r.string()
		switch kind := r.number(); EntryKind(min(kind, 1<<8-1)) {
		case EntryTransition, EntryTombstone:
			r.string()
		default:
			r.bad = r.bad || kind > uint64(lastEntryKind)
		}
	}
}

// recover reads the log and begins a new boot.
func (n *Node) recover(ev *Event) {
	log, was, err := wal.Recover(ev.Dir, wal.Identity{
		Cluster: n.cfg.Cluster, Node: uint16(n.cfg.ID), Incarnation: ev.Incarnation,
	}, wal.Options{Segment: n.cfg.Segment, FirstBoot: n.cfg.FirstBoot}, n.replay)
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
			n.err = fmt.Errorf("%w: %w: machine %q: a promise, and no record of what was accepted before it", ErrStopped, ErrRecord, m.key)
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
	m.promised = maxBallot(m.promised, promised)
	if len(r.rest) > 0 {
		m.accepted = r.ballot()
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
