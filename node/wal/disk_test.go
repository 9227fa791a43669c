package wal_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// disk is a simulated directory. It holds the durable contents, the contents that a
// process reads, and the pending changes between the two. At a power loss any subset
// of the pending changes survives; writes are torn at sector boundaries. Contents and
// changes are indexed by the name that a process sees; names holds the durable names.
type disk struct {
	sector  int // bytes
	names   map[string]bool
	durable map[string][]byte
	visible map[string][]byte
	pending []change
}

// change is a request that was executed and not synced. The disk retains the
// request's data, and compares it with a copy at the sync.
type change struct {
	wal.DiskRequest
	copied []byte
}

func newDisk(sector int) *disk {
	return &disk{sector: sector, names: map[string]bool{}, durable: map[string][]byte{}, visible: map[string][]byte{}}
}

// diskWith returns a disk with one durable segment, padded to the length of roomy
// segments, and a mark of position zero.
func diskWith(data []byte) *disk {
	return diskOf(map[string][]byte{segment1: padded(data), marksFile: noMarks})
}

// padded appends zeros to a segment up to the length of a roomy one.
func padded(data []byte) []byte {
	return append(bytes.Clone(data), make([]byte, max(0, oneSegment.Segment-len(data)))...)
}

func diskOf(files map[string][]byte) *disk {
	d := newDisk(512)
	for name, data := range files {
		d.put(name, data)
	}
	return d
}

func (d *disk) put(name string, data []byte) {
	d.names[name], d.durable[name], d.visible[name] = true, bytes.Clone(data), bytes.Clone(data)
}

// state describes the durable contents: everything that a crash can no longer change.
func (d *disk) state() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		b.WriteString(name)
		if name == marksFile {
			b.WriteString(describeMarks(d.durable[name]))
		} else {
			b.Write(d.durable[name])
		}
	}
	return b.String()
}

func (d *disk) List() ([]string, error) { return slices.Sorted(maps.Keys(d.visible)), nil }

func (d *disk) Read(name string) ([]byte, error) {
	data, ok := d.visible[name]
	if !ok {
		return nil, errors.New("no such file")
	}
	return bytes.Clone(data), nil
}

// execute carries out a request, and panics if a log must not issue it.
func (d *disk) execute(r wal.DiskRequest) {
	data, found := d.visible[r.File]
	switch {
	case !found && r.Op != wal.Create && r.Op != wal.SyncDir:
		panic("no such file: " + r.String())
	case r.Op == wal.Allocate && int(r.Offset) <= len(data):
		panic("not longer: " + r.String())
	case r.Op == wal.Create && d.removalPending(r.File), r.Op == wal.Rename && d.removalPending(r.To):
		panic("its predecessor may come back: " + r.String())
	case r.Op == wal.Rename && d.visible[r.To] != nil:
		panic("there is one: " + r.String())
	}
	switch r.Op {
	case wal.Rename:
		d.rename(r.File, r.To)
		d.pending = append(d.pending, change{DiskRequest: r})
	case wal.Sync, wal.SyncDir:
		d.settle(r, func(change) bool { return true })
	default:
		c := change{r, bytes.Clone(r.Data)}
		d.pending = append(d.pending, c)
		c.apply(d.visible)
	}
}

// removalPending reports whether a removal or rename of a file is not yet durable.
func (d *disk) removalPending(file string) bool {
	return slices.ContainsFunc(d.pending, func(c change) bool {
		return (c.Op == wal.Remove || c.Op == wal.Rename) && c.File == file
	})
}

// rename moves the contents and changes of a file to another name.
func (d *disk) rename(file, to string) {
	for i := range d.pending {
		if c := &d.pending[i]; !c.ofNames() && c.File == file {
			c.File = to
		}
	}
	move(d.visible, file, to)
	move(d.durable, file, to)
}

func move(files map[string][]byte, file, to string) {
	if data, found := files[file]; found {
		files[to] = data
		delete(files, file)
	}
}

