package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// DiskFault is something that goes wrong with a disk, beyond what its
// DiskProfile allows.
type DiskFault uint8

// The faults. Those of Damages do so at once to what is durable, and for good; the
// others last for a while.
//
// Damage is only ever done to bytes that a later sync of the same file came
// after, or one of the file of proofs (Config.Proof), and that nobody has written
// since: a log that syncs one batch at a time can tell such damage from a torn
// tail, and nothing else. Zeroed and Cut need that other file.
const (
	Rot         DiskFault = iota + 1 // a byte or a sector changes
	Misdirected                      // a write turns out to have landed elsewhere: the right place is as before, the wrong one is overwritten
	ReadError                        // reads fail
	ShortRead                        // reads give the first part of the file and fail
	WriteError                       // all but syncs fails; of a write the first sectors may be done
	SyncError                        // syncs fail, and forget what they cover: it can be read until the power fails, and no later sync writes it
	FullDisk                         // files, holes included, cannot grow much longer; a write does what fits and fails
	SlowDisk                         // everything takes up to a hundred times as long
	StuckSync                        // no sync begins before the fault ends
	Zeroed                           // a file is zeros from somewhere on
	Cut                              // a file is shorter than it was
	diskFaults
)

var diskFaultNames = [diskFaults]string{
	Rot: "rot", Misdirected: "misdirect", ReadError: "read_error", ShortRead: "short_read", WriteError: "write_error",
	SyncError: "sync_error", FullDisk: "full", SlowDisk: "slow", StuckSync: "stuck", Zeroed: "zeroed", Cut: "cut",
}

// DiskFaults lists them.
func DiskFaults() []DiskFault {
	all := make([]DiskFault, 0, diskFaults-1)
	for f := Rot; f < diskFaults; f++ {
		all = append(all, f)
	}
	return all
}

// Damages reports whether f changes what is durable.
func (f DiskFault) Damages() bool {
	return f == Rot || f == Misdirected || f == Zeroed || f == Cut
}

func (f DiskFault) String() string {
	if f == 0 || f >= diskFaults {
		return fmt.Sprintf("disk fault %d", uint8(f))
	}
	return diskFaultNames[f]
}

