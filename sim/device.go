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
	profile DiskProfile
	proof   string // Config.Proof
	telling uint64 // the change of the file of proofs that told, as it counts them
	key     keyed.Key
	free    Duration // when the device has done all that it was asked
	dir     directory
	flight  []request            // asked for, not done; in order
	ended   request              // the last that was done
	turns   map[keyed.Key]uint64 // requests of each kind on each file, over all lives, if delays are random
	crashes uint64
	kills   uint64
	block   []byte   // room for copies of what is written
	blocks  *blocks  // where more of it comes from; nil: anew
	trouble *trouble // nil as long as nothing was ever wrong
	chance  chance   // nil: by the profile
}

// request is a DiskRequest under way: what its completion, or its undoing,
// needs.
type request struct {
	op     DiskOp
	token  uint64
	file   *file  // nil for SyncDir, or if there is none
	covers uint64 // the changes of file from the first to this one, or of SyncDir the moves
	moved  uint64 // moves before this one
	given  []byte // of a write: the data as the process gave it
	copied []byte // ... and as it was then
	done   Duration
	quiet  bool // it succeeds, and nobody waits to hear of it
	err    error
}

// submit takes r, which is sound, and says when it will be done.
func (d *disk) submit(now Duration, r *DiskRequest) (done Duration) {
	begin, delay := max(d.free, now), d.delay(r)
	var t *request
	if d.trouble == nil {
		t = d.take(r)
	} else {
		begin, delay = d.hold(now, r, begin, delay)
		t = d.takeBadly(now, r)
	}
	d.free = begin + delay
	t.done, t.quiet = d.free, r.Quiet && t.err == nil
	return d.free
}

// heard reports whether the process hears when the last request taken is done.
func (d *disk) heard() bool { return !d.flight[len(d.flight)-1].quiet }

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
	if d.turns == nil {
		d.turns = map[keyed.Key]uint64{}
	}
	d.turns[k]++
	return delay.At(k.Word(d.turns[k]))
}

// fly has r under way, about which nothing is known yet.
func (d *disk) fly(r *DiskRequest) *request {
	d.flight = append(d.flight, request{op: r.Op, token: r.Token, moved: d.dir.moved()})
	return &d.flight[len(d.flight)-1]
}

// take has r under way, and notes what it changes or what it will make durable.
func (d *disk) take(r *DiskRequest) *request {
	t := d.fly(r)
	if r.Op == DiskSyncDir {
		t.covers = t.moved
		return t
	}
	t.file = d.dir.find(r.File)
	if t.file == nil && r.Op == DiskWrite {
		t.file = &file{name: r.File, changes: d.blocks.list()}
		d.dir.move(move{to: r.File, file: t.file})
	}
	if t.file == nil {
		t.err = noFile(r.File)
		return t
	}
	switch r.Op {
	case DiskWrite, DiskTruncate:
		if d.proof != "" && r.File == d.proof {
			d.noted(t.file, r)
		}
		t.given, t.copied = r.Data, d.copy(r.Data)
		t.file.change(change{op: r.Op, offset: r.Offset, data: t.copied})
	case DiskRemove:
		d.dir.move(move{from: r.File})
	case DiskRename:
		d.dir.move(move{from: r.File, to: r.To, file: t.file})
	}
	t.covers = t.file.changed()
	return t
}

// copy is a copy of data that nobody changes.
func (d *disk) copy(data []byte) []byte { return append(d.room(len(data)), data...) }

// room is an empty slice with room for so many bytes.
func (d *disk) room(size int) []byte {
	if size > cap(d.block)-len(d.block) {
		d.block = d.blocks.take(size)
	}
	begin := len(d.block)
	d.block = d.block[:begin+size]
	return d.block[begin : begin : begin+size]
}

// finish ends the requests under way up to the first that the process hears of,
// which it returns.
func (d *disk) finish() *request {
	for d.flight[0].quiet {
		d.complete()
	}
	return d.complete()
}

// pass ends the requests that are done by now, though the process may not have
// heard of them.
func (d *disk) pass(now Duration) {
	for len(d.flight) > 0 && d.flight[0].done <= now {
		d.complete()
	}
}

// complete ends the oldest request under way, which it returns until the next one ends.
func (d *disk) complete() *request {
	r := &d.ended
	*r = d.flight[0]
	d.flight = slices.Delete(d.flight, 0, 1)
	if !bytes.Equal(r.given, r.copied) {
		panic(fmt.Sprintf("sim: the data of a write to %s changed before the write was done", r.file.name))
	}
	d.execute(r)
	if d.trouble != nil {
		d.trouble.ended(r.err)
	}
	return r
}

// execute makes durable what r covers. All else was done when r was taken.
func (d *disk) execute(r *request) {
	switch {
	case r.op == DiskSyncDir && r.err == nil:
		d.dir.settle(r.covers)
	case r.op == DiskSync && r.err == nil:
		r.file.settle(r.covers)
		if d.proof != "" && r.file.name == d.proof {
			d.attested(r.covers)
		}
	case r.op == DiskSync && r.file != nil:
		d.drop(r)
	}
}

// List implements Disk.
func (d *disk) List() ([]string, error) {
	names := make([]string, len(d.dir.read))
	for i, e := range d.dir.read {
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
	if d.trouble != nil {
		return d.trouble.read(d, name, data)
	}
	return data, nil
}

func noFile(name string) error { return fmt.Errorf("file %q: %w", name, ErrNoFile) }
