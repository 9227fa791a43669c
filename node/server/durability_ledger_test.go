package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ledger is the truth about the logs of a cluster: which records are durable, by the syncs
// that have been completed. Whatever a node says is held to it when the node says it.
type ledger struct {
	mu    sync.Mutex
	nodes map[node.ID]*logState

	syncs   int            // completed
	judged  map[string]int // statements, by kind
	breach  string         // the first
	breachN int
}

// logState is the log of one node.
type logState struct {
	unsynced   map[string][]logRecord // by file
	machines   map[string]machineState
	operations map[node.OpID]bool // in values that are durable, or were
}

// machineState is the durable part of a machine.
type machineState struct {
	promised, accepted node.Ballot
	version            uint64
}

// logRecord is a record of a machine, as in the log.
type logRecord struct {
	key string
	machineState
	operations []node.OpID
}

func newLedger(nodes int) *ledger {
	l := &ledger{nodes: map[node.ID]*logState{}, judged: map[string]int{}}
	for id := node.ID(1); int(id) <= nodes; id++ {
		l.nodes[id] = &logState{unsynced: map[string][]logRecord{}, machines: map[string]machineState{}, operations: map[node.OpID]bool{}}
	}
	return l
}

// done notes a request that a node's disk has carried out.
func (l *ledger) done(id node.ID, r *wal.DiskRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.nodes[id]
	switch r.Op {
	case wal.Write:
		s.unsynced[r.File] = append(s.unsynced[r.File], recordsIn(r.Data)...)
	case wal.Sync:
		l.syncs++
		for _, record := range s.unsynced[r.File] {
			s.add(&record)
		}
		delete(s.unsynced, r.File)
	}
}

func (s *logState) add(r *logRecord) {
	m := s.machines[r.key]
	m.promised, m.version = maxBallot(m.promised, r.promised), max(m.version, r.version)
	m.accepted = maxBallot(m.accepted, r.accepted)
	s.machines[r.key] = m
	for _, id := range r.operations {
		s.operations[id] = true
	}
}

func maxBallot(a, b node.Ballot) node.Ballot {
	if a.Less(b) {
		return b
	}
	return a
}

// count returns the number of nodes for which is reports true.
func (l *ledger) count(is func(*logState) bool) (n int) {
	for _, s := range l.nodes {
		if is(s) {
			n++
		}
	}
	return n
}

// judge notes that something is said, and that it is false if held is.
func (l *ledger) judge(kind string, held bool, format string, args ...any) {
	l.judged[kind]++
	if !held {
		l.breachN++
		if l.breach == "" {
			l.breach = kind + ": " + fmt.Sprintf(format, args...)
		}
	}
}

// toPeer judges a message of a node to another.
func (l *ledger) toPeer(from node.ID, m node.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := func(key string) machineState { return l.nodes[from].machines[key] }
	switch m := m.(type) {
	case *node.Acknowledgment:
		s := of(m.Key)
		held := !s.promised.Less(m.Ballot) && !s.accepted.Less(m.Accepted)
		if m.Phase == node.Accept {
			held = held && !s.accepted.Less(m.Ballot)
		}
		l.judge("acknowledgment of "+m.Phase.String(), held, "node %d says %v, and durable is %+v", from, m, s)
	case *node.Reject:
		s := of(m.Key)
		l.judge("rejection", !s.promised.Less(m.Promised), "node %d says %v, and durable is %+v", from, m, s)
	case *node.ReadReport:
		s := of(m.Key)
		l.judge("report", !s.accepted.Less(m.Accepted), "node %d says %v, and durable is %+v", from, m, s)
	case *node.Commit:
		n := l.count(func(s *logState) bool {
			if m.Value == nil { // its receiver has the value
				return !s.machines[m.Key].accepted.Less(m.Ballot)
			}
			return s.machines[m.Key].version >= m.Value.Version
		})
		l.judge("commit", n > len(l.nodes)/2, "node %d says %v, durable at %d nodes", from, m, n)
	}
}

