package files

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Stats counts the completed requests of a Dir since it was opened.
type Stats struct {
	Syncs   uint64 // syncs of files, not of the directory
	Written uint64 // bytes written, without the zeros of Allocate
}

// Stats returns the counts so far. It is safe for concurrent use.
func (d *Dir) Stats() Stats {
	return Stats{Syncs: d.syncs.Load(), Written: d.written.Load()}
}

// Execute carries out a request and returns when it is complete. After an error the
// caller must execute nothing more: a failed sync may have dropped writes, and the
// next sync would not report it. Only after wal.ErrFull of an Optional request may it
// continue.
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
		return d.wrapError("open", d.folder.path, os.ErrClosed)
	}
	if r.Op == wal.SyncDir {
		return d.wrapError("sync", d.folder.path, syncDir(d.handle))
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
		if r.Offset+int64(len(r.Data)) > maxFile {
			return fmt.Errorf("files: %s: %d bytes at offset %d: no file of a log may have more than %d", f.Name(), len(r.Data), r.Offset, int64(maxFile))
		}
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

// zeros is the chunk that Allocate writes at a time.
var zeros [256 << 10]byte

// allocate extends a file by writing zeros. Its blocks then exist and are written
// when the log overwrites them, so that a sync changes nothing but their content.
// fallocate would only reserve blocks.
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

// remove removes one of the log's files from the directory. The slow part is to free
// its blocks. This happens when the last open handle is closed, in the background.
func (d *Dir) remove(name string) error {
	f, err := d.file(name, false)
	if err != nil {
		return err
	}
	delete(d.openFiles, name)
	if err := d.folder.Remove(name); err != nil {
		return errors.Join(explainAt("remove", d.pathOf(name), err), f.Close())
	}
	d.freeing.Go(func() { _ = f.Close() })
	return nil
}

// rename renames one of the log's files. If it is open and not synced, it stays open.
func (d *Dir) rename(name, to string) error {
	for _, n := range []string{name, to} {
		if !isLogFile(n) {
			return notLogFile(d.folder.path, n)
		}
	}
	if err := d.closeSynced(); err != nil {
		return err
	}
	if err := d.folder.Rename(name, to); err != nil {
		return explainAt("rename", d.pathOf(name), err)
	}
	if f := d.openFiles[name]; f != nil {
		delete(d.openFiles, name)
		d.openFiles[to] = f
	}
	return nil
}

// logFile is one of the log's files, open for writing.
type logFile struct {
	*os.File
	dirty bool // changed since the last sync
}

// file opens one of the log's files, if it is not open. The file stays open at least
// until it is synced: the kernel reports a failed write-back only to handles that were
// open at that time.
func (d *Dir) file(name string, create bool) (*logFile, error) {
	if f := d.openFiles[name]; f != nil {
		return f, nil
	}
	if !isLogFile(name) {
		return nil, notLogFile(d.folder.path, name)
	}
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := d.folder.openFile(name, flags)
	if err != nil {
		return nil, err
	}
	if err := d.closeSynced(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.openFiles[name] = &logFile{File: f}
	return d.openFiles[name], nil
}

// closeSynced closes the files that have no unsynced changes, so that few are open
// even if the log has many.
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
