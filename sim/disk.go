package sim

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Disk is what a process finds when it boots: the files that the last crash
// left, and what the process itself has done to them since. Reads block and
// take no virtual time. Returned slices are copies.
type Disk interface {
	List() ([]string, error) // names, sorted
	// Read returns all bytes of a file, or an error: ErrNoFile when there is
	// none, ErrIO for what cannot be read. Bytes that come with an error are not
	// the file.
	Read(name string) ([]byte, error)
}

// Errors of disks, wrapped with the name of the file.
var (
	ErrNoFile = errors.New("no such file")
	ErrIO     = errors.New("input/output error")      // the disk does not do it: EIO
	ErrFull   = errors.New("no space left on device") // ENOSPC
)

// DiskOp is what a DiskRequest asks for.
type DiskOp uint8

// The operations of a disk. All but a write end with ErrNoFile if File does not
// exist.
const (
	DiskWrite    DiskOp = iota + 1 // Data at Offset of File, which it creates if need be, even to write nothing
	DiskTruncate                   // make File exactly Offset bytes long, with zeros where it grows
	DiskSync                       // make all earlier writes and truncations of File durable
	DiskSyncDir                    // make all earlier creations, removals and renames durable
	DiskRemove                     // take File away
	DiskRename                     // give File the name To, in the place of any other file
)

func (o DiskOp) String() string {
	return [...]string{"?", "write", "truncate", "sync", "syncdir", "remove", "rename"}[o]
}

// DiskRequest is an asynchronous disk operation. Data must not change before
// its completion: the world panics if it did. The requests of one process are
// carried out in order.
type DiskRequest struct {
	Op     DiskOp
	File   string
	To     string // of a rename
	Offset int64
	Data   []byte
	Token  uint64
	Quiet  bool // no Done event follows if it succeeds: a later one that is not quiet says so
}

func (r *DiskRequest) String() string {
	switch r.Op {
	case DiskWrite:
		return fmt.Sprintf("%v %s %d+%d", r.Op, r.File, r.Offset, len(r.Data))
	case DiskTruncate:
		return fmt.Sprintf("%v %s %d", r.Op, r.File, r.Offset)
	case DiskSync, DiskRemove:
		return fmt.Sprintf("%v %s", r.Op, r.File)
	case DiskRename:
		return fmt.Sprintf("%v %s to %s", r.Op, r.File, r.To)
	}
	return r.Op.String()
}

// maxFile is how long a file may become, so that a wild offset is a message and
// not a machine out of memory.
const maxFile = 1 << 30

// check refuses what no disk can be asked for.
func (r *DiskRequest) check() error {
	switch {
	case r.Op < DiskWrite || r.Op > DiskRename:
		return fmt.Errorf("disk operation %d is unknown", r.Op)
	case r.Op != DiskSyncDir && r.File == "":
		return fmt.Errorf("%v: the file has no name", r)
	case r.Op == DiskRename && (r.To == "" || r.To == r.File):
		return fmt.Errorf("%v: want another name", r)
	case r.Offset < 0 || r.Offset > maxFile-int64(len(r.Data)):
		return fmt.Errorf("%v: not within 0 to %d", r, maxFile)
	}
	return nil
}

// DiskProfile says how a disk behaves when nothing is wrong with it; what may go
// wrong is a DiskFault. A crash is of the process alone (World.Kill), which
// leaves the page cache, or a loss of power (World.Crash), which does not. These
// are all the promises that the disk makes:
//
//   - Data. A sync that is done has made durable every write and truncation of
//     its file that was requested before it: no other file, nothing later. A
//     sync still under way promises nothing.
//   - Names. A SyncDir that is done has made durable every creation, removal and
//     rename that was requested before it. A sync of a file says nothing about
//     its name, nor a SyncDir about what is in the files: a file renamed before
//     it was synced may be found empty under its new name.
//   - Power. Each change of a file that no completed sync covers, done or under
//     way, survives a loss of power by its own chance Keep, and the survivors
//     apply in the order of their requests. So a write may survive where an
//     earlier one does not, or where the truncation before it does not, in front
//     of what should be gone: data and size are not ordered. The same goes for
//     changes of names, except that one never survives without those before it
//     of the same names, and that a rename is done as a whole or not at all. A
//     file without a name is gone, with all that is in it, synced or not.
//   - Tearing. A kept write is torn by the chance Tear: only its first sectors
//     survive, or none. Sectors are whole or untouched, and bytes that nobody
//     wrote do not change. Holes are zeros.
//   - The process alone. When only the process ends, what is done can be read
//     in its next life and is as durable as it was: a loss of power may still
//     take it. Of the requests under way the first few are carried out, and the
//     write after them perhaps in part (by the chance Tear).
//
// Few file systems are that careless; code that copes copes with all. What is
// assumed of a real one: syncs that do what they say, journaled names (a name
// survives as a whole, and with the earlier ones that it depends on), and writes
// that spare their neighbours.
type DiskProfile struct {
	Write netmodel.Delay `json:"write"` // time that anything but a sync takes
	Sync  netmodel.Delay `json:"sync"`  // time that a sync takes
	Keep  netmodel.PPM   `json:"keep_ppm,omitempty"`
	Tear  netmodel.PPM   `json:"tear_ppm,omitempty"` // of those kept, torn ones
	// Sector is the unit that is written whole or not at all, in bytes; 0 is
	// 512. Small ones tear records as large sectors tear large writes.
	Sector int `json:"sector,omitempty"`
}

// Validate names the first field that is out of bounds.
func (p DiskProfile) Validate() error {
	if err := p.Write.Validate(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := p.Sync.Validate(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if p.Keep > netmodel.Always {
		return fmt.Errorf("keep_ppm: %d: want at most %d", p.Keep, netmodel.Always)
	}
	if p.Tear > netmodel.Always {
		return fmt.Errorf("tear_ppm: %d: want at most %d", p.Tear, netmodel.Always)
	}
	if p.Sector < 0 || p.Sector > 1<<20 {
		return fmt.Errorf("sector: %d: want 1 to %d bytes, or 0 for %d", p.Sector, 1<<20, sectorSize)
	}
	return nil
}
