package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// DiskFault is a fault of a disk, beyond the losses that its DiskProfile allows.
type DiskFault uint8

// The faults. The faults for which Damages reports true change durable data at
// once and for good; the others last for a time.
//
// Damage is done only to proven bytes: a later sync of the same file, or of the
// high-water file (Config.HighWaterFile), has followed the sync of them, and no
// write has touched them since. A log that syncs one batch at a time can tell
// this damage from a torn tail, and no other. Zeroed and Truncated need a
// high-water file.
const (
	BitRot      DiskFault = iota + 1 // a byte or a sector changes
	Misdirected                      // a write went elsewhere: its place is as before, and another place is overwritten
	ReadError                        // reads fail
	ShortRead                        // reads return the first part of the file and fail
	WriteError                       // all but syncs fails; the first sectors of a write may be done
	SyncError                        // syncs fail and lose changes: readable until a power loss, never written by a later sync
	FullDisk                         // files, holes included, cannot grow much longer; a write is done as far as it fits, and fails
	SlowDisk                         // everything takes up to 100 times as long
	StuckSync                        // no sync begins before the fault ends
	Zeroed                           // the rest of a file is zeros
	Truncated                        // a file is shorter than it was
	numDiskFaults
)

var diskFaultNames = [numDiskFaults]string{
	BitRot: "rot", Misdirected: "misdirect", ReadError: "read_error", ShortRead: "short_read", WriteError: "write_error",
	SyncError: "sync_error", FullDisk: "full", SlowDisk: "slow", StuckSync: "stuck", Zeroed: "zeroed", Truncated: "cut",
}

// DiskFaults returns all faults, in order.
func DiskFaults() []DiskFault {
	all := make([]DiskFault, 0, numDiskFaults-1)
	for f := BitRot; f < numDiskFaults; f++ {
		all = append(all, f)
	}
	return all
}

// Damages reports whether f changes durable data.
func (f DiskFault) Damages() bool {
	return f == BitRot || f == Misdirected || f == Zeroed || f == Truncated
}

func (f DiskFault) String() string {
	if f == 0 || f >= numDiskFaults {
		return fmt.Sprintf("disk fault %d", uint8(f))
	}
	return diskFaultNames[f]
}

