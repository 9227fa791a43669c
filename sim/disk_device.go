package sim

import (
	"bytes"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// disk is one process's disk: its files, their names, and the requests in flight.
type disk struct {
	profile         DiskProfile
	highWaterFile   string // Config.HighWaterFile
	highWaterChange uint64 // number of the last change of the high-water file with new content
	key             keyed.Key
	idleAt          Duration // when all requests are done
	dir             directory
	inFlight        []request            // not completed, in order
	last            request              // the last that completed
	requestCounts   map[keyed.Key]uint64 // requests by kind and file, over all lives, if latencies are random
	powerLosses     uint64
	processCrashes  uint64
	buf             []byte        // free space for copies of data
	pool            *blockPool    // source of buf; nil: allocate
	faults          *faultState   // nil until the first fault
	outcomes        crashOutcomes // nil: random, by the profile
}

// request is a DiskRequest in flight, with the state for its completion or
// undoing.
type request struct {
	op       DiskOp
	token    uint64
	file     *file  // nil for SyncDir, or if it does not exist
	covers   uint64 // changes of file up to this one; for SyncDir, changes of names
	moves    uint64 // changes of names before this request
	given    []byte // data of a write, in the memory of the process
	snapshot []byte // copy of given at the request
	done     Duration
	quiet    bool // it succeeds, and the process gets no DiskDone
	err      error
}

// submit takes r, which is well formed, and returns when it will be done.
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

// notifies reports whether the last request submitted ends with a DiskDone.
func (d *disk) notifies() bool { return !d.inFlight[len(d.inFlight)-1].quiet }

// delay returns the latency of a request.
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

// enqueue adds r to the requests in flight, without effect on any file.
func (d *disk) enqueue(r *DiskRequest) *request {
	d.inFlight = append(d.inFlight, request{op: r.Op, token: r.Token, moves: d.dir.changeCount()})
	return &d.inFlight[len(d.inFlight)-1]
}

// start adds r to the requests in flight, and records the change that it makes or
// the changes that it will make durable.
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
		t.file.used = t.file.used || len(r.Data) > 0
		t.file.change(change{op: r.Op, offset: r.Offset, data: t.snapshot})
	case DiskRemove:
		d.dir.change(nameChange{from: r.File})
	case DiskRename:
		t.file.used = false
		d.dir.change(nameChange{from: r.File, to: r.To, file: t.file})
	}
	t.covers = t.file.changeCount()
	return t
}

// copy returns a copy of data in memory of d.
func (d *disk) copy(data []byte) []byte { return append(d.alloc(len(data)), data...) }

// alloc returns an empty slice with capacity size.
func (d *disk) alloc(size int) []byte {
	if size > cap(d.buf)-len(d.buf) {
		d.buf = d.pool.take(size)
	}
	begin := len(d.buf)
	d.buf = d.buf[:begin+size]
	return d.buf[begin : begin : begin+size]
}

// completeNotified completes the requests in flight up to the first with a
// DiskDone, which it returns.
func (d *disk) completeNotified() *request {
	for d.inFlight[0].quiet {
		d.complete()
	}
	return d.complete()
}

// completeUntil completes the requests that are done by now, even if their
// DiskDone has not reached the process.
func (d *disk) completeUntil(now Duration) {
	for len(d.inFlight) > 0 && d.inFlight[0].done <= now {
		d.complete()
	}
}

// complete completes the oldest request in flight. The result is valid until the
// next completion.
func (d *disk) complete() *request {
	r := &d.last
	*r = d.inFlight[0]
	d.inFlight = d.inFlight[:copy(d.inFlight, d.inFlight[1:])]
	if !bytes.Equal(r.given, r.snapshot) {
		panic(&Misuse{Class: MisuseWriteChanged, At: r.done, Text: fmt.Sprintf(
			"the data of a write to %s changed before the write was done: give the disk a copy, or wait for DiskDone", r.file.name)})
	}
	d.execute(r)
	if d.faults != nil {
		d.faults.noteResult(r.err)
	}
	return r
}

// execute makes durable the changes that r covers. All else was done when r
// started.
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
