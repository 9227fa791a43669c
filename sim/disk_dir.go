package sim

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// directory is the names of a disk's files, as they are read and as they are
// durable, and the moves from the one to the other.
type directory struct {
	read    []named // sorted by name
	durable []named // as well
	moves   []move  // those that are not durable, in order
	settled uint64  // moves that are
	last    recent  // of read, that were looked up last; zero values if there are none
}

// found is a file and the hash of its name.
type found struct {
	named
	sum uint64
}

type named struct {
	name string
	file *file
}

// move is a change of names: one that goes, one that comes, or both at once.
type move struct {
	from, to string // empty: none
	file     *file  // of to
}

// moved counts all moves that ever were.
func (d *directory) moved() uint64 { return d.settled + uint64(len(d.moves)) }

func (d *directory) find(name string) *file {
	if f := d.look(name); f != nil {
		return f.file
	}
	return nil
}

// hash is the hash of a name.
func (d *directory) hash(name string) uint64 {
	if f := d.look(name); f != nil {
		return f.sum
	}
	return keyed.String(name)
}

// recent is as many files as a log has to do with at a time: the segment that it
// fills, the next one, and the one of its marks.
type recent [3]found

// look looks a name up.
func (d *directory) look(name string) *found {
	for i := range d.last {
		if f := &d.last[i]; f.file != nil && f.name == name {
			return f
		}
	}
	if name == "" {
		return nil
	}
	i, ok := search(d.read, name)
	if !ok {
		return nil
	}
	d.note(d.read[i])
	return &d.last[0]
}

func search(entries []named, name string) (int, bool) {
	return slices.BinarySearchFunc(entries, name, func(e named, name string) int { return cmp.Compare(e.name, name) })
}

func (d *directory) move(m move) {
	d.moves = append(d.moves, m)
	d.read = m.apply(d.read)
	for i := range d.last {
		if f := &d.last[i]; f.name == m.from || f.name == m.to {
			*f = found{}
		}
	}
	if m.to != "" { // it will be asked for
		d.note(named{m.to, m.file})
	}
}

// note has a name be the one that was looked up last.
func (d *directory) note(n named) { d.last = recent{{n, keyed.String(n.name)}, d.last[0], d.last[1]} }

// undo takes back all but the first moves.
func (d *directory) undo(moved uint64) {
	if moved == d.moved() {
		return
	}
	d.moves = d.moves[:moved-d.settled]
	d.read, d.last = slices.Clone(d.durable), recent{}
	for _, m := range d.moves {
		d.read = m.apply(d.read)
	}
}

// settle makes the first moves durable.
func (d *directory) settle(covers uint64) {
	n := int(max(covers, d.settled) - d.settled)
	for _, m := range d.moves[:n] {
		d.durable = m.apply(d.durable)
	}
	d.moves = slices.Delete(d.moves, 0, n)
	d.settled += uint64(n)
}

// lose is a loss of power: the moves that keeps says survive, but none that
// shares a name with an earlier one that did not.
func (d *directory) lose(keeps func(i int, m *move) bool) {
	var lost []move
	for i := range d.moves {
		m := &d.moves[i]
		if slices.ContainsFunc(lost, m.shares) || !keeps(i, m) {
			lost = append(lost, *m)
			continue
		}
		d.durable = m.apply(d.durable)
	}
	d.settled, d.moves = d.moved(), nil
	d.read, d.last = slices.Clone(d.durable), recent{}
}

// name is the one that m is known by: what comes, or else what goes.
func (m *move) name() string { return cmp.Or(m.to, m.from) }

// shares reports whether m and o are about the same name.
func (m *move) shares(o move) bool {
	return m.to != "" && (m.to == o.to || m.to == o.from) || m.from != "" && (m.from == o.to || m.from == o.from)
}

func (m move) apply(entries []named) []named {
	if i, found := search(entries, m.from); found {
		entries = slices.Delete(entries, i, i+1)
	}
	if m.to == "" {
		return entries
	}
	i, found := search(entries, m.to)
	if found {
		entries[i].file = m.file
		return entries
	}
	return slices.Insert(entries, i, named{m.to, m.file})
}