// toClient judges a reply of a node to a client.
func (l *ledger) toClient(from node.ID, r *op.Reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Outcome != op.Committed {
		return
	}
	n := l.count(func(s *logState) bool { return s.machines[r.Key].version >= r.Version })
	l.judge("version", r.Version == 0 || n > len(l.nodes)/2, "node %d replies %v, durable at %d nodes", from, r, n)
	if r.Kind == op.Propose {
		n = l.count(func(s *logState) bool { return s.operations[r.ID] })
		l.judge("transition", n > len(l.nodes)/2, "node %d replies %v, durable at %d nodes", from, r, n)
	}
}

// judgedDisk carries out the requests of a node's log, with syncs that take random
// times, and tells the ledger.
type judgedDisk struct {
	files.Executor
	id      node.ID
	ledger  *ledger
	longest time.Duration // of the delays
}

// Execute implements files.Executor.
func (d *judgedDisk) Execute(r *wal.DiskRequest) error {
	if r.Op == wal.Sync && d.longest > 0 {
		time.Sleep(rand.N(d.longest))
	}
	err := d.Executor.Execute(r)
	if err == nil {
		d.ledger.done(d.id, r)
	}
	return err
}

// lyingDisk says that it has synced before it has: what it was asked for is carried out
// when the next request comes that is not for the mark behind the sync.
type lyingDisk struct {
	files.Executor
	owed *wal.DiskRequest
}

// Execute implements files.Executor.
func (d *lyingDisk) Execute(r *wal.DiskRequest) error {
	if d.owed != nil && r.File != "wal-mark" {
		if err := d.Executor.Execute(d.owed); err != nil {
			return err
		}
		d.owed = nil
	}
	if r.Op == wal.Sync && strings.HasPrefix(r.File, "wal-0") {
		owed := *r
		d.owed = &owed
		return nil
	}
	return d.Executor.Execute(r)
}

// recordsIn returns the records of machines in a write of a log (packages wal and node
// describe both formats). What is none, as a header, it leaves out.
func recordsIn(data []byte) (found []logRecord) {
	const headerSize, entry = 13, 2
	if bytes.HasPrefix(data, []byte("lockstep")) {
		return nil
	}
	for len(data) >= headerSize {
		size := int(binary.LittleEndian.Uint32(data[4:]))
		if size > len(data)-headerSize {
			return found
		}
		payload := data[headerSize : headerSize+size]
		if data[12] == entry {
			if r := decodeLogRecord(payload); r.key != "" {
				found = append(found, r)
			}
		}
		data = data[headerSize+size:]
	}
	return found
}

func decodeLogRecord(payload []byte) (r logRecord) {
	b := fieldBytes(payload)
	key := b.string()
	if !strings.HasPrefix(key, "lifecycle/") {
		return r // a note, or a definition
	}
	r.key, r.promised = key, b.ballot()
	if len(b) == 0 {
		return r
	}
	if r.accepted = b.ballot(); len(b) == 0 {
		return r
	}
	r.version, _ = b.number(), b.number()
	n := b.number()
	if n > node.MaxDedupWindow { // an extension, with its base and the number of entries that were dropped
		n -= 257
		_, _ = b.ballot(), b.number()
	} else {
		_ = b.string()
	}
	for range n {
		r.operations = append(r.operations, node.OpID(b.string()))
		if kind := node.EntryKind(b.number()); kind == node.EntryTransition || kind == node.EntryTombstone {
			_ = b.string()
		}
	}
	return r
}

// fieldBytes are fields of varints and strings, which are well-formed.
type fieldBytes []byte

func (b *fieldBytes) number() uint64 {
	v, n := binary.Uvarint(*b)
	*b = (*b)[max(n, 0):]
	return v
}

func (b *fieldBytes) string() string {
	n := int(b.number())
	s := string((*b)[:n])
	*b = (*b)[n:]
	return s
}

func (b *fieldBytes) ballot() node.Ballot {
	return node.Ballot{Epoch: uint32(b.number()), Round: b.number(), Node: node.ID(b.number()), Boot: b.number()}
}

// summary lists the statements that were judged.
func (l *ledger) summary() string {
	var all []string
	for kind, n := range l.judged {
		all = append(all, fmt.Sprintf("%d × %s", n, kind))
	}
	slices.Sort(all)
	return fmt.Sprintf("%d syncs; %s", l.syncs, strings.Join(all, ", "))
}
