package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// The names of a member's notes.
const (
	clusterNote    = "cluster"
	livesNote      = "lives"
	disputesNote   = "disputes"
	peerNotePrefix = "peer/" // followed by the peer's id
)

// The numbers of fields, in all notes.
const (
	fieldIncarnation = iota + 1
	fieldBoot
	fieldLife
	fieldPosition // of a memory; of a life, its end
	fieldStage
	fieldCluster
	fieldMember // nested
	fieldNode
	fieldFirsthand
	fieldItem // nested: a life, a dispute, or a level
	fieldLevel
)

func (m Memory) encode(f *noteFields) {
	f.id(fieldIncarnation, m.Incarnation)
	f.number(fieldBoot, m.Boot)
	f.number(fieldLife, m.Life)
	f.number(fieldPosition, m.Position)
}

// decodeField reads a field of a memory, and ignores others.
func (m *Memory) decodeField(number byte, data []byte) bool {
	switch number {
	case fieldIncarnation:
		return decodeID(data, &m.Incarnation)
	case fieldBoot:
		return decodeNumber(data, &m.Boot)
	case fieldLife:
		return decodeNumber(data, &m.Life)
	case fieldPosition:
		return decodeNumber(data, &m.Position)
	}
	return true
}

func (l Life) encode(f *noteFields) {
	f.number(fieldBoot, l.Boot)
	f.number(fieldLife, l.ID)
	f.number(fieldPosition, l.End)
}

func (l *Life) decodeField(number byte, data []byte) bool {
	switch number {
	case fieldBoot:
		return decodeNumber(data, &l.Boot)
	case fieldLife:
		return decodeNumber(data, &l.ID)
	case fieldPosition:
		return decodeNumber(data, &l.End)
	}
	return true
}

func (d Dispute) encode(f *noteFields) {
	d.Memory.encode(f)
	f.number(fieldNode, uint64(d.By))
	if d.Firsthand {
		f.number(fieldFirsthand, 1)
	}
}

func (d *Dispute) decodeField(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldNode:
		ok := decodeNumber(data, &v)
		d.By = node.ID(v)
		return ok
	case fieldFirsthand:
		ok := decodeNumber(data, &v)
		d.Firsthand = v != 0
		return ok
	}
	return d.Memory.decodeField(number, data)
}

func (i Identity) encode(f *noteFields) {
	f.number(fieldNode, uint64(i.ID))
	f.id(fieldIncarnation, i.Incarnation)
}

func (i *Identity) decodeField(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldNode:
		ok := decodeNumber(data, &v)
		i.ID = node.ID(v)
		return ok
	case fieldIncarnation:
		return decodeID(data, &i.Incarnation)
	}
	return true
}

func (c *Cluster) encode(f *noteFields) {
	f.number(fieldStage, uint64(c.Stage))
	f.id(fieldCluster, c.ID)
	for _, m := range c.Members {
		f.nested(fieldMember, m.encode)
	}
}

func (c *Cluster) decodeField(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldStage:
		ok := decodeNumber(data, &v)
		c.Stage = Stage(v)
		return ok && v <= uint64(Formed)
	case fieldCluster:
		return decodeID(data, &c.ID)
	case fieldMember:
		var i Identity
		ok := decodeFields(data, i.decodeField)
		c.Members = append(c.Members, i)
		return ok
	}
	return true
}

// decodeItems returns a function that reads the nested fields of a list.
func decodeItems[T any](list *[]T, take func(item *T) func(byte, []byte) bool) func(byte, []byte) bool {
	return func(number byte, data []byte) bool {
		if number != fieldItem {
			return true
		}
		*list = append(*list, *new(T))
		return decodeFields(data, take(&(*list)[len(*list)-1]))
	}
}

// loadNotes reads the member's notes, in the step in which the node has booted.
func (m *Member) loadNotes() error {
	var own OwnNotes
	for _, name := range []string{clusterNote, livesNote, disputesNote} {
		if err := decodeNote(name, m.node.Note(name), own.decoder(name)); err != nil {
			return err
		}
	}
	m.cluster, m.pastLives, m.disputes = own.Cluster, own.Lives, own.Disputes
	if err := m.loadConfiguration(); err != nil {
		return err
	}
	for i := range m.peers {
		p := &m.peers[i]
		if err := decodeNote(p.noteName, m.node.Note(p.noteName), p.memory.decodeField); err != nil {
			return err
		}
		p.saved, p.durable = p.memory, p.memory
	}
	return m.loadLevels()
}

// OwnNotes is the content of a member's notes about itself.
type OwnNotes struct {
	Cluster  Cluster
	Lives    []Life // by boot; the last one has no end in the log
	Disputes []Dispute
}

// decoder returns the decoder of the fields of a note, or nil if it is none about the
// member itself.
func (o *OwnNotes) decoder(name string) func(byte, []byte) bool {
	switch name {
	case clusterNote:
		return o.Cluster.decodeField
	case livesNote:
		return decodeItems(&o.Lives, func(l *Life) func(byte, []byte) bool { return l.decodeField })
	case disputesNote:
		return decodeItems(&o.Disputes, func(d *Dispute) func(byte, []byte) bool { return d.decodeField })
	}
	return nil
}

// decodeNote passes the fields of a note to take.
func decodeNote(name string, data []byte, take func(byte, []byte) bool) error {
	if !decodeFields(data, take) {
		return fmt.Errorf("%w: note %q is no list of fields", node.ErrRecord, name)
	}
	return nil
}

func (m *Member) saveCluster() {
	f := m.scratch[:0]
	m.cluster.encode(&f)
	m.clusterLSN = m.setNote(clusterNote, f)
}

// saveLives writes the lives to the log, the current one included. The member
// introduces itself only when they are durable.
func (m *Member) saveLives() {
	f := m.scratch[:0]
	for _, l := range m.pastLives {
		f.nested(fieldItem, l.encode)
	}
	f.nested(fieldItem, m.life.encode)
	m.livesLSN = m.setNote(livesNote, f)
}

func (m *Member) saveMemory(p *peer) {
	f := m.scratch[:0]
	p.memory.encode(&f)
	p.saved, p.late, p.syncing, m.pendingWork = p.memory, 0, true, true
	p.savedLSN = m.setNote(p.noteName, f)
	m.observe(Observation{Kind: Remembered, Peer: p.id, Memory: p.saved, Position: uint64(p.savedLSN)})
}

// saveMemories writes all changed memories when one of them is due: one sync
// serves all.
func (m *Member) saveMemories() {
	for i := range m.peers {
		if p := &m.peers[i]; p.late > 0 {
			m.saveMemory(p)
		}
	}
}

func (m *Member) saveDisputes() wal.LSN {
	f := m.scratch[:0]
	for _, d := range m.disputes {
		f.nested(fieldItem, d.encode)
	}
	return m.setNote(disputesNote, f)
}

// setNote writes a note to the log. Its buffer is used again for the next note.
func (m *Member) setNote(name string, f noteFields) wal.LSN {
	m.scratch = f
	return m.node.SetNote(name, f)
}
