package node

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrRecord is wrapped by errors about a log entry that this build cannot read.
var ErrRecord = errors.New("unreadable log entry")

func errRecord(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRecord, fmt.Errorf(format, args...))
}

// A log entry is what an acceptor holds of one machine: the key, the promised
// ballot and, unless only that has changed, the accepted ballot and the value if
// there is one. Numbers are varints, strings have their length in front. Recent
// entries form a chain: only transitions say where they lead.

// appendRecord encodes a full entry, or one of the promise alone.
func appendRecord(b []byte, m *machine, full bool) []byte {
	b = appendString(b, m.key)
	b = appendBallot(b, m.promised)
	if !full {
		return b
	}
	b = appendBallot(b, m.accepted)
	v := m.value
	if v == nil {
		return b
	}
	b = binary.AppendUvarint(b, v.Version)
	b = binary.AppendUvarint(b, v.Serial-v.Version)
	b = binary.AppendUvarint(b, uint64(len(v.Recent)))
	b = appendString(b, v.Before)
	for i := range v.Recent {
		e := &v.Recent[i]
		b = appendString(b, string(e.ID))
		b = append(b, byte(e.Kind)) // a varint too
		if e.Kind == Made {
			b = appendString(b, e.To)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	if len(s) < 1<<7 { // nearly always
		return append(append(b, byte(len(s))), s...)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBallot(b []byte, x Ballot) []byte {
	b = binary.AppendUvarint(b, uint64(x.Epoch))
	b = binary.AppendUvarint(b, x.Round)
	b = binary.AppendUvarint(b, uint64(x.Node))
	return binary.AppendUvarint(b, x.Boot)
}

// recordReader takes a log entry apart; after the first fault it reads zeros.
type recordReader struct {
	rest []byte
	bad  bool
}

func (r *recordReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *recordReader) string() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *recordReader) ballot() Ballot {
	return Ballot{Epoch: uint32(r.number()), Round: r.number(), Node: ID(r.number()), Boot: r.number()}
}

// state is a string that many others are like. def may be nil.
func (r *recordReader) state(def *fsm.Definition) string {
	s := r.string()
	if def == nil {
		return s
	}
	return def.Own(s)
}

func (r *recordReader) value(def *fsm.Definition) *Value {
	v := &Value{Version: r.number()}
	v.Serial = v.Version + r.number()
	n := r.number()
	if n > MaxRing {
		r.bad = true
		return nil
	}
	v.Before = r.state(def)
	v.State = v.Before
	if n > 0 {
		v.Recent = make([]Entry, n)
	}
	for i := range v.Recent {
		e := &v.Recent[i]
		e.ID = OpID(r.string())
		kind := r.number()
		if kind > uint64(VoidMismatch) {
			r.bad = true
			return nil
		}
		if e.Kind = EntryKind(kind); e.Kind == Made {
			v.State = r.state(def)
		}
		e.To = v.State
	}
	return v
}

// recover reads what the disk holds and begins a new boot.
func (n *Node) recover(ev *Event) {
	log, was, err := wal.Recover(ev.Dir, wal.Identity{
		Cluster: n.cfg.Cluster, Node: uint16(n.cfg.ID), Incarnation: ev.Incarnation,
	}, wal.Options{Segment: n.cfg.Segment}, n.replay)
	if err != nil {
		n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		return
	}
	n.log, n.boot, n.incarnation = log, was.Boot, was.Identity.Incarnation
	n.fact(Fact{Kind: Started, Boot: n.boot})
	n.markLog(was)
	for _, m := range n.byIndex {
		if m.full == 0 {
			n.err = fmt.Errorf("%w: %w: machine %q: a promise, and no record of what was accepted before it", ErrStopped, ErrRecord, m.key)
		}
	}
	if err := n.resolve(); err != nil {
		n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		return
	}
	for _, m := range n.byIndex {
		if !pinned(m.key) {
			n.account(m, standing{})
		}
	}
}

// replay takes one entry of the log. Later entries replace earlier ones.
func (n *Node) replay(entry []byte, end wal.LSN) error {
	r := recordReader{rest: entry}
	key, promised := r.string(), r.ballot()
	m := n.stored(key)
	m.promised = later(m.promised, promised)
	if len(r.rest) > 0 {
		m.accepted, m.value = r.ballot(), nil
		if !m.accepted.IsZero() {
			m.value = r.value(m.def)
		}
		n.live.add(m, end, len(entry))
	}
	if r.bad || len(r.rest) > 0 {
		return errRecord("machine %q: it ends too early or too late", key)
	}
	if pinned(key) && m.value == nil {
		return errRecord("machine %q: there is no value", key)
	}
	return nil
}
