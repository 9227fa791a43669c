package disk

import (
	"errors"
	"fmt"
)

// View is what a process sees of its disk, which it is given when it boots: the files
// that earlier lives left, and the changes of this life. Reads block and take no
// virtual time. Returned slices are copies.
type View interface {
	List() ([]string, error) // names, sorted
	// Read returns all bytes of a file, or an error: ErrNoFile if it does not
	// exist, ErrIO if it cannot be read. Bytes returned with an error are not the
	// whole file.
	Read(name string) ([]byte, error)
}

// Errors of disks, wrapped with the name of the file.
var (
	ErrNoFile = errors.New("no such file")
	ErrIO     = errors.New("input/output error")      // the disk fails the operation: EIO
	ErrFull   = errors.New("no space left on device") // ENOSPC
)

// Op is the operation of a Request.
type Op uint8

// The operations of a disk. All but Write and SyncDir end with ErrNoFile if File does
// not exist.
const (
	Write    Op = iota + 1 // write Data at Offset of File, and create the file if need be, even to write nothing
	Truncate               // make File exactly Offset bytes long, with zeros where it grows
	Sync                   // make all earlier writes and truncations of File durable
	SyncDir                // make all earlier creations, removals and renames durable
	Remove                 // remove File
	Rename                 // rename File to To, and replace any other file of that name
)

func (o Op) String() string {
	return [...]string{"?", "write", "truncate", "sync", "syncdir", "remove", "rename"}[o]
}

// Request is an asynchronous disk operation. Data must not change before its
// completion: Config.Changed is called if it did. The requests of one process complete in
// order.
type Request struct {
	Op     Op
	File   string
	To     string // of a rename
	Offset int64
	Data   []byte
	Token  uint64
	Quiet  bool // its process does not hear of it if it succeeds: the completion of a later request which is not quiet implies it

	// Chained means that the request is begun when those before it are done, and not if
	// one of them has failed: then it fails too, and changes nothing. Behind a sync that
	// is under way at a crash it was not begun.
	Chained bool
}

func (r *Request) String() string {
	switch r.Op {
	case Write:
		return fmt.Sprintf("%v %s %d+%d", r.Op, r.File, r.Offset, len(r.Data))
	case Truncate:
		return fmt.Sprintf("%v %s %d", r.Op, r.File, r.Offset)
	case Sync, Remove:
		return fmt.Sprintf("%v %s", r.Op, r.File)
	case Rename:
		return fmt.Sprintf("%v %s to %s", r.Op, r.File, r.To)
	}
	return r.Op.String()
}

// maxFile is the largest size of a file, so that a wild offset causes a panic
// with a message instead of running the host out of memory.
const maxFile = 1 << 30

// Validate reports what is wrong with a malformed request.
func (r *Request) Validate() error {
	switch {
	case r.Op < Write || r.Op > Rename:
		return fmt.Errorf("disk operation %d is unknown", r.Op)
	case r.Op != SyncDir && r.File == "":
		return fmt.Errorf("%v: the file has no name", r)
	case r.Op == Rename && (r.To == "" || r.To == r.File):
		return fmt.Errorf("%v: want another name", r)
	case r.Offset < 0 || r.Offset > maxFile-int64(len(r.Data)):
		return fmt.Errorf("%v: not within 0 to %d", r, maxFile)
	}
	return nil
}