// failSync fails a sync of a file as some kernels do: some of the pending pieces
// become durable, the others never will, but all stay readable.
func (d *disk) failSync(r wal.DiskRequest, keep func() bool) {
	for _, piece := range d.pieces() {
		if piece.coveredBy(r) && keep() {
			d.persist(piece)
		}
	}
	d.settle(r, func(change) bool { return false })
}

// settle makes the pending changes that a sync covers durable, if keep accepts them,
// or else drops them.
func (d *disk) settle(r wal.DiskRequest, keep func(change) bool) {
	var rest []change
	for _, c := range d.pending {
		switch {
		case !c.coveredBy(r):
			rest = append(rest, c)
		case c.File != marksFile && !bytes.Equal(c.Data, c.copied): // a mark may be overwritten before it is synced
			panic("data changed before its sync: " + c.String())
		case keep(c):
			d.persist(c)
		}
	}
	d.pending = rest
}

func (c change) ofNames() bool { return c.Op == wal.Create || c.Op == wal.Remove || c.Op == wal.Rename }

func (c change) coveredBy(sync wal.DiskRequest) bool {
	if sync.Op == wal.SyncDir {
		return c.ofNames()
	}
	return !c.ofNames() && c.File == sync.File
}

func (d *disk) persist(c change) {
	c.apply(d.durable)
	c.applyNames(d.names)
}

// applyNames applies the change to a set of names.
func (c change) applyNames(names map[string]bool) {
	switch c.Op {
	case wal.Create:
		names[c.File] = true
	case wal.Remove:
		delete(names, c.File)
	case wal.Rename:
		delete(names, c.File)
		names[c.To] = true
	}
}

// apply applies the change to a set of files, in which renamed files already have
// their new names.
func (c change) apply(files map[string][]byte) {
	if c.Op == wal.Rename {
		return
	}
	data := files[c.File]
	if data == nil {
		data = []byte{}
	}
	grow := int(c.Offset) + len(c.copied)
	switch {
	case c.Op == wal.Remove:
		delete(files, c.File)
		return
	case c.Op == wal.Create:
		grow = 0
	case c.Op == wal.Truncate && len(data) > grow:
		data = data[:grow]
	}
	if len(data) < grow {
		data = append(data, make([]byte, grow-len(data))...)
	}
	copy(data[min(int(c.Offset), len(data)):], c.copied)
	files[c.File] = data
}

// pieces splits the pending changes into the pieces that a power loss keeps or drops.
// A write is one piece per sector, and if it extends the file, one piece that only
// does that.
func (d *disk) pieces() []change {
	var all []change
	for _, c := range d.pending {
		if c.Op != wal.Write {
			all = append(all, c)
			continue
		}
		end := int(c.Offset) + len(c.copied)
		if end > len(d.durable[c.File]) {
			all = append(all, change{DiskRequest: wal.DiskRequest{Op: wal.Write, File: c.File, Offset: int64(end)}})
		}
		sector := d.sector
		if c.File == marksFile {
			sector = 44 // each slot is torn in two, within the bytes that change
		}
		for from := int(c.Offset); from < end; {
			to := min(end, (from/sector+1)*sector)
			data := c.copied[from-int(c.Offset) : to-int(c.Offset)]
			r := wal.DiskRequest{Op: wal.Write, File: c.File, Offset: int64(from), Data: data}
			all = append(all, change{r, data})
			from = to
		}
	}
	return all
}

// powerLoss returns the disk after a power loss that the pieces in keep survive.
func (d *disk) powerLoss(keep func(piece int) bool) *disk {
	after := newDisk(d.sector)
	names := maps.Clone(d.names)
	for name, data := range d.durable {
		after.durable[name] = bytes.Clone(data)
	}
	var back []change // lost renames
	for i, c := range d.pieces() {
		if keep(i) {
			c.apply(after.durable)
			c.applyNames(names)
		} else if c.Op == wal.Rename {
			back = append(back, c)
		}
	}
	for _, c := range slices.Backward(back) {
		move(after.durable, c.To, c.File)
	}
	for name := range names {
		after.put(name, after.durable[name])
	}
	maps.DeleteFunc(after.durable, func(name string, _ []byte) bool { return !names[name] })
	return after
}
