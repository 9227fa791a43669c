package sim

import (
	"cmp"
	"slices"
)

// file is a sequence of changes: the first are settled, by a sync that was done.
// Of these, the oldest are kept as one image.
type file struct {
	name        string // under which it came to be
	image       []byte
	folded      uint64   // changes that are in image
	changes     []change // those that are not
	syncedCount int      // of changes, the first
	// proven is the end of the bytes that nobody has written since a sync, and
	// that another sync has followed which covered something: those of which a
	// log with one sync at a time can prove that they were durable. untouched is
	// the end of the bytes that nobody has written since the last sync.
	proven, untouched int64
	torn              bool // a write was done in part since: the next sync proves nothing
	// highWaterEnd is the end of the bytes that nobody has written since the file of
	// proofs told of them, durably; made is how long the file was then. told is how
	// many changes were settled when the file of proofs was last written to, and sure
	// how many that is sure to tell of; 0: as is noted in attested.
	highWaterEnd, highWaterSize       int64
	highWaterPending, highWaterSynced uint64
}

// change is a write or a truncation. A lost one can be read until the power
// fails, and is on no disk: a failed sync gave it up.
type change struct {
	op     DiskOp
	lost   bool
	offset int64
	data   []byte // a copy
}

// changeCount counts all changes that ever were.
func (f *file) changeCount() uint64 { return f.folded + uint64(len(f.changes)) }

func (f *file) change(c change) {
	f.changes = append(f.changes, c)
	f.untouched, f.proven = min(f.untouched, c.offset), min(f.proven, c.offset)
	f.highWaterEnd = min(f.highWaterEnd, c.offset)
	if c.op == DiskTruncate {
		f.highWaterSize = min(f.highWaterSize, c.offset)
	}
}

// undo takes back the last change, which is not settled.
func (f *file) undo() { f.changes = f.changes[:len(f.changes)-1] }

// markSynced makes the first changes of f durable, unless they are lost.
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

// advanceProven notes what a sync that is done says of what was synced before it.
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

// foldAt is how many settled changes are kept as they are: most runs end before
// anybody reads them.
const foldAt = 4096

// fold makes the settled changes part of the image, up to the first lost one.
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

// read is a copy of all that f holds, durable or not, in memory of d.
func (f *file) read(d *disk) []byte {
	data := append(d.alloc(f.maxSize()), f.image...)
	for _, c := range f.changes {
		data = c.apply(data)
	}
	return data
}

// maxSize is how long f has ever been since its image was made.
func (f *file) maxSize() int {
	size := int64(len(f.image))
	for i := range f.changes {
		if c := &f.changes[i]; c.op == DiskTruncate || len(c.data) > 0 {
			size = max(size, c.end())
		}
	}
	return int(size)
}

// size is how long f is.
func (f *file) size() int64 {
	n := int64(len(f.image))
	for _, c := range f.changes {
		switch {
		case c.op == DiskTruncate:
			n = c.offset
		case len(c.data) > 0:
			n = max(n, c.end())
		}
	}
	return n
}

func (c change) end() int64 { return c.offset + int64(len(c.data)) }

// apply is data after c.
func (c change) apply(data []byte) []byte {
	if c.op == DiskTruncate {
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

// sectorSize is DiskProfile.Sector where that is 0.
const sectorSize = 512

// sectors counts the sectors that a write touches; of a truncation there is
// one.
func (c change) sectors(p DiskProfile) int {
	if c.op == DiskTruncate {
		return 1
	}
	sector := int64(cmp.Or(p.Sector, sectorSize))
	return int((c.end()+sector-1)/sector - c.offset/sector)
}

// firstSectors is c of which only the first n sectors are written.
func (c change) firstSectors(n int, p DiskProfile) change {
	if n == c.sectors(p) {
		return c
	}
	sector := int64(cmp.Or(p.Sector, sectorSize))
	kept := max(0, (c.offset/sector+int64(n))*sector-c.offset)
	return change{op: DiskWrite, offset: c.offset, data: c.data[:min(kept, int64(len(c.data)))]}
}
