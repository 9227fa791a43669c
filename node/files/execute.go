package files

import (
	"fmt"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Stats counts what a Dir has done for the log since it was opened.
type Stats struct {
	Syncs   uint64 // of files, not of the directory
	Written uint64 // bytes
}

// Stats returns the counts so far.
func (d *Dir) Stats() Stats {
	return Stats{Syncs: d.syncs.Load(), Written: d.written.Load()}
}

// Execute does what a request asks for and returns when it is done. After an
// error the caller executes nothing more: what a failed sync has dropped, the
// next would not report again.
func (d *Dir) Execute(r *wal.Request) error {
	begun := time.Now()
	if err := d.execute(r); err != nil {
		return err
	}
	switch r.Op {
	case wal.Write:
		d.written.Add(uint64(len(r.Data)))
	case wal.Sync:
		d.syncs.Add(1)
	}
	if d.Observe != nil {
		d.Observe(r.Op, time.Since(begun))
	}
	return nil
}

func (d *Dir) execute(r *wal.Request) error {
	if d.closed.Load() {
		return d.failed("open", d.path, os.ErrClosed)
	}
	if r.Op == wal.SyncDir {
		return d.failed("sync", d.path, syncDir(d.self))
	}
	f, err := d.file(r.File, r.Op == wal.Create)
	if err != nil {
		return err
	}
	switch r.Op {
	case wal.Create:
		return nil
	case wal.Write:
		_, err = f.WriteAt(r.Data, r.Offset)
		return d.failed("write", f.Name(), err)
	case wal.Truncate:
		return d.failed("truncate", f.Name(), f.Truncate(r.Offset))
	case wal.Sync:
		return d.failed("sync", f.Name(), syncData(f))
	}
	return fmt.Errorf("files: %v: no such operation", *r)
}

// file is one of the log's files, open to be changed. It stays open: the kernel
// tells a failed write-back to those who had the file open then.
func (d *Dir) file(name string, create bool) (*os.File, error) {
	if f := d.open[name]; f != nil {
		return f, nil
	}
	if !ofLog(name) {
		return nil, d.notOfLog(name)
	}
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(d.at(name), flags, 0o600)
	if err != nil {
		return nil, explain(err)
	}
	d.open[name] = f
	return f, nil
}
