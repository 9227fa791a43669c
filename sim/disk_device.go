package sim

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// disk is one process's disk: its files, their names, and what it was asked for
// and has not done.
type disk struct {
	profile         DiskProfile
	highWaterFile   string // Config.Proof
	highWaterChange uint64 // the change of the file of proofs that told, as it counts them
	key             keyed.Key
	idleAt          Duration // when the device has done all that it was asked
	dir             directory
	inFlight        []request            // asked for, not done; in order
	last            request              // the last that was done
	requestCounts   map[keyed.Key]uint64 // requests of each kind on each file, over all lives, if delays are random
	powerLosses     uint64
	processCrashes  uint64
	buf             []byte        // room for copies of what is written
	pool            *blockPool    // where more of it comes from; nil: anew
	faults          *faultState   // nil as long as nothing was ever wrong
	outcomes        crashOutcomes // nil: by the profile
}

// request is a DiskRequest under way: what its completion, or its undoing,
// needs.
type request struct {
	op       DiskOp
	token    uint64
	file     *file  // nil for SyncDir, or if there is none
	covers   uint64 // the changes of file from the first to this one, or of SyncDir the moves
	moves    uint64 // moves before this one
	given    []byte // of a write: the data as the process gave it
	snapshot []byte // ... and as it was then
	done     Duration
	quiet    bool // it succeeds, and nobody waits to hear of it
	err      error
}

// submit takes r, which is sound, and says when it will be done.
func (d *disk) submit(now Duration, r *DiskRequest) (done Duration) {
	begin, delay := max(d.idleAt, now), d.delay(r)
	var t *request
	if d.faults == nil {
		t = d.start(r)
	} else {
		begin, delay = d.delayByFaults(now, r, begin, delay)
		t = d.startWithFaults(now, r)
	}
	d.idleAt = begin + delay
	t.done, t.quiet = d.idleAt, r.Quiet && t.err == nil
	return d.idleAt
}

// notifies reports whether the process hears when the last request taken is done.
func (d *disk) notifies() bool { return !d.inFlight[len(d.inFlight)-1].quiet }

// delay is how long a request takes, each by itself.
func (d *disk) delay(r *DiskRequest) Duration {
	delay := d.profile.Write
	if r.Op == DiskSync || r.Op == DiskSyncDir {
		delay = d.profile.Sync
	}
	if delay.Kind == netmodel.Constant {
		return delay.Min // by far the most common, and the hot path
	}
	k := d.key.Name("latency").Word(uint64(r.Op)).Name(r.File)
	if d.requestCounts == nil {
		d.requestCounts = map[keyed.Key]uint64{}
	}
	d.requestCounts[k]++
	return delay.At(k.Word(d.requestCounts[k]))
}

// enqueue has r under way, about which nothing is known yet.
func (d *disk) enqueue(r *DiskRequest) *request {
	d.inFlight = append(d.inFlight, request{op: r.Op, token: r.Token, moves: d.dir.changeCount()})
	return &d.inFlight[len(d.inFlight)-1]
}

// start has r under way, and notes what it changes or what it will make durable.
func (d *disk) start(r *DiskRequest) *request {
	t := d.enqueue(r)
	if r.Op == DiskSyncDir {
		t.covers = t.moves
		return t
	}
	t.file = d.dir.find(r.File)
	if t.file == nil && r.Op == DiskWrite {
		t.file = &file{name: r.File, changes: d.pool.changeList()}
		d.dir.change(nameChange{to: r.File, file: t.file})
	}
	if t.file == nil {
		t.err = noFile(r.File)
		return t
	}
	switch r.Op {
	case DiskWrite, DiskTruncate:
		if d.highWaterFile != "" && r.File == d.highWaterFile {
			d.onHighWaterWrite(t.file, r)
		}
		t.given, t.snapshot = r.Data, d.copy(r.Data)
		t.file.change(change{op: r.Op, offset: r.Offset, data: t.snapshot})
	case DiskRemove:
		d.dir.change(nameChange{from: r.File})
	case DiskRename:
		d.dir.change(nameChange{from: r.File, to: r.To, file: t.file})
	}
	t.covers = t.file.changeCount()
	return t
}

// copy is a copy of data that nobody changes.
func (d *disk) copy(data []byte) []byte { return append(d.alloc(len(data)), data...) }

// alloc is an empty slice with room for so many bytes.
func (d *disk) alloc(size int) []byte {
	if size > cap(d.buf)-len(d.buf) {
		d.buf = d.pool.take(size)
	}
	begin := len(d.buf)
	d.buf = d.buf[:begin+size]
	return d.buf[begin : begin : begin+size]
}

// completeNotified ends the requests under way up to the first that the process hears of,
// which it returns.
func (d *disk) completeNotified() *request {
	for d.inFlight[0].quiet {
		d.complete()
	}
	return d.complete()
}

// completeUntil ends the requests that are done by now, though the process may not have
// heard of them.
func (d *disk) completeUntil(now Duration) {
	for len(d.inFlight) > 0 && d.inFlight[0].done <= now {
		d.complete()
	}
}

// complete ends the oldest request under way, which it returns until the next one ends.
func (d *disk) complete() *request {
	r := &d.last
	*r = d.inFlight[0]
	d.inFlight = slices.Delete(d.inFlight, 0, 1)
	if !bytes.Equal(r.given, r.snapshot) {
		panic(fmt.Sprintf("sim: the data of a write to %s changed before the write was done", r.file.name))
	}
	d.execute(r)
	if d.faults != nil {
		d.faults.noteResult(r.err)
	}
	return r
}

// execute makes durable what r covers. All else was done when r was taken.
func (d *disk) execute(r *request) {
	switch {
	case r.op == DiskSyncDir && r.err == nil:
		d.dir.markSynced(r.covers)
	case r.op == DiskSync && r.err == nil:
		r.file.markSynced(r.covers)
		if d.highWaterFile != "" && r.file.name == d.highWaterFile {
			d.onHighWaterSync(r.covers)
		}
	case r.op == DiskSync && r.file != nil:
		d.dropUnsynced(r)
	}
}

// List implements Disk.
func (d *disk) List() ([]string, error) {
	names := make([]string, len(d.dir.visible))
	for i, e := range d.dir.visible {
		names[i] = e.name
	}
	return names, nil
}

// Read implements Disk.
func (d *disk) Read(name string) ([]byte, error) {
	f := d.dir.find(name)
	if f == nil {
		return nil, noFile(name)
	}
	data := f.read(d)
	if d.faults != nil {
		return d.faults.read(d, name, data)
	}
	return data, nil
}

func noFile(name string) error { return fmt.Errorf("file %q: %w", name, ErrNoFile) }
