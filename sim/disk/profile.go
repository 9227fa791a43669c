package disk

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Profile describes a disk without faults; for faults see Fault. A process crash
// leaves the page cache, a power loss does not. The disk guarantees the following and nothing else:
//
//   - Data. A completed sync has made durable every write and truncation of its file
//     that was requested before it: no other file, nothing later. A sync in flight
//     guarantees nothing.
//   - Names. A completed SyncDir has made durable every creation, removal and rename
//     that was requested before it. A sync of a file does not cover its name, nor a
//     SyncDir the content of files: a file renamed before it was synced may be found
//     empty under its new name.
//   - Power loss. Each change of a file that no completed sync covers, done or in
//     flight, survives a power loss with probability Keep, independently, and the
//     survivors apply in the order of their requests. So a write may survive where an
//     earlier one does not, or where the truncation before it does not, in front of
//     bytes that should be gone: data and size are not ordered. The same goes for
//     changes of names, except that one never survives without the earlier ones of the
//     same names, and that a rename is atomic. A file without a name is gone, with all
//     its content, synced or not.
//   - Tearing. A surviving write is torn with probability Tear: only its first sectors
//     survive, or none. Each sector is whole or untouched, and bytes outside the write
//     do not change. Holes are zeros.
//   - Scattering. With probability Scatter a surviving write of several sectors is
//     not torn but scattered: each sector survives by itself, with probability 1/2,
//     as if the disk had written them in any order.
//   - Process crash. Completed changes can be read in the next life and are as durable
//     as they were: a power loss may still lose them. Of the requests in flight the
//     first few are carried out, and the write after them perhaps in part (with
//     probability Tear).
//
// Few file systems guarantee so little. Code that handles this disk handles all
// of them. The assumptions about a real one are: a sync that succeeds has made its
// data durable, names are journaled (a name survives as a whole, and with the
// earlier ones that it depends on), and a write does not damage its neighbours.
type Profile struct {
	Write netmodel.Delay `json:"write"` // latency of everything but syncs
	Sync  netmodel.Delay `json:"sync"`  // latency of a sync
	Keep  netmodel.PPM   `json:"keep_ppm,omitempty"`
	Tear  netmodel.PPM   `json:"tear_ppm,omitempty"` // of the surviving writes
	// Scatter is the share of the surviving writes of which any sectors survive.
	Scatter netmodel.PPM `json:"scatter_ppm,omitempty"`
	// Sector is the unit of atomic writes, in bytes; 0 is 512. Small sectors tear
	// records as large ones tear large writes.
	Sector int `json:"sector,omitempty"`
}

// Validate reports the first field that is out of bounds, by its JSON name.
func (p Profile) Validate() error {
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
	if p.Scatter > netmodel.Always {
		return fmt.Errorf("scatter_ppm: %d: want at most %d", p.Scatter, netmodel.Always)
	}
	if p.Sector < 0 || p.Sector > 1<<20 {
		return fmt.Errorf("sector: %d: want 1 to %d bytes, or 0 for %d", p.Sector, 1<<20, sectorSize)
	}
	return nil
}