// MarshalText returns the name of a fault.
func (f DiskFault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the name of a fault and rejects unknown names.
func (f *DiskFault) UnmarshalText(text []byte) error {
	i := slices.Index(diskFaultNames[1:], string(text))
	if i < 0 {
		return fmt.Errorf("disk fault %q: want one of %v", text, DiskFaults())
	}
	*f = DiskFault(i + 1)
	return nil
}

// DiskHits counts, by fault, how often it took effect: damage done, requests and
// reads that failed, requests that were late.
type DiskHits [numDiskFaults]uint64

// Add adds the counts of o to h.
func (h *DiskHits) Add(o DiskHits) {
	for i := range h {
		h[i] += o[i]
	}
}

// faultState is the state of the present and past faults of a disk.
type faultState struct {
	until          [numDiskFaults]Duration // when each fault ends
	capacity       int64                   // of a full disk, in bytes
	counts         [numDiskFaults]uint64   // requests and reads that each has affected
	hits           *DiskHits               // of all disks of the world
	now            Duration                // start of the current life, at which reads are judged
	failed         bool                    // an operation of this life failed
	damaged        bool                    // durable data was changed
	needsHighWater bool                    // ... and perhaps only the high-water file shows it
}

func (t *faultState) active(f DiskFault, now Duration) bool { return now < t.until[f] }

func (t *faultState) hit(f DiskFault) { t.hits[f]++ }

// ensureFaults returns the state of the faults, which are counted in hits.
func (d *disk) ensureFaults(hits *DiskHits) *faultState {
	if d.faults == nil {
		d.faults = &faultState{hits: hits}
	}
	return d.faults
}

// injectFault has f begin, or go on, until a time.
func (d *disk) injectFault(f DiskFault, now, until Duration, hits *DiskHits) {
	t := d.ensureFaults(hits)
	k := d.key.Name(diskFaultNames[f]).Word(uint64(now)) // independent of all other faults of the disk
	switch {
	case f == BitRot && d.rot(k), f == Misdirected && d.misdirect(k), f == Zeroed && d.zeroTail(k), f == Truncated && d.truncateFile(k):
		t.damaged = true
		t.hit(f)
	case f == FullDisk && !t.active(f, now):
		t.capacity = d.usedBytes() + int64(k.Name("room").Below(maxFreeWhenFull))
	}
	t.until[f] = max(t.until[f], until)
}

// maxFreeWhenFull bounds the free bytes of a disk that becomes full.
const maxFreeWhenFull = 1 << 10

// usedBytes returns the total size of all files.
func (d *disk) usedBytes() (n int64) {
	for _, e := range d.dir.visible {
		n += e.file.size()
	}
	return n
}

// clearFaults ends every fault. Damage stays.
func (d *disk) clearFaults() {
	if d.faults != nil {
		d.faults.until = [numDiskFaults]Duration{}
	}
}

// delayByFaults returns the begin and the latency of r under the present faults.
func (d *disk) delayByFaults(now Duration, r *DiskRequest, begin, delay Duration) (Duration, Duration) {
	t := d.faults
	if t.active(SlowDisk, now) {
		t.hit(SlowDisk)
		t.counts[SlowDisk]++
		delay *= Duration(1 + d.key.Name("slow").Word(t.counts[SlowDisk]).Below(maxSlowdown))
	}
	if t.active(StuckSync, now) && (r.Op == DiskSync || r.Op == DiskSyncDir) {
		t.hit(StuckSync)
		begin = max(begin, t.until[StuckSync])
	}
	return begin, delay
}

// maxSlowdown is the largest factor of SlowDisk.
const maxSlowdown = 100

// startWithFaults is start under the present faults.
func (d *disk) startWithFaults(now Duration, r *DiskRequest) *request {
	f := d.failingFault(now, r)
	if f == 0 {
		return d.start(r)
	}
	d.faults.hit(f)
	bad := *r
	switch {
	case f == SyncError && r.Op == DiskSync && d.dir.find(r.File) != nil:
		t := d.start(r)
		t.err = f.errorOn(r.File)
		return t
	case f == FullDisk && r.Op == DiskWrite:
		bad.Data = r.Data[:max(0, d.maxFileSize(r.File)-r.Offset)]
	case r.Op == DiskWrite:
		c := change{op: DiskWrite, offset: r.Offset, data: r.Data}
		d.faults.counts[f]++
		n := d.key.Name("partial").Word(d.faults.counts[f]).Below(uint64(c.sectors(d.profile) + 1))
		bad.Data = c.firstSectors(int(n), d.profile).data
	default:
		t := d.enqueue(r)
		t.err = f.errorOn(r.File)
		return t
	}
	t := d.start(&bad)
	t.err, t.file.torn = f.errorOn(r.File), true
	return t
}

// failingFault returns the fault that makes r fail, or 0.
func (d *disk) failingFault(now Duration, r *DiskRequest) DiskFault {
	t := d.faults
	switch r.Op {
	case DiskSync, DiskSyncDir:
		if t.active(SyncError, now) {
			return SyncError
		}
		return 0
	case DiskWrite, DiskTruncate:
		if t.active(FullDisk, now) && r.Offset+int64(len(r.Data)) > d.maxFileSize(r.File) {
			return FullDisk
		}
	}
	if t.active(WriteError, now) {
		return WriteError
	}
	return 0
}

// maxFileSize returns the largest size of a file on a full disk: its present size
// plus the free bytes.
func (d *disk) maxFileSize(file string) int64 {
	room := max(0, d.faults.capacity-d.usedBytes())
	if f := d.dir.find(file); f != nil {
		return f.size() + room
	}
	return room
}

// errorOn returns the error of an operation that f makes fail, on a file or, if
// file is empty, on the directory.
func (f DiskFault) errorOn(file string) error {
	err := ErrIO
	if f == FullDisk {
		err = ErrFull
	}
	if file == "" {
		return fmt.Errorf("directory: %w", err)
	}
	return fmt.Errorf("file %q: %w", file, err)
}

// beginLife notes that a life of the process begins.
func (d *disk) beginLife(now Duration) {
	if d.faults != nil {
		d.faults.now, d.faults.failed = now, false
	}
}

// noteResult notes the result of a request.
func (t *faultState) noteResult(err error) {
	if errors.Is(err, ErrIO) || errors.Is(err, ErrFull) {
		t.failed = true
	}
}

// read returns the result of a read of a file under the present faults.
func (t *faultState) read(d *disk, name string, data []byte) ([]byte, error) {
	switch {
	case t.active(ReadError, t.now):
		t.failed = true
		t.hit(ReadError)
		return nil, ReadError.errorOn(name)
	case t.active(ShortRead, t.now):
		t.failed = true
		t.hit(ShortRead)
		t.counts[ShortRead]++
		n := d.key.Name("short").Word(t.counts[ShortRead]).Below(uint64(len(data) + 1))
		return data[:n], ShortRead.errorOn(name)
	}
	return data, nil
}

// pickProvenFile picks a file with proven bytes, or nil.
func (d *disk) pickProvenFile(k keyed.Key) *file {
	return d.pickFile(k, func(f *file) int64 {
		durable := f.durableSize()
		f.proven, f.highWaterEnd = min(f.proven, durable), min(f.highWaterEnd, durable)
		return d.provenEnd(f)
	})
}

// pickFile picks a file that may be damaged and has a positive size, or nil.
func (d *disk) pickFile(k keyed.Key, size func(*file) int64) *file {
	var sound []*file
	for _, e := range d.dir.visible {
		e.file.applyHighWater()
		if size(e.file) > 0 && !d.mustSpare(e.file) {
			sound = append(sound, e.file)
		}
	}
	if len(sound) == 0 {
		return nil
	}
	return sound[k.Name("file").Below(uint64(len(sound)))]
}

// durableSize returns the size of the synced part of f; 0 if some of it was lost.
func (f *file) durableSize() int64 {
	n := int64(len(f.image))
	for _, c := range f.changes[:f.syncedCount] {
		switch {
		case c.lost:
			return 0
		case c.op == DiskTruncate:
			n = c.offset
		case len(c.data) > 0:
			n = max(n, c.end())
		}
	}
	return n
}

// rot changes a proven byte, or the proven bytes of up to a sector.
func (d *disk) rot(k keyed.Key) bool {
	f := d.pickProvenFile(k)
	if f == nil {
		return false
	}
	f.fold()
	proven := d.provenEnd(f)
	at := int64(k.Name("at").Below(uint64(proven)))
	end := at + 1
	if k.Name("sector").Chance(500_000) {
		end = min(proven, at+sectorSize)
	}
	f.changeBytes(at, end, k)
	d.noteDamage(f)
	return true
}

// misdirect undoes a proven write, and has its data overwrite other proven bytes.
func (d *disk) misdirect(k keyed.Key) bool {
	f := d.pickProvenFile(k)
	if f == nil {
		return false
	}
	i, found := f.pickIsolatedWrite(k.Name("write"), d.provenEnd(f))
	if !found {
		return false
	}
	c := f.changes[i]
	before := slices.Clone(f.image)
	for _, earlier := range f.changes[:i] {
		before = earlier.apply(before)
	}
	was := resize(before, max(int64(len(before)), c.end()))[c.offset:c.end()]
	g := d.pickProvenFile(k.Name("elsewhere"))
	f.fold()
	g.fold()
	copy(f.image[c.offset:], was)
	proven := d.provenEnd(g)
	if at := int64(k.Name("at").Below(uint64(proven))); g != f || at != c.offset {
		copy(g.image[at:proven], c.data)
		d.noteDamage(g)
	}
	d.noteDamage(f)
	return true
}

// pickIsolatedWrite picks a synced and proven write that no later synced change
// overlaps.
func (f *file) pickIsolatedWrite(k keyed.Key, proven int64) (int, bool) {
	n := uint64(f.syncedCount)
	for j := range n {
		i := int((k.Below(max(n, 1)) + j) % n)
		c := f.changes[i]
		if c.op == DiskWrite && len(c.data) > 0 && c.end() <= proven && !slices.ContainsFunc(f.changes[i+1:f.syncedCount], c.overlaps) {
			return i, true
		}
	}
	return 0, false
}

// overlaps reports whether o changes bytes of c.
func (c change) overlaps(o change) bool {
	return o.offset < c.end() && (o.op == DiskTruncate || c.offset < o.end())
}
