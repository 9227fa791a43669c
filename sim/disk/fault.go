package disk

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Fault is a fault of a disk, beyond the losses that its Profile allows.
type Fault uint8

// The faults. The faults for which Damages reports true change durable data at
// once and for good; the others last for a time.
//
// Damage is done only to proven bytes: a later sync of the same file, or of the
// high-water file (Config.HighWaterFile), has followed the sync of them, and no
// write has touched them since. A log that syncs one batch at a time can tell
// this damage from a torn tail, and no other. Zeroed and Truncated need a
// high-water file.
const (
	BitRot      Fault = iota + 1 // a byte or a sector changes
	Misdirected                  // a write went elsewhere: its place is as before, and another place is overwritten
	ReadError                    // reads fail
	ShortRead                    // reads return the first part of the file and fail
	WriteError                   // all but syncs fails; the first sectors of a write may be done
	SyncError                    // syncs fail and lose changes: readable until a power loss, never written by a later sync
	Full                         // files, holes included, cannot grow much longer; a write is done as far as it fits, and fails
	Slow                         // everything takes up to 100 times as long
	StuckSync                    // no sync begins before the fault ends
	Zeroed                       // the rest of a file is zeros
	Truncated                    // a file is shorter than it was
	numFaults
)

var faultNames = [numFaults]string{
	BitRot: "rot", Misdirected: "misdirect", ReadError: "read_error", ShortRead: "short_read", WriteError: "write_error",
	SyncError: "sync_error", Full: "full", Slow: "slow", StuckSync: "stuck", Zeroed: "zeroed", Truncated: "cut",
}

// Faults returns all faults, in order.
func Faults() []Fault {
	all := make([]Fault, 0, numFaults-1)
	for f := BitRot; f < numFaults; f++ {
		all = append(all, f)
	}
	return all
}

// Damages reports whether f changes durable data.
func (f Fault) Damages() bool {
	return f == BitRot || f == Misdirected || f == Zeroed || f == Truncated
}

func (f Fault) String() string {
	if f == 0 || f >= numFaults {
		return fmt.Sprintf("disk fault %d", uint8(f))
	}
	return faultNames[f]
}

// MarshalText returns the name of a fault.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the name of a fault and rejects unknown names.
func (f *Fault) UnmarshalText(text []byte) error {
	i := slices.Index(faultNames[1:], string(text))
	if i < 0 {
		return fmt.Errorf("disk fault %q: want one of %v", text, Faults())
	}
	*f = Fault(i + 1)
	return nil
}

// Hits counts, by fault, how often it took effect: damage done, requests and
// reads that failed, requests that were late.
type Hits [numFaults]uint64

// Add adds the counts of o to h.
func (h *Hits) Add(o Hits) {
	for i := range h {
		h[i] += o[i]
	}
}

// faultState is the state of the present and past faults of a disk.
type faultState struct {
	until          [numFaults]netmodel.Duration // when each fault ends
	capacity       int64                        // of a full disk, in bytes
	counts         [numFaults]uint64            // requests and reads that each has affected
	hits           *Hits                        // of this disk, and perhaps of others
	now            netmodel.Duration            // start of the current life, at which reads are judged
	failed         bool                         // an operation of this life failed
	damaged        bool                         // durable data was changed
	needsHighWater bool                         // ... and perhaps only the high-water file shows it
}

func (t *faultState) active(f Fault, now netmodel.Duration) bool { return now < t.until[f] }

func (t *faultState) hit(f Fault) { t.hits[f]++ }

// ensureFaults returns the state of the faults, which are counted in hits.
func (d *Device) ensureFaults(hits *Hits) *faultState {
	if d.faults == nil {
		d.faults = &faultState{hits: hits}
	}
	return d.faults
}

// Inject has f begin, or go on, until a time, and counts its effects in hits. Damage is
// done at once, if there are bytes that may be damaged.
func (d *Device) Inject(f Fault, now, until netmodel.Duration, hits *Hits) {
	t := d.ensureFaults(hits)
	k := d.key.Name(faultNames[f]).Word(uint64(now)) // independent of all other faults of the disk
	switch {
	case f == BitRot && d.rot(k), f == Misdirected && d.misdirect(k), f == Zeroed && d.zeroTail(k), f == Truncated && d.truncateFile(k):
		t.damaged = true
		t.hit(f)
	case f == Full && !t.active(f, now):
		t.capacity = d.usedBytes() + int64(k.Name("room").Below(maxFreeWhenFull))
	}
	t.until[f] = max(t.until[f], until)
}

// maxFreeWhenFull bounds the free bytes of a disk that becomes full.
const maxFreeWhenFull = 1 << 10

