package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// The names of a member's notes.
const (
	clusterNote  = "cluster"
	livesNote    = "lives"
	disputesNote = "disputes"
	peerNote     = "peer/" // and its id
)

// The numbers of fields, in all notes.
const (
	fieldIncarnation = iota + 1
	fieldBoot
	fieldLife
	fieldPosition // of a memory; of a life, where it ended
	fieldStage
	fieldCluster
	fieldMember // nested
	fieldNode
	fieldFirsthand
	fieldItem // nested: a life or a dispute
)

func (m Memory) write(f *fields) {
	f.id(fieldIncarnation, m.Incarnation)
	f.number(fieldBoot, m.Boot)
	f.number(fieldLife, m.Life)
	f.number(fieldPosition, m.Position)
}

// take reads a field if it is one of a memory.
func (m *Memory) take(number byte, data []byte) bool {
	switch number {
	case fieldIncarnation:
		return idIn(data, &m.Incarnation)
	case fieldBoot:
		return numberIn(data, &m.Boot)
	case fieldLife:
		return numberIn(data, &m.Life)
	case fieldPosition:
		return numberIn(data, &m.Position)
	}
	return true
}

func (l Life) write(f *fields) {
	f.number(fieldBoot, l.Boot)
	f.number(fieldLife, l.ID)
	f.number(fieldPosition, l.End)
}

func (l *Life) take(number byte, data []byte) bool {
	switch number {
	case fieldBoot:
		return numberIn(data, &l.Boot)
	case fieldLife:
		return numberIn(data, &l.ID)
	case fieldPosition:
		return numberIn(data, &l.End)
	}
	return true
}

func (d Dispute) write(f *fields) {
	d.Memory.write(f)
	f.number(fieldNode, uint64(d.By))
	if d.Firsthand {
		f.number(fieldFirsthand, 1)
	}
}

func (d *Dispute) take(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldNode:
		ok := numberIn(data, &v)
		d.By = node.ID(v)
		return ok
	case fieldFirsthand:
		ok := numberIn(data, &v)
		d.Firsthand = v != 0
		return ok
	}
	return d.Memory.take(number, data)
}

func (i Identity) write(f *fields) {
	f.number(fieldNode, uint64(i.ID))
	f.id(fieldIncarnation, i.Incarnation)
}

func (i *Identity) take(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldNode:
		ok := numberIn(data, &v)
		i.ID = node.ID(v)
		return ok
	case fieldIncarnation:
		return idIn(data, &i.Incarnation)
	}
	return true
}

func (c *Cluster) write(f *fields) {
	f.number(fieldStage, uint64(c.Stage))
	f.id(fieldCluster, c.ID)
	for _, m := range c.Members {
		f.nested(fieldMember, m.write)
	}
}

func (c *Cluster) take(number byte, data []byte) bool {
	v := uint64(0)
	switch number {
	case fieldStage:
		ok := numberIn(data, &v)
		c.Stage = Stage(v)
		return ok && v <= uint64(Formed)
	case fieldCluster:
		return idIn(data, &c.ID)
	case fieldMember:
		var i Identity
		ok := each(data, i.take)
		c.Members = append(c.Members, i)
		return ok
	}
	return true
}

// items reads the nested fields of a list.
func items[T any](list *[]T, take func(item *T) func(byte, []byte) bool) func(byte, []byte) bool {
	return func(number byte, data []byte) bool {
		if number != fieldItem {
			return true
		}
		*list = append(*list, *new(T))
		return each(data, take(&(*list)[len(*list)-1]))
	}
}

// recall reads the member's notes, in the step in which the node has booted.
func (m *Member) recall() error {
	for _, note := range []struct {
		name string
		take func(byte, []byte) bool
	}{
		{clusterNote, m.cluster.take},
		{livesNote, items(&m.past, func(l *Life) func(byte, []byte) bool { return l.take })},
		{disputesNote, items(&m.disputes, func(d *Dispute) func(byte, []byte) bool { return d.take })},
	} {
		if err := m.read(note.name, note.take); err != nil {
			return err
		}
	}
	for i := range m.peers {
		p := &m.peers[i]
		if err := m.read(p.note, p.memory.take); err != nil {
			return err
		}
		p.saved, p.durable = p.memory, p.memory
	}
	return nil
}

func (m *Member) read(name string, take func(byte, []byte) bool) error {
	return readNote(name, m.node.Note(name), take)
}

// readNote hands the fields of a note to take.
func readNote(name string, data []byte, take func(byte, []byte) bool) error {
	if !each(data, take) {
		return fmt.Errorf("%w: note %q is no list of fields", node.ErrRecord, name)
	}
	return nil
}

func (m *Member) saveCluster() {
	f := m.scratch[:0]
	m.cluster.write(&f)
	m.clusterAt = m.set(clusterNote, f)
}

// saveLives writes down the lives, this one included. A life is told of only
// when that is durable.
func (m *Member) saveLives() {
	f := m.scratch[:0]
	for _, l := range m.past {
		f.nested(fieldItem, l.write)
	}
	f.nested(fieldItem, m.life.write)
	m.livesAt = m.set(livesNote, f)
}

func (m *Member) saveMemory(p *peer) {
	f := m.scratch[:0]
	p.memory.write(&f)
	p.saved, p.late, p.syncing, m.busy = p.memory, 0, true, true
	p.savedAt = m.set(p.note, f)
	m.fact(Fact{Kind: Remembered, Peer: p.id, Memory: p.saved, Position: uint64(p.savedAt)})
}

// saveMemories writes down what is new of what is remembered of the peers, when it
// is time for one of them: one sync serves all.
func (m *Member) saveMemories() {
	for i := range m.peers {
		if p := &m.peers[i]; p.late > 0 {
			m.saveMemory(p)
		}
	}
}

func (m *Member) saveDisputes() {
	f := m.scratch[:0]
	for _, d := range m.disputes {
		f.nested(fieldItem, d.write)
	}
	m.set(disputesNote, f)
}

// set writes a note. Its memory is used for the next one.
func (m *Member) set(name string, f fields) wal.LSN {
	m.scratch = f
	return m.node.SetNote(name, f)
}
