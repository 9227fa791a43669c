package sim

import (
	"bytes"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// A process may note in one of its files how far the others had come, and so prove
// what nothing in them does: that their last synced bytes were there (Config.Proof).
// What is proven in that way may be damaged too.

// onHighWaterWrite is told of a write to the file of proofs, before it is taken: what is
// durable now is what it can tell of, if it says anything that was not there.
func (d *disk) onHighWaterWrite(proofs *file, r *DiskRequest) {
	if r.Op == DiskWrite && proofs.sameContent(r.Offset, r.Data) {
		return
	}
	d.highWaterChange = proofs.changeCount() + 1
	for _, e := range d.dir.visible {
		e.file.highWaterPending = e.file.folded + uint64(e.file.syncedCount)
	}
}

// forgetUnsyncedHighWater has it that nobody knows what became of writes to the file of proofs that
// no sync covers, when the process has ended.
func (d *disk) forgetUnsyncedHighWater() {
	for _, e := range d.dir.visible {
		e.file.highWaterPending = 0
	}
}

// sameContent reports whether data is what can be read at offset; false also if that was
// written piece by piece.
func (f *file) sameContent(offset int64, data []byte) bool {
	end := offset + int64(len(data))
	for i := len(f.changes) - 1; i >= 0; i-- {
		c := &f.changes[i]
		if c.op == DiskWrite && (c.end() <= offset || c.offset >= end) {
			continue
		}
		return c.op == DiskWrite && c.offset == offset && bytes.Equal(c.data, data)
	}
	return end <= int64(len(f.image)) && bytes.Equal(f.image[offset:end], data)
}

// onHighWaterSync is told that a sync of the file of proofs is done: what the last write
// to it told of is proven for good, as long as nobody writes there, if that write is
// among the changes that the sync covers.
func (d *disk) onHighWaterSync(covers uint64) {
	if covers < d.highWaterChange {
		return
	}
	for _, e := range d.dir.visible {
		e.file.highWaterSynced = e.file.highWaterPending
	}
}

// applyHighWater finds out which bytes the changes have written that are proven, and no later
// one has, and how long they made the file. It is asked only when that matters, and
// before changes are forgotten.
func (f *file) applyHighWater() {
	if f.highWaterSynced < f.folded || f.highWaterSynced == 0 {
		return
	}
	changes := int(f.highWaterSynced - f.folded)
	f.highWaterSynced = 0
	made := int64(len(f.image))
	written := written(f.image)
	for _, c := range f.changes[:changes] {
		switch {
		case c.lost:
			return
		case c.op == DiskTruncate:
			made, written = c.offset, min(written, c.offset)
		case len(c.data) > 0:
			made, written = max(made, c.end()), max(written, c.end())
		}
	}
	f.highWaterSize, f.highWaterEnd = made, written
	for _, c := range f.changes[changes:] {
		f.highWaterEnd = min(f.highWaterEnd, c.offset)
		if c.op == DiskTruncate {
			f.highWaterSize = min(f.highWaterSize, c.offset)
		}
	}
}

// written is the end of what is not zero. A file may be zeros for the most part,
// which are passed by in blocks.
func written(image []byte) int64 {
	n := len(image)
	for n >= 32 && [32]byte(image[n-32:n]) == [32]byte{} {
		n -= 32
	}
	return int64(len(bytes.TrimRight(image[:n], "\x00")))
}

// provenEnd is the end of the bytes of f of which the process can tell that they
// were durable.
func (d *disk) provenEnd(f *file) int64 {
	if d.highWaterFile == "" || f.name == d.highWaterFile {
		return f.proven
	}
	return max(f.proven, f.highWaterEnd)
}

// noteDamage notes that damage was done to f. If it can be told by the file of proofs
// alone, that is left in order from then on; if it was done there, nothing is
// proven by it until the next sync.
func (d *disk) noteDamage(f *file) {
	if d.highWaterFile == "" {
		return
	}
	if f.name != d.highWaterFile {
		d.faults.needsHighWater = true
		return
	}
	for _, e := range d.dir.visible {
		e.file.highWaterEnd, e.file.highWaterSize, e.file.highWaterSynced = 0, 0, 0
	}
}

// mustSpare reports whether f must not be damaged.
func (d *disk) mustSpare(f *file) bool {
	return d.faults.needsHighWater && f.name == d.highWaterFile
}

// zeroTail fills a file with zeros from somewhere in what the file of proofs attests.
func (d *disk) zeroTail(k keyed.Key) bool {
	f := d.pickFile(k, func(f *file) int64 { return min(f.highWaterEnd, f.durableSize()) })
	if f == nil || f.name == d.highWaterFile {
		return false
	}
	f.fold()
	attested := min(f.highWaterEnd, int64(len(f.image)))
	at := int64(k.Name("at").Below(uint64(attested)))
	if !slices.ContainsFunc(f.image[at:attested], func(b byte) bool { return b != 0 }) {
		return false // what is attested stays as it is, and so proves nothing
	}
	clear(f.image[at:])
	d.noteDamage(f)
	return true
}

// truncateFile makes a file shorter than it was when the file of proofs told of it.
func (d *disk) truncateFile(k keyed.Key) bool {
	f := d.pickFile(k, func(f *file) int64 { return min(f.highWaterSize, f.durableSize()) })
	if f == nil {
		return false
	}
	f.fold()
	at := int64(k.Name("at").Below(uint64(min(f.highWaterSize, int64(len(f.image))))))
	f.image = f.image[:at]
	f.proven, f.untouched, f.highWaterEnd, f.highWaterSize = min(f.proven, at), min(f.untouched, at), min(f.highWaterEnd, at), at
	d.noteDamage(f)
	return true
}
