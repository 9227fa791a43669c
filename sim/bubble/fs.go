package bubble

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// FS is the file system of a host, on its simulated disk: the calls of package os
// that a small store needs, and an fs.FS for reading. Its errors are *fs.PathError.
//
// Names are relative paths with slashes, as "data/wal" (fs.ValidPath). The disk has
// files only, so a directory is there once it has a file or MkdirAll was called in
// this life, and SyncDir of any directory makes all names durable. What survives a
// crash is told at disk.Profile: written bytes need File.Sync, and a new, renamed
// or removed name needs SyncDir.
//
// A file is read from the disk when it is opened, and then from memory, as from a
// page cache, until it is closed: damage that the disk suffers meanwhile is not
// seen. Files have no permissions, owners or times.
type FS struct {
	host *Host
	open map[string]*content // of the open files, by name; looked up, never ranged over
	dirs map[string]bool     // made in this life
}

func newFS(h *Host) *FS {
	return &FS{host: h, open: map[string]*content{}, dirs: map[string]bool{".": true}}
}

// Open implements fs.FS: it opens a file for reading, or a directory.
func (f *FS) Open(name string) (fs.File, error) {
	info, err := f.stat("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := f.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &directory{info: info, entries: entries}, nil
	}
	return f.openFile(name, readOnly)
}

// Create creates or truncates a file, as os.Create does.
func (f *FS) Create(name string) (*File, error) {
	return f.openFile(name, access{read: true, write: true, create: true, truncate: true})
}

// ReadFile implements fs.ReadFileFS.
func (f *FS) ReadFile(name string) ([]byte, error) {
	if err := checkName("open", name); err != nil {
		return nil, err
	}
	data, err := f.read("open", name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(data), nil
}

// WriteFile writes data to a file, which it creates or truncates, as os.WriteFile
// does. None of it is durable before a Sync.
func (f *FS) WriteFile(name string, data []byte, _ fs.FileMode) error {
	file, err := f.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(data)
	return err
}

// Rename renames a file, and replaces any other of the new name, as os.Rename does.
// Open files keep the file under its new name. A file that is replaced while it is
// open is lost to its users.
func (f *FS) Rename(from, to string) error {
	if err := checkName("rename", from); err != nil {
		return err
	}
	if err := checkName("rename", to); err != nil {
		return err
	}
	if from == to {
		_, err := f.stat("rename", from)
		return err
	}
	return f.change("rename", from, func() disk.Request {
		f.lose(to)
		if c := f.open[from]; c != nil {
			delete(f.open, from)
			c.name = to
			f.open[to] = c
		}
		return disk.Request{Op: disk.Rename, File: from, To: to}
	})
}

// Remove removes a file, as os.Remove does. A file that is removed while it is open is
// lost to its users.
func (f *FS) Remove(name string) error {
	if err := checkName("remove", name); err != nil {
		return err
	}
	return f.change("remove", name, func() disk.Request {
		f.lose(name)
		return disk.Request{Op: disk.Remove, File: name}
	})
}

// change carries out a change of names, if there is a file of the given name.
func (f *FS) change(op, name string, request func() disk.Request) error {
	var call *diskCall
	var missing error
	err := f.host.view(func(d disk.View) {
		names, err := d.List()
		switch {
		case err != nil:
			missing = err
		case !slices.Contains(names, name):
			missing = fs.ErrNotExist
		default:
			call = f.host.request(request())
		}
	})
	switch {
	case err != nil:
	case missing != nil:
		err = missing
	default:
		err = call.wait()
	}
	return pathError(op, name, err)
}

// lose notes that the file of a name is gone, for its users.
func (f *FS) lose(name string) {
	if c := f.open[name]; c != nil {
		c.lost = true
		delete(f.open, name)
	}
}

// MkdirAll makes a directory and those above it, for this life: see FS.
func (f *FS) MkdirAll(name string, _ fs.FileMode) error {
	if err := checkName("mkdir", name); err != nil {
		return err
	}
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	for ; name != "."; name = path.Dir(name) {
		f.dirs[name] = true
	}
	return nil
}

// SyncDir makes the names of all files durable, as an fsync of their directory does.
func (f *FS) SyncDir(name string) error {
	if err := checkName("sync", name); err != nil {
		return err
	}
	f.host.mu.Lock()
	call := f.host.request(disk.Request{Op: disk.SyncDir})
	f.host.mu.Unlock()
	return pathError("sync", name, call.wait())
}

// Stat implements fs.StatFS.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name) }

func (f *FS) stat(op, name string) (fs.FileInfo, error) {
	if err := checkName(op, name); err != nil {
		return nil, err
	}
	if _, err := f.children(op, name); err == nil {
		return info{name: path.Base(name), dir: true}, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := f.read(op, name)
	if err != nil {
		return nil, err
	}
	return info{name: path.Base(name), size: int64(len(data))}, nil
}

// ReadDir implements fs.ReadDirFS: the entries are sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := checkName("readdir", name); err != nil {
		return nil, err
	}
	return f.children("readdir", name)
}

// children lists a directory.
func (f *FS) children(op, dir string) (entries []fs.DirEntry, err error) {
	var names []string
	known := false
	if viewErr := f.host.view(func(d disk.View) {
		names, err = d.List()
		known = f.dirs[dir]
		for _, made := range sortedKeys(f.dirs) {
			names = append(names, made+"/")
		}
	}); viewErr != nil {
		err = viewErr
	}
	if err != nil {
		return nil, pathError(op, dir, err)
	}
	seen := map[string]bool{}
	for _, name := range names {
		rest, below := name, name != "./"
		if dir != "." {
			rest, below = strings.CutPrefix(name, dir+"/")
		}
		if !below || rest == "" {
			continue
		}
		first, _, isDir := strings.Cut(rest, "/")
		known = true
		if !seen[first] {
			seen[first] = true
			entries = append(entries, entry{f, path.Join(dir, first), isDir})
		}
	}
	if !known {
		return nil, pathError(op, dir, fs.ErrNotExist)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// read returns the bytes of a file. The caller must not change them.
func (f *FS) read(op, name string) (data []byte, err error) {
	if viewErr := f.host.view(func(d disk.View) {
		if data, err = d.Read(name); err != nil {
			data = nil
		}
	}); viewErr != nil {
		err = viewErr
	}
	return data, pathError(op, name, err)
}

// checkName refuses names that are not relative paths.
func checkName(op, name string) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: errName}
	}
	return nil
}

// pathError wraps an error of the disk, and returns nil if there is none.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: diskError(err)}
}
