// Package waltest provides an in-memory directory for tests that need a log.
package waltest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Disk is a directory in memory: a map from file names to contents. Every change is
// durable as soon as it is executed. It implements wal.Dir and is not safe for
// concurrent use.
type Disk map[string][]byte

// List returns the names of the files, sorted.
func (d Disk) List() ([]string, error) { return slices.Sorted(maps.Keys(d)), nil }

// Read returns a copy of a file's content, or an error that wraps fs.ErrNotExist.
func (d Disk) Read(name string) ([]byte, error) {
	data, ok := d[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return bytes.Clone(data), nil
}

// Clone returns a deep copy.
func (d Disk) Clone() Disk {
	c := make(Disk, len(d))
	for name, data := range d {
		c[name] = bytes.Clone(data)
	}
	return c
}

// Execute carries out a request of a log. Sync and SyncDir do nothing.
func (d Disk) Execute(r wal.DiskRequest) {
	switch r.Op {
	case wal.Create:
		d[r.File] = append([]byte{}, d[r.File]...)
	case wal.Truncate:
		d[r.File] = d[r.File][:r.Offset]
	case wal.Allocate:
		d[r.File] = append(d[r.File], make([]byte, int(r.Offset)-len(d[r.File]))...)
	case wal.Write:
		end := int(r.Offset) + len(r.Data)
		d[r.File] = append(d[r.File], make([]byte, max(0, end-len(d[r.File])))...)
		copy(d[r.File][r.Offset:], r.Data)
	case wal.Remove:
		delete(d, r.File)
	case wal.Rename:
		d[r.To] = d[r.File]
		delete(d, r.File)
	}
}
