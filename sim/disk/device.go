package disk

import (
	"bytes"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Config describes the disk of one process.
type Config struct {
	Profile       Profile
	HighWaterFile string    // the file in which the process keeps high-water marks, see Fault; empty: none
	Key           keyed.Key // root of the choices
	// Changed is called when the data of a write has changed before the write was
	// done, a mistake of the process, with the time when it was done. nil: panic.
	Changed func(file string, at netmodel.Duration)
}

// Device is one process's disk: its files, their names, and the requests in flight. The
// zero Device is an empty disk that takes no time.
type Device struct {
	profile         Profile
	highWaterFile   string
	highWaterChange uint64 // number of the last change of the high-water file with new content
	key             keyed.Key
	idleAt          netmodel.Duration // when all requests are done
	dir             directory
	inFlight        []request            // not completed, in order
	last            request              // the last that completed
	requestCounts   map[keyed.Key]uint64 // requests by kind and file, over all lives, if latencies are random
	powerLosses     uint64
	processCrashes  uint64
	buf             []byte        // free space for copies of data
	buffers         *Buffers      // source of buf; nil: allocate
	faults          *faultState   // nil until the first fault
	outcomes        crashOutcomes // nil: random, by the profile

	changed func(file string, at netmodel.Duration) // Config.Changed
}

// New returns an empty disk.
func New(c Config) *Device {
	return &Device{profile: c.Profile, highWaterFile: c.HighWaterFile, key: c.Key, changed: c.Changed}
}

// emptied returns an empty disk of the same kind with other choices.
func (d *Device) emptied(k keyed.Key) Device {
	return Device{profile: d.profile, highWaterFile: d.highWaterFile, changed: d.changed, buffers: d.buffers, key: k}
}

// Reseed has all further choices made from another key.
func (d *Device) Reseed(k keyed.Key) { d.key = k }

// Wipe empties the disk, whose process is down. life is the number of its last life.
func (d *Device) Wipe(life uint64) { *d = d.emptied(d.key.Name("wiped").Word(life)) }

// request is a Request in flight, with the state for its completion or
// undoing.
type request struct {
	op       Op
	token    uint64
	file     *file  // nil for SyncDir, or if it does not exist
	covers   uint64 // changes of file up to this one; for SyncDir, changes of names
	moves    uint64 // changes of names before this request
	given    []byte // data of a write, in the memory of the process
	snapshot []byte // copy of given at the request
	done     netmodel.Duration
	quiet    bool // it succeeds, and the process does not hear of it
	chained  bool // Request.Chained
	err      error
}

// Submit takes r, which is well formed, and returns when it will be done.
func (d *Device) Submit(now netmodel.Duration, r *Request) (done netmodel.Duration) {
	begin, delay := d.NextBegin(now), d.delay(r)
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

// NextBegin returns when a request that is submitted now begins, if no fault delays it.
func (d *Device) NextBegin(now netmodel.Duration) netmodel.Duration { return max(d.idleAt, now) }

// Notifies reports whether the process hears of the completion of the last request
// submitted.
func (d *Device) Notifies() bool { return !d.inFlight[len(d.inFlight)-1].quiet }

// delay returns the latency of a request.
func (d *Device) delay(r *Request) netmodel.Duration {
	delay := d.profile.Write
	if r.Op == Sync || r.Op == SyncDir {
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
func (d *Device) enqueue(r *Request) *request {
	d.inFlight = append(d.inFlight, request{op: r.Op, token: r.Token, moves: d.dir.changeCount(), chained: r.Chained})
	return &d.inFlight[len(d.inFlight)-1]
}

// start adds r to the requests in flight, and records the change that it makes or
// the changes that it will make durable.
func (d *Device) start(r *Request) *request {
	t := d.enqueue(r)
	if r.Op == SyncDir {
		t.covers = t.moves
		return t
	}
	t.file = d.dir.find(r.File)
	if t.file == nil && r.Op == Write {
		t.file = &file{name: r.File, changes: d.buffers.changeList()}
		d.dir.change(nameChange{to: r.File, file: t.file})
	}
	if t.file == nil {
		t.err = noFile(r.File)
		return t
	}
	switch r.Op {
	case Write, Truncate:
		if d.highWaterFile != "" && r.File == d.highWaterFile {
			d.onHighWaterWrite(t.file, r)
		}
		t.given, t.snapshot = r.Data, d.copy(r.Data)
		t.file.used = t.file.used || len(r.Data) > 0
		t.file.change(change{op: r.Op, offset: r.Offset, data: t.snapshot})
	case Remove:
		d.dir.change(nameChange{from: r.File})
	case Rename:
		t.file.used = false
		d.dir.change(nameChange{from: r.File, to: r.To, file: t.file})
	}
	t.covers = t.file.changeCount()
	return t
}

// copy returns a copy of data in memory of d.
func (d *Device) copy(data []byte) []byte { return append(d.alloc(len(data)), data...) }

// alloc returns an empty slice with capacity size.
func (d *Device) alloc(size int) []byte {
	if size > cap(d.buf)-len(d.buf) {
		d.buf = d.buffers.take(size)
	}
	begin := len(d.buf)
	d.buf = d.buf[:begin+size]
	return d.buf[begin : begin : begin+size]
}

// CompleteNotified completes the requests in flight up to the first that the process
// hears of, and returns its token and result.
func (d *Device) CompleteNotified() (token uint64, err error) {
	for d.inFlight[0].quiet {
		d.complete()
	}
	r := d.complete()
	return r.token, r.err
}

// CompleteUntil completes the requests that are done by now, even if the process has
// not heard of them.
func (d *Device) CompleteUntil(now netmodel.Duration) {
	for len(d.inFlight) > 0 && d.inFlight[0].done <= now {
		d.complete()
	}
}

// complete completes the oldest request in flight. The result is valid until the
// next completion.
func (d *Device) complete() *request {
	r := &d.last
	*r = d.inFlight[0]
	d.inFlight = d.inFlight[:copy(d.inFlight, d.inFlight[1:])]
	if !bytes.Equal(r.given, r.snapshot) {
		d.reportChanged(r)
	}
	d.execute(r)
	if r.err != nil {
		d.failChained(0, r.err)
	}
	if d.faults != nil {
		d.faults.noteResult(r.err)
	}
	return r
}

// reportChanged reports that the data of r has changed.
func (d *Device) reportChanged(r *request) {
	if d.changed == nil {
		panic(fmt.Sprintf("disk: the data of a write to %s changed before the write was done", r.file.name))
	}
	d.changed(r.file.name, r.done)
}

// execute makes durable the changes that r covers. All else was done when r
// started.
func (d *Device) execute(r *request) {
	switch {
	case r.op == SyncDir && r.err == nil:
		d.dir.markSynced(r.covers)
	case r.op == Sync && r.err == nil:
		r.file.markSynced(r.covers)
		if d.highWaterFile != "" && r.file.name == d.highWaterFile {
			d.onHighWaterSync(r.covers)
		}
	case r.op == Sync && r.file != nil:
		d.dropUnsynced(r)
	}
}

// List implements View.
func (d *Device) List() ([]string, error) {
	names := make([]string, len(d.dir.visible))
	for i, e := range d.dir.visible {
		names[i] = e.name
	}
	return names, nil
}

// Read implements View.
func (d *Device) Read(name string) ([]byte, error) {
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

// NameHash returns a hash of the name of a file.
func (d *Device) NameHash(file string) uint64 { return d.dir.hash(file) }

func noFile(name string) error { return fmt.Errorf("file %q: %w", name, ErrNoFile) }
