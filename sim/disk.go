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
	List() ([]string, error)          // names, sorted
	Read(name string) ([]byte, error) // ErrNoFile when there is none
}

// ErrNoFile is returned for a file that does not exist.
var ErrNoFile = errors.New("no such file")

// DiskOp is what a DiskRequest asks for.
type DiskOp uint8

// The operations of a disk. Truncating or syncing a file that does not exist
// ends with ErrNoFile.
const (
	DiskWrite    DiskOp = iota + 1 // Data at Offset of File, which it creates if need be, even to write nothing
	DiskTruncate                   // make File exactly Offset bytes long, with zeros where it grows
	DiskSync                       // make all earlier writes and truncations of File durable
	DiskSyncDir                    // make the existence of all files durable
)

func (o DiskOp) String() string {
	return [...]string{"?", "write", "truncate", "sync", "syncdir"}[o]
}

// DiskRequest is an asynchronous disk operation. Data must not change before
// its completion: the world panics if it did. The requests of one process are
// carried out in order.
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
		return fmt.Sprintf("%v %s %d+%d", r.Op, r.File, r.Offset, len(r.Data))
	case DiskTruncate:
		return fmt.Sprintf("%v %s %d", r.Op, r.File, r.Offset)
	case DiskSync:
		return fmt.Sprintf("%v %s", r.Op, r.File)
	}
	return r.Op.String()
}

// maxFile is how long a file may become, so that a wild offset is a message and
// not a machine out of memory.
const maxFile = 1 << 30

// check refuses what no disk can be asked for.
func (r *DiskRequest) check() error {
	switch {
	case r.Op < DiskWrite || r.Op > DiskSyncDir:
		return fmt.Errorf("disk operation %d is unknown", r.Op)
	case r.Op != DiskSyncDir && r.File == "":
		return fmt.Errorf("%v: the file has no name", r)
	case r.Offset < 0 || r.Offset > maxFile-int64(len(r.Data)):
		return fmt.Errorf("%v: not within 0 to %d", r, maxFile)
	}
	return nil
}

// DiskProfile says how a disk behaves. A crash of a process is a power loss for
// its disk, and these are all the promises that the disk makes:
//
//   - A sync that is done has made durable every write and truncation of its
//     file that was requested before it: no other file, nothing later. A sync
//     still under way promises nothing.
//   - A file exists for good once a SyncDir is done that was requested after the
//     file came to be. Until then a crash may take the file away together with
//     all that is in it, synced or not; the chance to stay is Keep.
//   - Each change that no completed sync covers, done or under way, survives by
//     its own chance Keep, and the survivors apply in the order of their
//     requests. So a write may survive where an earlier one does not, or where
//     the truncation before it does not, in front of what should be gone.
//     Few file systems are that careless; code that copes copes with all.
//   - A kept write is torn by the chance Tear: only its first sectors survive, or
//     none. Sectors are whole or untouched, and bytes that nobody wrote do not
//     change. Holes are zeros.
//
// Keep at netmodel.Always without Tear is a crash of the process alone: what it
// asked for is done. Disks never damage what is durable and never fail.
type DiskProfile struct {
	Write netmodel.Delay `json:"write"` // time that a write or truncation takes
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
