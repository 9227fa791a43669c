package disk

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// directory holds the names of a disk's files, visible and durable, and the
// changes from the durable names to the visible ones.
type directory struct {
	visible     []dirEntry   // sorted by name
	durable     []dirEntry   // sorted by name
	changes     []nameChange // not durable, in order
	syncedCount uint64       // changes that are durable
	cache       recent       // the last lookups in visible; zero values if there are none
}

// cachedEntry is a file and the hash of its name.
type cachedEntry struct {
	dirEntry
	hash uint64
}

type dirEntry struct {
	name string
	file *file
}

// nameChange is a removal of a name, a creation of one, or both at once (a
// rename).
type nameChange struct {
	from, to string // empty: none
	file     *file  // of to
}

// changeCount counts all changes so far, durable or not.
func (d *directory) changeCount() uint64 { return d.syncedCount + uint64(len(d.changes)) }

func (d *directory) find(name string) *file {
	if f := d.lookup(name); f != nil {
		return f.file
	}
	return nil
}

// hash returns the hash of a name.
func (d *directory) hash(name string) uint64 {
	if f := d.lookup(name); f != nil {
		return f.hash
	}
	return keyed.String(name)
}

// recent caches as many files as a log uses at a time: the current segment, the
// next one, and the high-water file.
type recent [3]cachedEntry

// lookup returns the entry of a name, or nil.
func (d *directory) lookup(name string) *cachedEntry {
	for i := range d.cache {
		if f := &d.cache[i]; f.file != nil && f.name == name {
			return f
		}
	}
	if name == "" {
		return nil
	}
	i, ok := search(d.visible, name)
	if !ok {
		return nil
	}
	d.addToCache(d.visible[i])
	return &d.cache[0]
}

func search(entries []dirEntry, name string) (int, bool) {
	return slices.BinarySearchFunc(entries, name, func(e dirEntry, name string) int { return cmp.Compare(e.name, name) })
}

func (d *directory) change(m nameChange) {
	d.changes = append(d.changes, m)
	d.visible = m.apply(d.visible)
	for i := range d.cache {
		if f := &d.cache[i]; f.name == m.from || f.name == m.to {
			*f = cachedEntry{}
		}
	}
	if m.to != "" { // it will be looked up soon
		d.addToCache(dirEntry{m.to, m.file})
	}
}

// addToCache puts n first in the cache.
func (d *directory) addToCache(n dirEntry) {
	d.cache = recent{{n, keyed.String(n.name)}, d.cache[0], d.cache[1]}
}

// undo undoes all but the first moved changes.
func (d *directory) undo(moved uint64) {
	if moved == d.changeCount() {
		return
	}
	d.changes = d.changes[:moved-d.syncedCount]
	d.visible, d.cache = slices.Clone(d.durable), recent{}
	for _, m := range d.changes {
		d.visible = m.apply(d.visible)
	}
}

// markSynced makes the first covers changes durable.
func (d *directory) markSynced(covers uint64) {
	n := int(max(covers, d.syncedCount) - d.syncedCount)
	for _, m := range d.changes[:n] {
		d.durable = m.apply(d.durable)
	}
	d.changes = slices.Delete(d.changes, 0, n)
	d.syncedCount += uint64(n)
}

// losePower applies a power loss: the changes for which keeps reports true
// survive, except one that shares a name with an earlier lost change.
func (d *directory) losePower(keeps func(i int, m *nameChange) bool) {
	var lost []nameChange
	for i := range d.changes {
		m := &d.changes[i]
		if slices.ContainsFunc(lost, m.shares) || !keeps(i, m) {
			lost = append(lost, *m)
			continue
		}
		d.durable = m.apply(d.durable)
	}
	d.syncedCount, d.changes = d.changeCount(), nil
	d.visible, d.cache = slices.Clone(d.durable), recent{}
}

// name returns the name that identifies m: the created one, or else the removed
// one.
func (m *nameChange) name() string { return cmp.Or(m.to, m.from) }

// shares reports whether m and o have a name in common.
func (m *nameChange) shares(o nameChange) bool {
	return m.to != "" && (m.to == o.to || m.to == o.from) || m.from != "" && (m.from == o.to || m.from == o.from)
}

func (m nameChange) apply(entries []dirEntry) []dirEntry {
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
	return slices.Insert(entries, i, dirEntry{m.to, m.file})
}
