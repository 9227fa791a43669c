package sim

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// chance decides what the model leaves open when something ends badly. k is the
// place where it is asked.
type chance interface {
	begun(k keyed.Key, n int) int // how many of n requests under way were carried out
	keeps(k keyed.Key) bool       // a change that is not durable survives
	torn(k keyed.Key, n int) int  // how many of the n sectors of such a write do
}

// dice decide by the disk's profile.
type dice struct{ DiskProfile }

func (p dice) begun(k keyed.Key, n int) int { return int(k.Name("begun").Below(uint64(n + 1))) }
func (p dice) keeps(k keyed.Key) bool       { return k.Name("keep").Chance(uint32(p.Keep)) }
func (p dice) torn(k keyed.Key, n int) int {
	if n == 0 || !k.Name("tear").Chance(uint32(p.Tear)) {
		return n
	}
	return int(k.Name("sectors").Below(uint64(n)))
}

// open is what decides of chances that this disk leaves open.
func (d *disk) open() chance {
	if d.chance == nil {
		return dice{d.profile}
	}
	return d.chance
}

// crash is a loss of power: of what is not durable, some survives.
func (d *disk) crash() {
	d.crashes++
	d.unsure()
	k, by := d.key.Name("crash").Word(d.crashes), d.open()
	d.free, d.flight = 0, d.flight[:0]
	d.dir.lose(func(i int, m *move) bool { return by.keeps(k.Name(m.name()).Name("link").Word(uint64(i))) })
	for _, e := range d.dir.read {
		d.lose(e.file, k.Name(e.file.name), by)
	}
}

// lose is what a loss of power leaves of f.
func (d *disk) lose(f *file, k keyed.Key, by chance) {
	if size := f.longest(); size > cap(f.image) {
		f.image = append(d.room(size), f.image...)
	}
	f.fold()
	for i, c := range f.changes {
		if i >= f.settled {
			c = d.remains(c, k.Word(uint64(i)), by)
		}
		if !c.lost {
			f.image = c.apply(f.image)
		}
	}
	f.folded, f.changes, f.settled = f.changed(), f.changes[:0], 0
}

// remains is what a loss of power leaves of c: all, its first sectors, or a
// lost change.
func (d *disk) remains(c change, k keyed.Key, by chance) change {
	if !by.keeps(k) {
		c.lost = true
		return c
	}
	if c.op == DiskTruncate {
		return c
	}
	return c.first(by.torn(k, c.sectors(d.profile)), d.profile)
}

// kill is the end of the process alone: of what was under way the first few
// requests were carried out, and the write after them perhaps in part.
func (d *disk) kill() {
	d.kills++
	k, by := d.key.Name("kill").Word(d.kills), d.open()
	begun := 0
	if len(d.flight) > 0 {
		begun = by.begun(k, len(d.flight))
	}
	for i := range d.flight[:begun] {
		d.execute(&d.flight[i])
	}
	for i := len(d.flight) - 1; i >= begun; i-- {
		d.undo(&d.flight[i], i == begun, k, by)
	}
	d.free, d.flight = 0, d.flight[:0]
	d.unsure()
}

// undo takes back what was noted of r when it was taken. Of the write that was
// being carried out some sectors may be left.
func (d *disk) undo(r *request, current bool, k keyed.Key, by chance) {
	if r.file == nil {
		return
	}
	d.dir.undo(r.moved)
	if r.op != DiskWrite && r.op != DiskTruncate {
		return
	}
	f := r.file
	c := f.changes[len(f.changes)-1]
	f.undo()
	if n := c.sectors(d.profile); current && r.op == DiskWrite && n > 1 {
		if begun := by.torn(k, n); begun < n {
			f.change(c.first(begun, d.profile))
			f.torn = true
		}
	}
}

// drop is what a failed sync does to what it covers: some of it has reached the
// disk, and the rest is forgotten, though it can be read. No later sync will
// write it.
func (d *disk) drop(r *request) {
	f := r.file
	k := d.key.Name("dropped").Name(f.name)
	for i := f.settled; i < int(r.covers-f.folded); i++ {
		f.changes[i].lost = !d.open().keeps(k.Word(f.folded + uint64(i)))
	}
	f.settled = max(f.settled, int(r.covers-f.folded))
}

// clean reports whether a loss of power would change nothing.
func (d *disk) clean() bool {
	return len(d.flight) == 0 && len(d.dir.moves) == 0 && !slices.ContainsFunc(d.dir.read, func(e named) bool {
		return len(e.file.changes) > e.file.settled || slices.ContainsFunc(e.file.changes, func(c change) bool { return c.lost })
	})
}
