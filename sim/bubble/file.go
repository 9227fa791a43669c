package bubble

import (
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// content is the content of an open file, shared by all that have it open. The lock
// of the host guards it.
type content struct {
	name  string
	data  []byte
	users int
	lost  bool // removed or replaced
	stale bool // a write has failed: the disk knows the content
}

// File is an open file of a host: the methods of *os.File that a small store needs.
// Writes take the time of the disk, and are not durable before Sync.
type File struct {
	fs      *FS
	content *content
	access  access
	offset  int64
	closed  bool
}

// access is what an open file may do.
type access struct {
	read, write, create, exclusive, truncate, append bool
}

var readOnly = access{read: true}

// OpenFile opens a file with the flags of os.OpenFile. O_SYNC is refused: call Sync.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (*File, error) {
	if flag&os.O_SYNC != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errSyncFlag}
	}
	kind := flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	return f.openFile(name, access{
		read: kind != os.O_WRONLY, write: kind != os.O_RDONLY,
		create: flag&os.O_CREATE != 0, exclusive: flag&os.O_EXCL != 0,
		truncate: flag&os.O_TRUNC != 0, append: flag&os.O_APPEND != 0,
	})
}

// openFile opens a file, and creates or truncates it as access says.
func (f *FS) openFile(name string, a access) (*File, error) {
	if err := checkName("open", name); err != nil {
		return nil, err
	}
	if name == "." {
		return nil, pathError("open", name, syscall.EISDIR)
	}
	var data []byte
	var missing error
	file := &File{fs: f, access: a}
	var call *diskCall
	err := f.host.view(func(d disk.View) {
		data, missing = d.Read(name)
		exists := diskError(missing) != fs.ErrNotExist
		switch {
		case exists && a.create && a.exclusive:
			missing = fs.ErrExist
			return
		case !exists && a.create:
			missing = nil
			call = f.host.request(disk.Request{Op: disk.Write, File: name})
		case missing != nil:
			return
		case a.truncate && len(data) > 0:
			call = f.host.request(disk.Request{Op: disk.Truncate, File: name})
		}
		file.content = f.use(name, data)
		if a.truncate {
			file.content.data = nil
		}
	})
	if err == nil {
		err = missing
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if call != nil {
		if err := call.wait(); err != nil {
			file.content.stale = true
			_ = file.Close()
			return nil, pathError("open", name, err)
		}
	}
	return file, nil
}

// use returns the content of a file that is opened once more.
func (f *FS) use(name string, data []byte) *content {
	c := f.open[name]
	if c == nil {
		c = &content{name: name, data: data}
		f.open[name] = c
	}
	c.users++
	return c
}

// Name returns the name that the file has now.
func (f *File) Name() string {
	f.fs.host.mu.Lock()
	defer f.fs.host.mu.Unlock()
	return f.content.name
}

// Read implements io.Reader.
func (f *File) Read(b []byte) (n int, err error) {
	err = f.do("read", f.access.read, func() error {
		n, err = f.readAt(b, f.offset)
		f.offset += int64(n)
		return err
	})
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, offset int64) (n int, err error) {
	err = f.do("read", f.access.read, func() error {
		if n, err = f.readAt(b, offset); err == nil && n < len(b) {
			err = io.EOF
		}
		return err
	})
	return n, err
}

func (f *File) readAt(b []byte, offset int64) (int, error) {
	switch {
	case offset < 0:
		return 0, syscall.EINVAL
	case len(b) == 0:
		return 0, nil
	case offset >= int64(len(f.content.data)):
		return 0, io.EOF
	}
	return copy(b, f.content.data[offset:]), nil
}

// Write implements io.Writer. A write that fails may be done in part, and leaves the
// offset where it was.
func (f *File) Write(b []byte) (n int, err error) {
	before := int64(-1)
	n, err = f.write(b, func() int64 {
		before = f.offset
		at := f.offset
		if f.access.append {
			at = int64(len(f.content.data))
		}
		f.offset = at + int64(len(b))
		return at
	})
	if err != nil && before >= 0 {
		f.fs.host.mu.Lock()
		defer f.fs.host.mu.Unlock()
		f.offset = before
	}
	return n, err
}

// WriteAt implements io.WriterAt.
func (f *File) WriteAt(b []byte, offset int64) (n int, err error) {
	return f.write(b, func() int64 { return offset })
}

// WriteString implements io.StringWriter.
func (f *File) WriteString(s string) (n int, err error) { return f.Write([]byte(s)) }

// write writes b where place says.
func (f *File) write(b []byte, place func() int64) (int, error) {
	var call *diskCall
	err := f.do("write", f.access.write, func() error {
		at := place()
		if at < 0 || at > maxFile-int64(len(b)) {
			return syscall.EFBIG
		}
		if len(b) == 0 {
			return nil
		}
		c := f.content
		if end := int(at) + len(b); end > len(c.data) {
			c.data = append(c.data, make([]byte, end-len(c.data))...)
		}
		copy(c.data[at:], b)
		call = f.fs.host.request(disk.Request{Op: disk.Write, File: c.name, Offset: at, Data: slices.Clone(b)})
		return nil
	})
	if err = f.finish("write", call, err); err != nil {
		return 0, err
	}
	return len(b), nil
}

// maxFile is the size of the largest file that a simulated disk takes.
const maxFile = 1 << 30

// Truncate makes the file size bytes long.
func (f *File) Truncate(size int64) error {
	var call *diskCall
	err := f.do("truncate", f.access.write, func() error {
		if size < 0 || size > maxFile {
			return syscall.EFBIG
		}
		c := f.content
		if grow := int(size) - len(c.data); grow > 0 {
			c.data = append(c.data, make([]byte, grow)...)
		}
		c.data = c.data[:size:size]
		call = f.fs.host.request(disk.Request{Op: disk.Truncate, File: c.name, Offset: size})
		return nil
	})
	return f.finish("truncate", call, err)
}

// Sync makes all that was written to the file before durable. A new name is durable
// after FS.SyncDir only.
func (f *File) Sync() error {
	var call *diskCall
	err := f.do("sync", true, func() error {
		call = f.fs.host.request(disk.Request{Op: disk.Sync, File: f.content.name})
		return nil
	})
	return f.finish("sync", call, err)
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (to int64, err error) {
	err = f.do("seek", true, func() error {
		base := map[int]int64{io.SeekStart: 0, io.SeekCurrent: f.offset, io.SeekEnd: int64(len(f.content.data))}[whence]
		if to = base + offset; to < 0 {
			return syscall.EINVAL
		}
		f.offset = to
		return nil
	})
	return to, err
}

// Stat implements fs.File.
func (f *File) Stat() (found fs.FileInfo, err error) {
	err = f.do("stat", true, func() error {
		found = info{name: path.Base(f.content.name), size: int64(len(f.content.data))}
		return nil
	})
	return found, err
}

// Close implements io.Closer. It makes nothing durable.
func (f *File) Close() error {
	h := f.fs.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.content.name, Err: fs.ErrClosed}
	}
	f.closed = true
	c := f.content
	if c.users--; c.users == 0 && f.fs.open[c.name] == c {
		delete(f.fs.open, c.name)
	}
	return nil
}

