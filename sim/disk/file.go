package disk

import (
	"cmp"
	"slices"
)

// file is a sequence of changes, of which the first are synced. The oldest synced
// ones are folded into one image.
type file struct {
	name        string // the name at its creation
	image       []byte
	folded      uint64   // number of changes in image
	changes     []change // the changes after image
	syncedCount int      // number of changes that are synced, from the first
	// proven is the end of the bytes that were synced, that another sync with any
	// change followed, and that no write has touched since: a log with one sync
	// at a time can prove that these were durable. untouched is the end of the
	// bytes that no write has touched since the last sync.
	proven, untouched int64
	used              bool // data was written since it was created or renamed
	torn              bool // a write was done in part: the next sync proves nothing
	// highWaterEnd is the end of the bytes that a durable high-water mark covers
	// and no write has touched since; highWaterSize is the size of the file at
	// that mark. highWaterPending counts the changes that were synced at the last
	// write of the high-water file, highWaterSynced the changes that a synced
	// mark covers; 0: as recorded in highWaterEnd and highWaterSize.
	highWaterEnd, highWaterSize       int64
	highWaterPending, highWaterSynced uint64
}

// change is a write or a truncation. A lost change was dropped by a failed sync:
// it can be read until a power loss, and is not on the disk.
type change struct {
	op     Op
	lost   bool
	offset int64
	data   []byte // a copy
}

// changeCount counts all changes so far.
func (f *file) changeCount() uint64 { return f.folded + uint64(len(f.changes)) }

func (f *file) change(c change) {
	f.changes = append(f.changes, c)
	f.untouched, f.proven = min(f.untouched, c.offset), min(f.proven, c.offset)
	f.highWaterEnd = min(f.highWaterEnd, c.offset)
	if c.op == Truncate {
		f.highWaterSize = min(f.highWaterSize, c.offset)
	}
}

// undo undoes the last change, which is not synced.
func (f *file) undo() { f.changes = f.changes[:len(f.changes)-1] }

// markSynced makes the first covers changes of f durable, unless they are lost.
func (f *file) markSynced(covers uint64) {
	settled := int(covers - f.folded)
	if settled <= f.syncedCount {
		return
	}
	f.syncedCount = settled
	f.advanceProven()
	if f.syncedCount >= foldAt {
		f.fold()
	}
}

// advanceProven updates proven after a sync, which proves the bytes of the sync
// before it.
func (f *file) advanceProven() {
	if f.torn {
		f.torn = false
		return
	}
	f.proven, f.untouched = f.untouched, maxFile
	for _, c := range f.changes[f.syncedCount:] {
		f.untouched = min(f.untouched, c.offset)
	}
}

// foldAt is the number of synced changes from which they are folded. Most runs
// end before the file is read.
const foldAt = 4096

// fold applies the synced changes to the image, up to the first lost one.
func (f *file) fold() {
	f.applyHighWater()
	n := 0
	for ; n < f.syncedCount && !f.changes[n].lost; n++ {
		f.image = f.changes[n].apply(f.image)
	}
	f.changes = slices.Delete(f.changes, 0, n)
	f.folded += uint64(n)
	f.syncedCount -= n
}

// read returns a copy of the content of f, durable or not, in memory of d.
func (f *file) read(d *Device) []byte {
	data := append(d.alloc(f.maxSize()), f.image...)
	for _, c := range f.changes {
		data = c.apply(data)
	}
	return data
}

// maxSize bounds the size that f has had since its image was made.
func (f *file) maxSize() int {
	size := int64(len(f.image))
	for i := range f.changes {
		if c := &f.changes[i]; c.op == Truncate || len(c.data) > 0 {
			size = max(size, c.end())
		}
	}
	return int(size)
}

// size returns the size of f.
func (f *file) size() int64 {
	n := int64(len(f.image))
	for _, c := range f.changes {
		switch {
		case c.op == Truncate:
			n = c.offset
		case len(c.data) > 0:
			n = max(n, c.end())
		}
	}
	return n
}

func (c change) end() int64 { return c.offset + int64(len(c.data)) }

// apply applies c to data.
func (c change) apply(data []byte) []byte {
	if c.op == Truncate {
		return resize(data, c.offset)
	}
	if len(c.data) > 0 {
		data = resize(data, max(int64(len(data)), c.end()))
		copy(data[c.offset:], c.data)
	}
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	if size > int64(cap(data)) {
		grown := make([]byte, size, max(2*size, 4096)) // images grow with every sync: by doubling
		copy(grown, data)
		return grown
	}
	old := len(data)
	data = data[:size]
	clear(data[old:])
	return data
}

// sectorSize is the default of Profile.Sector.
const sectorSize = 512

// sectors counts the sectors that a write touches; a truncation counts as one.
func (c change) sectors(p Profile) int {
	if c.op == Truncate {
		return 1
	}
	sector := int64(cmp.Or(p.Sector, sectorSize))
	return int((c.end()+sector-1)/sector - c.offset/sector)
}

// firstSectors returns c reduced to its first n sectors.
func (c change) firstSectors(n int, p Profile) change {
	if n == c.sectors(p) {
		return c
	}
	return c.sectorRange(0, n, p)
}

// sectorRange returns c, a write, reduced to its sectors from one up to another,
// which is excluded.
func (c change) sectorRange(from, to int, p Profile) change {
	sector := int64(cmp.Or(p.Sector, sectorSize))
	first := c.offset / sector
	begin := max(c.offset, (first+int64(from))*sector)
	end := max(begin, min(c.end(), (first+int64(to))*sector))
	return change{op: Write, offset: begin, data: c.data[begin-c.offset : end-c.offset]}
}