// usedBytes returns the total size of all files.
func (d *Device) usedBytes() (n int64) {
	for _, e := range d.dir.visible {
		n += e.file.size()
	}
	return n
}

// ClearFaults ends every fault. Damage stays.
func (d *Device) ClearFaults() {
	if d.faults != nil {
		d.faults.until = [numFaults]netmodel.Duration{}
	}
}

// delayByFaults returns the begin and the latency of r under the present faults.
func (d *Device) delayByFaults(now netmodel.Duration, r *Request, begin, delay netmodel.Duration) (netmodel.Duration, netmodel.Duration) {
	t := d.faults
	if t.active(Slow, now) {
		t.hit(Slow)
		t.counts[Slow]++
		delay *= netmodel.Duration(1 + d.key.Name("slow").Word(t.counts[Slow]).Below(maxSlowdown))
	}
	if t.active(StuckSync, now) && (r.Op == Sync || r.Op == SyncDir) {
		t.hit(StuckSync)
		begin = max(begin, t.until[StuckSync])
	}
	return begin, delay
}

// maxSlowdown is the largest factor of Slow.
const maxSlowdown = 100

// startWithFaults is start under the present faults.
func (d *Device) startWithFaults(now netmodel.Duration, r *Request) *request {
	f := d.failingFault(now, r)
	if f == 0 {
		return d.start(r)
	}
	d.faults.hit(f)
	bad := *r
	switch {
	case f == SyncError && r.Op == Sync && d.dir.find(r.File) != nil:
		t := d.start(r)
		t.err = f.errorOn(r.File)
		return t
	case f == Full && r.Op == Write:
		bad.Data = r.Data[:max(0, d.maxFileSize(r.File)-r.Offset)]
	case r.Op == Write:
		c := change{op: Write, offset: r.Offset, data: r.Data}
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
func (d *Device) failingFault(now netmodel.Duration, r *Request) Fault {
	t := d.faults
	switch r.Op {
	case Sync, SyncDir:
		if t.active(SyncError, now) {
			return SyncError
		}
		return 0
	case Write, Truncate:
		if t.active(Full, now) && r.Offset+int64(len(r.Data)) > d.maxFileSize(r.File) {
			return Full
		}
	}
	if t.active(WriteError, now) {
		return WriteError
	}
	return 0
}

// maxFileSize returns the largest size of a file on a full disk: its present size
// plus the free bytes.
func (d *Device) maxFileSize(file string) int64 {
	room := max(0, d.faults.capacity-d.usedBytes())
	if f := d.dir.find(file); f != nil {
		return f.size() + room
	}
	return room
}

// errorOn returns the error of an operation that f makes fail, on a file or, if
// file is empty, on the directory.
func (f Fault) errorOn(file string) error {
	err := ErrIO
	if f == Full {
		err = ErrFull
	}
	if file == "" {
		return fmt.Errorf("directory: %w", err)
	}
	return fmt.Errorf("file %q: %w", file, err)
}

// Damaged reports whether a fault has ever damaged durable data.
func (d *Device) Damaged() bool { return d.faults != nil && d.faults.damaged }

// Failed reports whether an operation has failed in this life of the process because
// of a fault.
func (d *Device) Failed() bool { return d.faults != nil && d.faults.failed }

// BeginLife notes that a life of the process begins.
func (d *Device) BeginLife(now netmodel.Duration) {
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
func (t *faultState) read(d *Device, name string, data []byte) ([]byte, error) {
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
func (d *Device) pickProvenFile(k keyed.Key) *file {
	return d.pickFile(k, func(f *file) int64 {
		durable := f.durableSize()
		f.proven, f.highWaterEnd = min(f.proven, durable), min(f.highWaterEnd, durable)
		return d.provenEnd(f)
	})
}

// pickFile picks a file that may be damaged and has a positive size, or nil.
func (d *Device) pickFile(k keyed.Key, size func(*file) int64) *file {
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
		case c.op == Truncate:
			n = c.offset
		case len(c.data) > 0:
			n = max(n, c.end())
		}
	}
	return n
}

// rot changes a proven byte, or the proven bytes of up to a sector.
func (d *Device) rot(k keyed.Key) bool {
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
func (d *Device) misdirect(k keyed.Key) bool {
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
		if c.op == Write && len(c.data) > 0 && c.end() <= proven && !slices.ContainsFunc(f.changes[i+1:f.syncedCount], c.overlaps) {
			return i, true
		}
	}
	return 0, false
}

// overlaps reports whether o changes bytes of c.
func (c change) overlaps(o change) bool {
	return o.offset < c.end() && (o.op == Truncate || c.offset < o.end())
}
