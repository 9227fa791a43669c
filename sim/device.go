package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// disk is one process's disk: what is durable and, in order, the changes that
// are not.
type disk struct {
	profile DiskProfile
	key     keyed.Key
	free    Duration             // when the device has done all that it was asked
	files   []*file              // sorted by name
	made    uint64               // files that ever came to be
	flight  []request            // asked for, not done; in order
	turns   map[keyed.Key]uint64 // requests of each kind on each file, over all lives
	crashes uint64
	block   []byte // room for copies of what is written
}

// file is a sequence of changes: the first are durable. Of these, the oldest
// are kept as one image.
type file struct {
	name    string
	number  uint64 // of disk.made
	linked  bool   // its directory entry is durable
	image   []byte
	folded  uint64   // changes that are in image
	changes []change // those that are not
	durable int      // of changes, the first
}

// change is a write or a truncation.
type change struct {
	op     DiskOp
	offset int64
	data   []byte // a copy
}

// request is a DiskRequest under way: what its completion needs.
type request struct {
	op     DiskOp
	token  uint64
	file   *file  // nil for SyncDir, or if there is none
	covers uint64 // of a sync: the file's changes, or all files, from the first to this one
	given  []byte // of a write: the data as the process gave it
	copied []byte // ... and as it was then
	err    error
}

// submit takes r, which is sound, and says when it will be done.
func (d *disk) submit(now Duration, r *DiskRequest) (done Duration) {
	d.flight = append(d.flight, d.take(r))
	delay := d.profile.Write
	if r.Op == DiskSync || r.Op == DiskSyncDir {
		delay = d.profile.Sync
	}
	k := d.key.Name("latency").Word(uint64(r.Op)).Name(r.File)
	if d.turns == nil {
		d.turns = map[keyed.Key]uint64{}
	}
	d.turns[k]++
	d.free = max(d.free, now) + delay.At(k.Word(d.turns[k]))
	return d.free
}

// take notes what r changes, or what it will make durable.
func (d *disk) take(r *DiskRequest) request {
	t := request{op: r.Op, token: r.Token, covers: d.made}
	if r.Op == DiskSyncDir {
		return t
	}
	i, found := d.find(r.File)
	if !found {
		if r.Op != DiskWrite {
			t.err = noFile(r.File)
			return t
		}
		d.made++
		d.files = slices.Insert(d.files, i, &file{name: r.File, number: d.made})
	}
	t.file = d.files[i]
	if r.Op != DiskSync {
		t.given, t.copied = r.Data, d.copy(r.Data)
		t.file.changes = append(t.file.changes, change{r.Op, r.Offset, t.copied})
	}
	t.covers = t.file.folded + uint64(len(t.file.changes))
	return t
}

// copy is a copy of data that nobody changes.
func (d *disk) copy(data []byte) []byte {
	if len(data) > cap(d.block)-len(d.block) {
		d.block = make([]byte, 0, max(len(data), 32<<10))
	}
	begin := len(d.block)
	d.block = append(d.block, data...)
	return d.block[begin:len(d.block):len(d.block)]
}

// complete ends the oldest request under way.
func (d *disk) complete() request {
	r := d.flight[0]
	d.flight = slices.Delete(d.flight, 0, 1)
	switch {
	case r.op == DiskSyncDir:
		for _, f := range d.files {
			f.linked = f.linked || f.number <= r.covers
		}
	case r.op == DiskSync && r.err == nil:
		r.file.settle(r.covers)
	case !bytes.Equal(r.given, r.copied):
		panic(fmt.Sprintf("sim: the data of a write to %s changed before the write was done", r.file.name))
	}
	return r
}

// settle makes the first changes of f durable.
func (f *file) settle(covers uint64) {
	f.durable = max(f.durable, int(covers-f.folded))
	if f.durable >= foldAt {
		f.fold()
	}
}

// foldAt is how many durable changes are kept as they are: most runs end before
// anybody reads them.
const foldAt = 4096

// fold makes the durable changes part of the image.
func (f *file) fold() {
	for _, c := range f.changes[:f.durable] {
		f.image = c.apply(f.image)
	}
	f.changes = slices.Delete(f.changes, 0, f.durable)
	f.folded += uint64(f.durable)
	f.durable = 0
}

// apply is data after c.
func (c change) apply(data []byte) []byte {
	if c.op == DiskTruncate {
		return resize(data, c.offset)
	}
	if len(c.data) > 0 {
		data = resize(data, max(int64(len(data)), c.offset+int64(len(c.data))))
		copy(data[c.offset:], c.data)
	}
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	if size > int64(cap(data)) {
		grown := make([]byte, size, max(2*size, 4096)) // images grow with every sync: by doubling
		copy(grown, data)
		return grown
	}
	old := len(data)
	data = data[:size]
	clear(data[old:])
	return data
}

// crash is a loss of power: of what no sync covered, some survives.
func (d *disk) crash() {
	d.crashes++
	d.free, d.flight = 0, nil
	k := d.key.Name("crash").Word(d.crashes)
	d.files = slices.DeleteFunc(d.files, func(f *file) bool {
		at := k.Name(f.name)
		if !f.linked && !d.keeps(at.Name("link")) {
			return true
		}
		f.linked = true
		f.fold()
		for i, c := range f.changes {
			f.image = d.remains(c, at.Word(uint64(i))).apply(f.image)
		}
		f.folded += uint64(len(f.changes))
		f.changes = nil
		return false
	})
}

// sectorSize is DiskProfile.Sector where that is 0.
const sectorSize = 512

// remains is what a crash leaves of c: all, its first sectors, or a write of
// nothing.
func (d *disk) remains(c change, k keyed.Key) change {
	if !d.keeps(k.Name("keep")) {
		return change{op: DiskWrite}
	}
	if c.op == DiskWrite && k.Name("tear").Chance(uint32(d.profile.Tear)) {
		sector := int64(cmp.Or(d.profile.Sector, sectorSize))
		first, end := c.offset/sector, (c.offset+int64(len(c.data))+sector-1)/sector
		cut := first + int64(k.Name("sectors").Below(uint64(end-first)))
		c.data = c.data[:max(0, cut*sector-c.offset)]
	}
	return c
}

func (d *disk) keeps(k keyed.Key) bool { return k.Chance(uint32(d.profile.Keep)) }

// List implements Disk.
func (d *disk) List() ([]string, error) {
	names := make([]string, len(d.files))
	for i, f := range d.files {
		names[i] = f.name
	}
	return names, nil
}

// Read implements Disk.
func (d *disk) Read(name string) ([]byte, error) {
	i, found := d.find(name)
	if !found {
		return nil, noFile(name)
	}
	data := slices.Clone(d.files[i].image)
	for _, c := range d.files[i].changes {
		data = c.apply(data)
	}
	return data, nil
}

func (d *disk) find(name string) (int, bool) {
	return slices.BinarySearchFunc(d.files, name, func(f *file, name string) int { return cmp.Compare(f.name, name) })
}

func noFile(name string) error { return fmt.Errorf("file %q: %w", name, ErrNoFile) }
