package wal_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// disk is a simulated directory. It keeps what is durable, what a process
// reads, and the changes in between. At a power loss any subset of the pending
// changes survives, writes torn at the sectors they cover.
type disk struct {
	sector  int // bytes
	names   map[string]bool
	durable map[string][]byte
	visible map[string][]byte
	pending []change
}

// change is a request that was executed and not synced. The disk holds on to
// the data it was given and compares it with a copy at the sync.
type change struct {
	wal.Request
	copied []byte
}

func newDisk(sector int) *disk {
	return &disk{sector: sector, names: map[string]bool{}, durable: map[string][]byte{}, visible: map[string][]byte{}}
}

// diskWith is a disk with one segment, durable.
func diskWith(data []byte) *disk {
	d := newDisk(512)
	d.put(segment1, data)
	return d
}

func (d *disk) put(name string, data []byte) {
	d.names[name], d.durable[name], d.visible[name] = true, bytes.Clone(data), bytes.Clone(data)
}

func (d *disk) List() ([]string, error) { return slices.Sorted(maps.Keys(d.visible)), nil }

func (d *disk) Read(name string) ([]byte, error) {
	data, ok := d.visible[name]
	if !ok {
		return nil, errors.New("no such file")
	}
	return bytes.Clone(data), nil
}

// execute does what a request asks for.
func (d *disk) execute(r wal.Request) {
	if (r.Op == wal.Write || r.Op == wal.Truncate || r.Op == wal.Sync) && d.visible[r.File] == nil {
		panic("no such file: " + r.String())
	}
	switch r.Op {
	case wal.Sync, wal.SyncDir:
		d.settle(r, func(change) bool { return true })
	default:
		c := change{r, bytes.Clone(r.Data)}
		d.pending = append(d.pending, c)
		c.apply(d.visible)
	}
}

// failSync fails a sync of a file as some kernels do: of the pending pieces
// some become durable, the others never will, but all stay readable.
func (d *disk) failSync(r wal.Request, keep func() bool) {
	for _, piece := range d.pieces() {
		if piece.coveredBy(r) && keep() {
			d.persist(piece)
		}
	}
	d.settle(r, func(change) bool { return false })
}

// settle ends the pending time of all changes that a sync covers.
func (d *disk) settle(r wal.Request, keep func(change) bool) {
	var rest []change
	for _, c := range d.pending {
		switch {
		case !c.coveredBy(r):
			rest = append(rest, c)
		case !bytes.Equal(c.Data, c.copied):
			panic("data changed before its sync: " + c.String())
		case keep(c):
			d.persist(c)
		}
	}
	d.pending = rest
}

func (c change) coveredBy(sync wal.Request) bool {
	if sync.Op == wal.SyncDir {
		return c.Op == wal.Create
	}
	return c.Op != wal.Create && c.File == sync.File
}

func (d *disk) persist(c change) {
	c.apply(d.durable)
	if c.Op == wal.Create {
		d.names[c.File] = true
	}
}

// apply makes the change in a set of files.
func (c change) apply(files map[string][]byte) {
	data := files[c.File]
	if data == nil {
		data = []byte{}
	}
	grow := int(c.Offset) + len(c.copied)
	switch {
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

// pieces are the pending changes as a power loss sees them: each survives or
// not. A write is one piece per sector, and one that only makes the file longer.
func (d *disk) pieces() []change {
	var all []change
	for _, c := range d.pending {
		if c.Op != wal.Write {
			all = append(all, c)
			continue
		}
		end := int(c.Offset) + len(c.copied)
		longer := change{Request: wal.Request{Op: wal.Write, File: c.File, Offset: int64(end)}}
		all = append(all, longer)
		for from := int(c.Offset); from < end; {
			to := min(end, (from/d.sector+1)*d.sector)
			data := c.copied[from-int(c.Offset) : to-int(c.Offset)]
			r := wal.Request{Op: wal.Write, File: c.File, Offset: int64(from), Data: data}
			all = append(all, change{r, data})
			from = to
		}
	}
	return all
}

// powerLoss is the disk after a crash that some pieces survived.
func (d *disk) powerLoss(keep func(piece int) bool) *disk {
	after := newDisk(d.sector)
	names := maps.Clone(d.names)
	for name, data := range d.durable {
		after.durable[name] = bytes.Clone(data)
	}
	for i, c := range d.pieces() {
		if keep(i) {
			c.apply(after.durable)
			if c.Op == wal.Create {
				names[c.File] = true
			}
		}
	}
	for name := range names {
		after.put(name, after.durable[name])
	}
	maps.DeleteFunc(after.durable, func(name string, _ []byte) bool { return !names[name] })
	return after
}
