package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Disk is what a process finds when it boots: the files that the last crash
// left. Reads block and take no virtual time. Returned slices are copies.
type Disk interface {
	List() ([]string, error)          // names, sorted
	Read(name string) ([]byte, error) // ErrNoFile when there is none
}

// ErrNoFile is returned for a file that does not exist.
var ErrNoFile = errors.New("no such file")

// DiskOp is what a DiskRequest asks for.
type DiskOp uint8

// The operations of a disk.
const (
	DiskWrite    DiskOp = iota + 1 // Data at Offset of File, which it creates if need be
	DiskTruncate                   // cut File to Offset bytes
	DiskSync                       // make all earlier writes and truncations of File durable
	DiskSyncDir                    // make the existence of all files durable
)

func (o DiskOp) String() string {
	return [...]string{"?", "write", "truncate", "sync", "syncdir"}[o]
}

// DiskRequest is an asynchronous disk operation. Data must not change before
// its completion. The requests of one process are carried out in order.
type DiskRequest struct {
	Op     DiskOp
	File   string
	Offset int64
	Data   []byte
	Token  uint64
}

func (r *DiskRequest) String() string {
	switch r.Op {
	case DiskWrite:
		return fmt.Sprintf("write %s %d+%d", r.File, r.Offset, len(r.Data))
	case DiskTruncate:
		return fmt.Sprintf("truncate %s %d", r.File, r.Offset)
	case DiskSync:
		return "sync " + r.File
	}
	return "syncdir"
}

// DiskProfile says how a disk behaves. At a crash each write that no completed
// sync covers survives by its own chance: whole, or torn after some of its
// sectors.
type DiskProfile struct {
	Write netmodel.Delay `json:"write"` // time that a write or truncation takes
	Sync  netmodel.Delay `json:"sync"`  // time that a sync takes
	Keep  netmodel.PPM   `json:"keep_ppm,omitempty"`
	Tear  netmodel.PPM   `json:"tear_ppm,omitempty"` // of those kept, torn ones
}

// Validate names the first field that is out of bounds.
func (p DiskProfile) Validate() error {
	if err := p.Write.Validate(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := p.Sync.Validate(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if p.Keep > million || p.Tear > million {
		return fmt.Errorf("keep_ppm %d, tear_ppm %d: want at most 1000000", p.Keep, p.Tear)
	}
	return nil
}

// sectorSize is the unit that a disk writes whole or not at all.
const sectorSize = 512

// disk is one process's disk. Between boots nobody reads it, so it keeps just
// what is durable and, in order, the changes that are not.
type disk struct {
	profile DiskProfile
	key     keyed.Key
	free    Duration  // when the device has done all that it was asked
	files   []*file   // sorted by name
	flight  []request // submitted, not done; in order
	crashes uint64
}

// request is a DiskRequest under way: what its completion needs.
type request struct {
	op     DiskOp
	file   string
	covers int // changes of file that its completion makes durable
	token  uint64
}

type file struct {
	name    string
	linked  bool // its directory entry is durable
	durable []byte
	pending []change
}

type change struct {
	op     DiskOp
	offset int64
	data   []byte
}

func (d *disk) find(name string) (int, bool) {
	return slices.BinarySearchFunc(d.files, name, func(f *file, name string) int {
		if f.name < name {
			return -1
		} else if f.name > name {
			return 1
		}
		return 0
	})
}

func (d *disk) open(name string) *file {
	i, found := d.find(name)
	if !found {
		d.files = slices.Insert(d.files, i, &file{name: name})
	}
	return d.files[i]
}

// submit takes r and says when it will be done.
func (d *disk) submit(now Duration, r *DiskRequest) (done Duration) {
	delay, covers := d.profile.Write, 0
	switch r.Op {
	case DiskWrite, DiskTruncate:
		f := d.open(r.File)
		f.pending = append(f.pending, change{r.Op, r.Offset, r.Data})
	case DiskSync:
		delay = d.profile.Sync
		covers = len(d.open(r.File).pending)
	case DiskSyncDir:
		delay = d.profile.Sync
	default:
		panic(fmt.Sprintf("sim: disk operation %d", r.Op))
	}
	k := d.key.Name("latency").Word(uint64(r.Op)).Name(r.File).Word(uint64(r.Offset)).Word(uint64(covers))
	d.flight = append(d.flight, request{r.Op, r.File, covers, r.Token})
	d.free = max(d.free, now) + delay.At(k)
	return d.free
}

// complete ends the oldest request under way: a sync makes durable what was
// written when it was submitted.
func (d *disk) complete() request {
	r := d.flight[0]
	d.flight = slices.Delete(d.flight, 0, 1)
	switch r.op {
	case DiskSync:
		f := d.open(r.file)
		for _, c := range f.pending[:r.covers] {
			f.apply(c)
		}
		f.pending = slices.Delete(f.pending, 0, r.covers)
		for i := range d.flight {
			if later := &d.flight[i]; later.op == DiskSync && later.file == r.file {
				later.covers -= r.covers
			}
		}
	case DiskSyncDir:
		for _, f := range d.files {
			f.linked = true
		}
	}
	return r
}

// apply makes c part of the durable image.
func (f *file) apply(c change) {
	switch end := c.offset + int64(len(c.data)); {
	case c.op == DiskTruncate:
		f.durable = f.durable[:min(int64(len(f.durable)), c.offset)]
	default:
		if grow := end - int64(len(f.durable)); grow > 0 {
			f.durable = append(f.durable, make([]byte, grow)...)
		}
		copy(f.durable[c.offset:], c.data)
	}
}

// crash is a loss of power: of what no sync covered, some survives.
func (d *disk) crash() {
	d.crashes++
	d.free, d.flight = 0, nil
	k := d.key.Name("crash").Word(d.crashes)
	d.files = slices.DeleteFunc(d.files, func(f *file) bool {
		kf := k.Name(f.name)
		if !f.linked && !kf.Name("link").Chance(uint32(d.profile.Keep)) {
			return true
		}
		f.linked = true
		for i, c := range f.pending {
			if kc := kf.Word(uint64(i)); kc.Name("keep").Chance(uint32(d.profile.Keep)) {
				if kc.Name("tear").Chance(uint32(d.profile.Tear)) {
					c.data = torn(c, kc.Name("sectors"))
				}
				f.apply(c)
			}
		}
		f.pending = nil
		return false
	})
}

// torn is what of c's data reached the disk: its first sectors.
func torn(c change, k keyed.Key) []byte {
	end := c.offset + int64(len(c.data))
	first, last := c.offset/sectorSize, (end+sectorSize-1)/sectorSize
	if last <= first {
		return nil
	}
	cut := (first + int64(k.Below(uint64(last-first)))) * sectorSize
	return c.data[:max(0, cut-c.offset)]
}

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
		return nil, fmt.Errorf("file %q: %w", name, ErrNoFile)
	}
	return slices.Clone(d.files[i].durable), nil
}
