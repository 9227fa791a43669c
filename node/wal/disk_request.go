package wal

import "fmt"

// Op is the operation of a DiskRequest.
type Op uint8

// The operations of a log on its directory.
const (
	Create   Op = iota + 1 // create File, empty, if it does not exist
	Write                  // write all of Data at Offset of File, or fail
	Truncate               // set the length of File to Offset
	Sync                   // make all earlier changes to File durable
	SyncDir                // make the names in the directory durable
	Allocate               // extend File, which is shorter, to Offset bytes, with zeros that are really written
	Remove                 // remove File, which exists
	Rename                 // rename File, which exists, to To, which does not
)

// String returns the name of the operation, as in "write".
func (o Op) String() string {
	switch o {
	case Create:
		return "create"
	case Write:
		return "write"
	case Truncate:
		return "truncate"
	case Sync:
		return "sync"
	case SyncDir:
		return "syncdir"
	case Allocate:
		return "allocate"
	case Remove:
		return "remove"
	case Rename:
		return "rename"
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// DiskRequest is one operation on the log's directory. Requests are executed one
// after the other, in the order of Take, and none after one that failed. Each is reported with Done, in the same
// order; for a Quiet request that succeeds, the report is optional.
type DiskRequest struct {
	Op     Op
	File   string // the file's name in the directory; empty for SyncDir
	To     string // the new name, for Rename
	Offset int64  // in bytes: where a Write begins, the new length for Truncate and Allocate
	Data   []byte // of a Write; unchanged until all requests of the same Take are done
	Token  uint64 // identifies the request in Done
	Quiet  bool   // if it succeeds, Done may be omitted: the Done of a later request includes it

	// Optional means that the log may go on if the request fails with ErrFull.
	// Requests after it are executed all the same.
	Optional bool
}

// String describes the request, as in "write wal-0000000000000001 64+21"
// (offset and number of bytes).
func (r DiskRequest) String() string {
	switch r.Op {
	case Write:
		return fmt.Sprintf("write %s %d+%d", r.File, r.Offset, len(r.Data))
	case Truncate, Allocate:
		return fmt.Sprintf("%v %s %d", r.Op, r.File, r.Offset)
	case SyncDir:
		return "syncdir"
	case Rename:
		return fmt.Sprintf("%v %s to %s", r.Op, r.File, r.To)
	}
	return fmt.Sprintf("%v %s", r.Op, r.File)
}
