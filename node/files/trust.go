package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrUntrusted means that the directory, or a file in it, is not one that a node may
// use: a symbolic link, a pipe or a device in the place of a file, or something that
// another user owns or can write to. The error names it and the remedy. Nothing was
// opened, made or changed because of it.
var ErrUntrusted = errors.New("not to be trusted")

// maxFile bounds a file of the log, in bytes: the content of one is in memory at once.
const maxFile = 2 << 30

// folder is an open directory. Its files are opened by name relative to it, so that it
// stays the same directory whatever becomes of the path to it.
type folder struct {
	*os.Root
	path   string
	strict bool // it must be safe from other users, as that of a node and not one that is only looked at
}

// openFolder opens a directory. If it is strict, only this process's user and root may
// own it and be able to write to it.
func openFolder(path string, strict bool) (*folder, error) {
	link, err := os.Lstat(path)
	if err != nil {
		return nil, explain(err)
	}
	if strict && link.Mode()&fs.ModeSymlink != 0 && !trustedOwner(link) {
		return nil, untrusted(path, "it is a symbolic link of another user, %s: give the directory that it leads to, if you trust that one", owner(link))
	}
	info, err := os.Stat(path) // before it is opened: to open a pipe waits for its writer
	if err != nil {
		return nil, explain(err)
	}
	if !info.IsDir() {
		return nil, explain(&os.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR})
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, explain(err)
	}
	f := &folder{root, path, strict}
	if info, err = root.Stat("."); err == nil && strict {
		err = requireOurs(path, info)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return f, nil
}

// list returns the names of the log's files, sorted.
func (f *folder) list() ([]string, error) {
	entries, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return nil, explain(&os.PathError{Op: "read", Path: f.path, Err: bare(err)})
	}
	var names []string
	for _, e := range entries {
		if isLogFile(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// requireTrusted checks all files of the log.
func (f *folder) requireTrusted() error {
	names, err := f.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(f.path, name)
		info, err := f.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a node that has the lock removes files
			continue
		case err != nil:
			return explainAt("open", path, err)
		}
		if err := f.requireRegular(path, info); err != nil {
			return err
		}
	}
	return nil
}

// read returns all bytes of one of the log's files.
func (f *folder) read(name string) ([]byte, error) {
	if !isLogFile(name) {
		return nil, notLogFile(f.path, name)
	}
	file, err := f.openFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, explain(err)
	}
	data := make([]byte, info.Size()) // bounded by openFile
	n, err := io.ReadFull(file, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // a file that becomes shorter meanwhile ends earlier
		return nil, explain(err)
	}
	return data[:n], nil
}

// openFile opens a regular file of the directory with the flags of os.OpenFile. With
// os.O_CREATE it makes a file that does not exist. It follows no symbolic link and
// waits for nobody: what is there is looked at before it is opened, and what was opened
// must be the very file.
func (f *folder) openFile(name string, flags int) (*os.File, error) {
	path := filepath.Join(f.path, name)
	was, err := f.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && flags&os.O_CREATE != 0 {
		file, err := f.OpenFile(name, flags|os.O_EXCL, 0o600)
		return file, explainAt("create", path, err)
	}
	if err != nil {
		return nil, explainAt("open", path, err)
	}
	if err := f.requireRegular(path, was); err != nil {
		return nil, err
	}
	file, err := f.OpenFile(name, flags&^os.O_CREATE|nonBlocking, 0)
	if err != nil {
		return nil, explainAt("open", path, err)
	}
	now, err := file.Stat()
	if err == nil && !os.SameFile(was, now) {
		err = untrusted(path, "another file came into its place while it was opened: see who else works in this directory")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// requireRegular checks that a file is one that a log may have.
func (f *folder) requireRegular(path string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return explain(&os.PathError{Op: "open", Path: path, Err: syscall.EISDIR})
	case mode&fs.ModeSymlink != 0:
		return untrusted(path, "it is a symbolic link, and none is followed: see where it leads, and move the link elsewhere; a file of the log must be in the directory itself")
	case !mode.IsRegular():
		return untrusted(path, "it is no regular file but %s: move it elsewhere", kindOf(mode))
	case info.Size() > maxFile:
		return untrusted(path, "it has %d bytes, and no file of a log has more than %d: if it is not of this log, move it elsewhere", info.Size(), int64(maxFile))
	case f.strict:
		return requireOurs(path, info)
	}
	return nil
}

// requireOurs checks that no other user owns a file or directory or can write to it.
func requireOurs(path string, info fs.FileInfo) error {
	switch {
	case !trustedOwner(info):
		return untrusted(path, "%s owns it, and this node runs as %s: run it as that user; or, if it is this node's own, as after it was copied, chown it", owner(info), self())
	case info.Mode().Perm()&othersWrite != 0 && info.IsDir():
		return untrusted(path, "other users may write to it (%v): chmod go-w it, or give the node a directory of its own below it, which it makes itself", info.Mode())
	case info.Mode().Perm()&othersWrite != 0:
		return untrusted(path, "other users may write to it (%v): see whether anybody has, and chmod go-w it", info.Mode())
	}
	return nil
}

// kindOf names a kind of file that is not regular.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

func untrusted(path, format string, args ...any) error {
	return fmt.Errorf("files: %s: %w: %s", path, ErrUntrusted, fmt.Sprintf(format, args...))
}

// explainAt explains an error of an operation on a path; an os.Root names a file only
// relative to its directory.
func explainAt(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return explain(&os.PathError{Op: op, Path: path, Err: bare(err)})
}

// bare returns an error without the path that a caller is about to give it.
func bare(err error) error {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