// do calls step with the lock of the host, if the file may be used so.
func (f *File) do(op string, allowed bool, step func() error) error {
	h := f.fs.host
	if err := f.refresh(); err != nil {
		return pathError(op, f.Name(), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	err := f.usable(allowed)
	if err == nil {
		err = step()
	}
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: f.content.name, Err: err}
}

// usable reports why the file cannot be used.
func (f *File) usable(allowed bool) error {
	switch {
	case f.fs.host.crashed:
		return ErrCrashed
	case f.closed:
		return fs.ErrClosed
	case f.content.lost:
		return errLost
	case !allowed:
		return syscall.EBADF
	}
	return nil
}

// refresh reads the content again after a write has failed.
func (f *File) refresh() (err error) {
	h := f.fs.host
	h.mu.Lock()
	stale := f.content.stale && !f.content.lost
	h.mu.Unlock()
	if !stale {
		return nil
	}
	if viewErr := h.view(func(d disk.View) {
		var data []byte
		if data, err = d.Read(f.content.name); err == nil {
			f.content.data, f.content.stale = data, false
		}
	}); viewErr != nil {
		return viewErr
	}
	return err
}

// finish waits for a request, if there is one.
func (f *File) finish(op string, call *diskCall, err error) error {
	if err != nil || call == nil {
		return err
	}
	if err = call.wait(); err == nil {
		return nil
	}
	h := f.fs.host
	h.mu.Lock()
	defer h.mu.Unlock()
	f.content.stale = true
	return &fs.PathError{Op: op, Path: f.content.name, Err: diskError(err)}
}
