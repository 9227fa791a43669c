package bubble

import (
	"io"
	"io/fs"
	"path"
	"time"
)

// info is the fs.FileInfo of a file or a directory.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// entry is the fs.DirEntry of a file or a directory.
type entry struct {
	fs   *FS
	path string
	dir  bool
}

func (e entry) Name() string { return path.Base(e.path) }
func (e entry) IsDir() bool  { return e.dir }
func (e entry) Type() fs.FileMode {
	return info{dir: e.dir}.Mode().Type()
}
func (e entry) Info() (fs.FileInfo, error) { return e.fs.Stat(e.path) }
func (e entry) String() string             { return fs.FormatDirEntry(e) }

// directory is an open directory.
type directory struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *directory) Close() error               { return nil }
func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: errDirectory}
}

// ReadDir implements fs.ReadDirFile.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		list := d.entries
		d.entries = nil
		return list, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	list := d.entries[:n]
	d.entries = d.entries[n:]
	return list, nil
}