// MarshalText gives the name of a fault.
func (f DiskFault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (f *DiskFault) UnmarshalText(text []byte) error {
	i := slices.Index(diskFaultNames[1:], string(text))
	if i < 0 {
		return fmt.Errorf("disk fault %q: want one of %v", text, DiskFaults())
	}
	*f = DiskFault(i + 1)
	return nil
}

// DiskHits counts, by fault, how often something came of it: damage done,
// requests and reads that failed, requests that were late.
type DiskHits [diskFaults]uint64

// Add adds up.
func (h *DiskHits) Add(o DiskHits) {
	for i := range h {
		h[i] += o[i]
	}
}

// trouble is what is or was wrong with a disk.
type trouble struct {
	until    [diskFaults]Duration // when each fault ends
	capacity int64                // of a full disk, in bytes
	turns    [diskFaults]uint64   // requests and reads that each has met
	hits     *DiskHits            // of all disks of a world
	now      Duration             // of the boot under way
	failed   bool                 // an operation of this life ended with an error of a fault
	damaged  bool                 // something durable was changed
	leans    bool                 // ... of which nothing but the file of proofs may tell
}

func (t *trouble) active(f DiskFault, now Duration) bool { return now < t.until[f] }

func (t *trouble) hit(f DiskFault) { t.hits[f]++ }

// inflict has f begin, or go on, until a time.
func (d *disk) inflict(f DiskFault, now, until Duration, hits *DiskHits) {
	if d.trouble == nil {
		d.trouble = &trouble{hits: hits}
	}
	t := d.trouble
	k := d.key.Name(diskFaultNames[f]).Word(uint64(now)) // whatever else befalls the disk
	switch {
	case f == Rot && d.rot(k), f == Misdirected && d.misdirect(k), f == Zeroed && d.blank(k), f == Cut && d.cut(k):
		t.damaged = true
		t.hit(f)
	case f == FullDisk && !t.active(f, now):
		t.capacity = d.used() + int64(k.Name("room").Below(fullRoom))
	}
	t.until[f] = max(t.until[f], until)
}

// fullRoom bounds the bytes that are left on a disk that becomes full.
const fullRoom = 1 << 10

// used is how many bytes all files have.
func (d *disk) used() (n int64) {
	for _, e := range d.dir.read {
		n += e.file.size()
	}
	return n
}

// mend ends every fault. What was damaged stays so.
func (d *disk) mend() {
	if d.trouble != nil {
		d.trouble.until = [diskFaults]Duration{}
	}
}

// hold is when r begins and how long it takes.
func (d *disk) hold(now Duration, r *DiskRequest, begin, delay Duration) (Duration, Duration) {
	t := d.trouble
	if t.active(SlowDisk, now) {
		t.hit(SlowDisk)
		t.turns[SlowDisk]++
		delay *= Duration(1 + d.key.Name("slow").Word(t.turns[SlowDisk]).Below(slowest))
	}
	if t.active(StuckSync, now) && (r.Op == DiskSync || r.Op == DiskSyncDir) {
		t.hit(StuckSync)
		begin = max(begin, t.until[StuckSync])
	}
	return begin, delay
}

// slowest is how many times as long anything takes at most.
const slowest = 100

// takeBadly is take with faults.
func (d *disk) takeBadly(now Duration, r *DiskRequest) *request {
	f := d.obstacle(now, r)
	if f == 0 {
		return d.take(r)
	}
	d.trouble.hit(f)
	bad := *r
	switch {
	case f == SyncError && r.Op == DiskSync && d.dir.find(r.File) != nil:
		t := d.take(r)
		t.err = f.on(r.File)
		return t
	case f == FullDisk && r.Op == DiskWrite:
		bad.Data = r.Data[:max(0, d.longest(r.File)-r.Offset)]
	case r.Op == DiskWrite:
		c := change{op: DiskWrite, offset: r.Offset, data: r.Data}
		d.trouble.turns[f]++
		n := d.key.Name("partial").Word(d.trouble.turns[f]).Below(uint64(c.sectors(d.profile) + 1))
		bad.Data = c.first(int(n), d.profile).data
	default:
		t := d.fly(r)
		t.err = f.on(r.File)
		return t
	}
	t := d.take(&bad)
	t.err, t.file.torn = f.on(r.File), true
	return t
}

// obstacle is the fault that r meets, or 0.
func (d *disk) obstacle(now Duration, r *DiskRequest) DiskFault {
	t := d.trouble
	switch r.Op {
	case DiskSync, DiskSyncDir:
		if t.active(SyncError, now) {
			return SyncError
		}
		return 0
	case DiskWrite, DiskTruncate:
		if t.active(FullDisk, now) && r.Offset+int64(len(r.Data)) > d.longest(r.File) {
			return FullDisk
		}
	}
	if t.active(WriteError, now) {
		return WriteError
	}
	return 0
}

// longest is how long a full disk lets a file be: as long as it is, or longer by
// the room that is left.
func (d *disk) longest(file string) int64 {
	room := max(0, d.trouble.capacity-d.used())
	if f := d.dir.find(file); f != nil {
		return f.size() + room
	}
	return room
}

// on is the error of an operation on a file, or on the directory, that f makes
// fail.
func (f DiskFault) on(file string) error {
	err := ErrIO
	if f == FullDisk {
		err = ErrFull
	}
	if file == "" {
		return fmt.Errorf("directory: %w", err)
	}
	return fmt.Errorf("file %q: %w", file, err)
}

// begin tells a disk that a life of its process begins.
func (d *disk) begin(now Duration) {
	if d.trouble != nil {
		d.trouble.now, d.trouble.failed = now, false
	}
}

// ended notes how a request ended.
func (t *trouble) ended(err error) {
	if errors.Is(err, ErrIO) || errors.Is(err, ErrFull) {
		t.failed = true
	}
}

// read is what a read of a file gives.
func (t *trouble) read(d *disk, name string, data []byte) ([]byte, error) {
	switch {
	case t.active(ReadError, t.now):
		t.failed = true
		t.hit(ReadError)
		return nil, ReadError.on(name)
	case t.active(ShortRead, t.now):
		t.failed = true
		t.hit(ShortRead)
		t.turns[ShortRead]++
		n := d.key.Name("short").Word(t.turns[ShortRead]).Below(uint64(len(data) + 1))
		return data[:n], ShortRead.on(name)
	}
	return data, nil
}

// victim picks a file in which there is something to damage.
func (d *disk) victim(k keyed.Key) *file {
	return d.pick(k, func(f *file) int64 {
		durable := f.durable()
		f.proven, f.attested = min(f.proven, durable), min(f.attested, durable)
		return d.provenBy(f)
	})
}

// pick picks a file of which there is something.
func (d *disk) pick(k keyed.Key, size func(*file) int64) *file {
	var sound []*file
	for _, e := range d.dir.read {
		e.file.attest()
		if size(e.file) > 0 && !d.spared(e.file) {
			sound = append(sound, e.file)
		}
	}
	if len(sound) == 0 {
		return nil
	}
	return sound[k.Name("file").Below(uint64(len(sound)))]
}

// durable is how long the settled part of f is; 0 if some of it was lost.
func (f *file) durable() int64 {
	n := int64(len(f.image))
	for _, c := range f.changes[:f.settled] {
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

// rot changes a byte, or part of a sector, of what is proven.
func (d *disk) rot(k keyed.Key) bool {
	f := d.victim(k)
	if f == nil {
		return false
	}
	f.fold()
	proven := d.provenBy(f)
	at := int64(k.Name("at").Below(uint64(proven)))
	end := at + 1
	if k.Name("sector").Chance(500_000) {
		end = min(proven, at+sectorSize)
	}
	for i := at; i < end; i++ {
		f.image[i] ^= byte(1 + k.Word(uint64(i)).Below(255))
	}
	d.lean(f)
	return true
}

// misdirect takes a write that is proven, puts back what was there before it,
// and has it overwrite another place that is.
func (d *disk) misdirect(k keyed.Key) bool {
	f := d.victim(k)
	if f == nil {
		return false
	}
	i, found := f.alone(k.Name("write"), d.provenBy(f))
	if !found {
		return false
	}
	c := f.changes[i]
	before := slices.Clone(f.image)
	for _, earlier := range f.changes[:i] {
		before = earlier.apply(before)
	}
	was := resize(before, max(int64(len(before)), c.end()))[c.offset:c.end()]
	g := d.victim(k.Name("elsewhere"))
	f.fold()
	g.fold()
	copy(f.image[c.offset:], was)
	proven := d.provenBy(g)
	if at := int64(k.Name("at").Below(uint64(proven))); g != f || at != c.offset {
		copy(g.image[at:proven], c.data)
		d.lean(g)
	}
	d.lean(f)
	return true
}

// alone picks a settled write that is proven and that no later change of f has
// to do with.
func (f *file) alone(k keyed.Key, proven int64) (int, bool) {
	n := uint64(f.settled)
	for j := range n {
		i := int((k.Below(max(n, 1)) + j) % n)
		c := f.changes[i]
		if c.op == DiskWrite && len(c.data) > 0 && c.end() <= proven && !slices.ContainsFunc(f.changes[i+1:f.settled], c.meets) {
			return i, true
		}
	}
	return 0, false
}

// meets reports whether o changes bytes of c.
func (c change) meets(o change) bool {
	return o.offset < c.end() && (o.op == DiskTruncate || c.offset < o.end())
}
