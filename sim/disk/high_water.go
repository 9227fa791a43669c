package disk

import (
	"bytes"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// A process may record high-water marks of its other files in a file of its own
// (Config.HighWaterFile), and so prove that the last synced bytes of these files
// were durable, which nothing in the files themselves proves. Disk faults may
// damage the bytes proven in that way too.

// onHighWaterWrite handles a write to the high-water file, before it takes
// effect. A write with new content marks all changes that are synced now; a chained
// one is begun after the syncs in flight, and marks their changes, too.
func (d *Device) onHighWaterWrite(proofs *file, r *Request) {
	if r.Op == Write && proofs.sameContent(r.Offset, r.Data) {
		return
	}
	d.highWaterChange = proofs.changeCount() + 1
	for _, e := range d.dir.visible {
		e.file.highWaterPending = e.file.folded + uint64(e.file.syncedCount)
	}
	if !r.Chained {
		return
	}
	for i := range d.inFlight {
		if s := &d.inFlight[i]; s.op == Sync && s.file != nil {
			s.file.highWaterPending = max(s.file.highWaterPending, s.covers)
		}
	}
}

// forgetUnsyncedHighWater drops the marks that no sync of the high-water file
// covers: at the end of a life it is open whether they were written.
func (d *Device) forgetUnsyncedHighWater() {
	for _, e := range d.dir.visible {
		e.file.highWaterPending = 0
	}
}

// sameContent reports whether data is already the content at offset; also false
// if several writes wrote that content.
func (f *file) sameContent(offset int64, data []byte) bool {
	end := offset + int64(len(data))
	for i := len(f.changes) - 1; i >= 0; i-- {
		c := &f.changes[i]
		if c.op == Write && (c.end() <= offset || c.offset >= end) {
			continue
		}
		return c.op == Write && c.offset == offset && bytes.Equal(c.data, data)
	}
	return end <= int64(len(f.image)) && bytes.Equal(f.image[offset:end], data)
}

// onHighWaterSync handles a completed sync of the high-water file. If the sync
// covers the last write to it, the changes which that write marked are proven,
// until a write touches them.
func (d *Device) onHighWaterSync(covers uint64) {
	if covers < d.highWaterChange {
		return
	}
	for _, e := range d.dir.visible {
		e.file.highWaterSynced = e.file.highWaterPending
	}
}

// applyHighWater computes highWaterEnd and highWaterSize from the changes that a
// synced mark covers and the changes after them. It is deferred until the values
// are needed or changes are folded.
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
		case c.op == Truncate:
			made, written = c.offset, min(written, c.offset)
		case len(c.data) > 0:
			made, written = max(made, c.end()), max(written, c.end())
		}
	}
	f.highWaterSize, f.highWaterEnd = made, written
	for _, c := range f.changes[changes:] {
		f.highWaterEnd = min(f.highWaterEnd, c.offset)
		if c.op == Truncate {
			f.highWaterSize = min(f.highWaterSize, c.offset)
		}
	}
}

// written returns the end of the bytes that are not zero. Most of a file may be
// zeros; these are skipped in blocks.
func written(image []byte) int64 {
	n := len(image)
	for n >= 32 && [32]byte(image[n-32:n]) == [32]byte{} {
		n -= 32
	}
	return int64(len(bytes.TrimRight(image[:n], "\x00")))
}

// provenEnd returns the end of the bytes of f that the process can prove to have
// been durable.
func (d *Device) provenEnd(f *file) int64 {
	if d.highWaterFile == "" || f.name == d.highWaterFile {
		return f.proven
	}
	return max(f.proven, f.highWaterEnd)
}

// noteDamage notes damage to f. If only the high-water file may show it, that
// file is not damaged from then on. If the damage is in the high-water file, its
// marks prove nothing until the next sync.
func (d *Device) noteDamage(f *file) {
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
func (d *Device) mustSpare(f *file) bool {
	return d.faults.needsHighWater && f.name == d.highWaterFile
}

// zeroTail fills a file with zeros, from a random place that a high-water mark
// covers.
func (d *Device) zeroTail(k keyed.Key) bool {
	f := d.pickFile(k, func(f *file) int64 { return min(f.highWaterEnd, f.durableSize()) })
	if f == nil || f.name == d.highWaterFile {
		return false
	}
	f.fold()
	return d.zeroFrom(f, int64(k.Name("at").Below(uint64(min(f.highWaterEnd, int64(len(f.image)))))))
}

// zeroFrom fills f with zeros from at on, which a high-water mark covers. It reports
// whether that has changed bytes which the mark covers.
func (d *Device) zeroFrom(f *file, at int64) bool {
	f.fold()
	attested := min(f.highWaterEnd, int64(len(f.image)))
	if f.name == d.highWaterFile || at >= attested || !slices.ContainsFunc(f.image[at:attested], func(b byte) bool { return b != 0 }) {
		return false // the bytes under the mark would not change, which proves nothing
	}
	clear(f.image[at:])
	d.noteDamage(f)
	return true
}

// truncateFile makes a file shorter than it was at its high-water mark.
func (d *Device) truncateFile(k keyed.Key) bool {
	f := d.pickFile(k, func(f *file) int64 { return min(f.highWaterSize, f.durableSize()) })
	if f == nil {
		return false
	}
	f.fold()
	d.truncateAt(f, int64(k.Name("at").Below(uint64(min(f.highWaterSize, int64(len(f.image)))))))
	return true
}

// truncateAt has f end at a place before its end at its high-water mark.
func (d *Device) truncateAt(f *file, at int64) {
	f.fold()
	f.image = f.image[:at]
	f.proven, f.untouched, f.highWaterEnd, f.highWaterSize = min(f.proven, at), min(f.untouched, at), min(f.highWaterEnd, at), at
	d.noteDamage(f)
}
