package wal

import "fmt"

// Op is what a Request asks for.
type Op uint8

// The requests of a log.
const (
	Create   Op = iota + 1 // make File, empty, if it is not there
	Write                  // Data to Offset of File, all of it or fail
	Truncate               // make File exactly Offset bytes long
	Sync                   // make everything done to File before this durable
	SyncDir                // make the directory's list of files durable
	Allocate               // make File, which is shorter, Offset bytes long, by zeros that are really written
	Remove                 // take File, which is there, out of the directory
	Rename                 // give File, which is there, the name To, which no file has
)

// String is the name of the operation, as in "write".
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

// DiskRequest is one thing to do to the log's directory. Requests are executed one
// after the other, in the order they were taken, and are answered by one Done
// each in the same order, but for quiet ones that succeed.
type DiskRequest struct {
	Op     Op
	File   string // its name in the directory; empty for SyncDir
	To     string // the new name that a Rename gives
	Offset int64  // bytes: the place of a Write, the length that Truncate and Allocate make
	Data   []byte // of a Write; unchanged until all that was taken with it is Done
	Token  uint64 // names the request in Done
	Quiet  bool   // if it succeeds Done may be left out: that of a later one says so too

	// Optional says that the log goes on if the request fails for want of space,
	// with ErrFull: those after it are executed all the same.
	Optional bool
}

// String is the request in words, as in "write wal-0000000000000001 64+21"
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
