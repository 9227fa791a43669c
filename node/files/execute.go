package files

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Stats counts what a Dir has done for the log since it was opened.
type Stats struct {
	Syncs   uint64 // of files, not of the directory
	Written uint64 // bytes, the zeros of Allocate not counted
}

// Stats returns the counts so far.
func (d *Dir) Stats() Stats {
	return Stats{Syncs: d.syncs.Load(), Written: d.written.Load()}
}

// Execute does what a request asks for and returns when it is done. After an
// error the caller executes nothing more: what a failed sync has dropped, the
// next would not report again. It goes on after wal.ErrFull of a request that is
// optional.
func (d *Dir) Execute(r *wal.DiskRequest) error {
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

func (d *Dir) execute(r *wal.DiskRequest) error {
	if d.closed.Load() {
		return d.wrapError("open", d.path, os.ErrClosed)
	}
	if r.Op == wal.SyncDir {
		return d.wrapError("sync", d.path, syncDir(d.handle))
	}
	if r.Op == wal.Remove {
		return d.remove(r.File)
	}
	if r.Op == wal.Rename {
		return d.rename(r.File, r.To)
	}
	f, err := d.file(r.File, r.Op == wal.Create)
	if err != nil {
		return err
	}
	f.dirty = f.dirty || r.Op != wal.Sync && r.Op != wal.Create
	switch r.Op {
	case wal.Create:
		return nil
	case wal.Write:
		_, err = f.WriteAt(r.Data, r.Offset)
		return d.wrapError("write", f.Name(), err)
	case wal.Truncate:
		return d.wrapError("truncate", f.Name(), f.Truncate(r.Offset))
	case wal.Allocate:
		return d.wrapError("allocate", f.Name(), allocate(f.File, r.Offset))
	case wal.Sync:
		if err := syncData(f.File); err != nil {
			return d.wrapError("sync", f.Name(), err)
		}
		f.dirty = false
		return nil
	}
	return fmt.Errorf("files: %v: no such operation", *r)
}

// zeros is what Allocate writes at a time.
var zeros [256 << 10]byte

// allocate makes a file longer by writing zeros, so that the blocks are there
// and have been written when the log writes over them: to sync that needs no
// change to anything but their content. fallocate would only promise blocks.
func allocate(f *os.File, length int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for at := info.Size(); at < length; {
		n, err := f.WriteAt(zeros[:min(length-at, int64(len(zeros)))], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return startSync(f, info.Size(), length-info.Size())
}

// remove takes one of the log's files out of the directory. What takes time is
// to free its blocks; that happens when the last to have it open closes it, and
// need not be waited for.
func (d *Dir) remove(name string) error {
	f, err := d.file(name, false)
	if err != nil {
		return err
	}
	delete(d.openFiles, name)
	if err := os.Remove(d.pathOf(name)); err != nil {
		return explain(errors.Join(err, f.Close()))
	}
	d.freeing.Go(func() { _ = f.Close() })
	return nil
}

// rename gives one of the log's files another name. What is open under the old
// one stays open until it is synced.
func (d *Dir) rename(name, to string) error {
	for _, n := range []string{name, to} {
		if !isLogFile(n) {
			return notLogFile(d.path, n)
		}
	}
	if err := d.closeSynced(); err != nil {
		return err
	}
	if err := os.Rename(d.pathOf(name), d.pathOf(to)); err != nil {
		return explain(err)
	}
	if f := d.openFiles[name]; f != nil {
		delete(d.openFiles, name)
		d.openFiles[to] = f
	}
	return nil
}

// logFile is one of the log's files, open to be changed.
type logFile struct {
	*os.File
	dirty bool // there may be something to sync
}

// file opens one of the log's files, if it is not open. It stays open at least
// until it is synced: the kernel tells a failed write-back to those who had the
// file open then.
func (d *Dir) file(name string, create bool) (*logFile, error) {
	if f := d.openFiles[name]; f != nil {
		return f, nil
	}
	if !isLogFile(name) {
		return nil, notLogFile(d.path, name)
	}
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(d.pathOf(name), flags, 0o600)
	if err != nil {
		return nil, explain(err)
	}
	if err := d.closeSynced(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.openFiles[name] = &logFile{File: f}
	return d.openFiles[name], nil
}

// closeSynced closes the files that have nothing to sync, so that few are open
// however many the log has.
func (d *Dir) closeSynced() error {
	for name, f := range d.openFiles {
		if f.dirty {
			continue
		}
		delete(d.openFiles, name)
		if err := f.Close(); err != nil {
			return explain(err)
		}
	}
	return nil
}
