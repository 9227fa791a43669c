package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Dir is a directory that this process owns until Close. It implements wal.Dir.
// Execute is called from one place at a time; the other methods from anywhere.
type Dir struct {
	// Observe, if not nil, is told how long each request took that succeeded.
	// It is set before the first Execute.
	Observe func(op wal.Op, took time.Duration)

	path      string
	lock      *os.File
	handle    *os.File            // the directory, to sync it
	openFiles map[string]*logFile // the log's files that are being changed
	closed    atomic.Bool

	freeing sync.WaitGroup // removed files whose space is not yet free

	syncs, written atomic.Uint64
}

// Open takes a directory for this process, and makes it and its parents if they
// are missing. It fails with ErrLocked while another Dir has it, in this process
// or another; the lock of a process that died is free.
func Open(dir string) (*Dir, error) {
	if dir == "" {
		return nil, errors.New("files: the directory has no name: give the node one of its own")
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, explain(err)
	}
	if err := makeDir(path); err != nil {
		return nil, explain(err)
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	self, err := os.Open(path)
	if err != nil {
		lock.Close()
		return nil, explain(err)
	}
	return &Dir{path: path, lock: lock, handle: self, openFiles: map[string]*logFile{}}, nil
}

// makeDir makes a directory such that the way to it is durable. That there is a
// LOCK in it proves that this was done before; if not, every directory above
// might have been made by a life that ended too early, and is synced.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(path, lockName)); err == nil {
		return nil
	}
	for at := path; at != filepath.Dir(at); {
		at = filepath.Dir(at)
		parent, err := os.Open(at)
		if err != nil {
			continue // not ours to read, so not ours to make
		}
		err = syncDir(parent)
		parent.Close()
		if err != nil && !dirSyncUnsupported(err) {
			return err
		}
	}
	return nil
}

// Close lets go of the directory. A Runner on it is closed before.
func (d *Dir) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.freeing.Wait()
	var errs []error
	for _, f := range d.openFiles {
		errs = append(errs, f.Close())
	}
	errs = append(errs, d.handle.Close(), d.lock.Close()) // the lock last
	return errors.Join(errs...)
}

// Path is the directory's absolute path.
func (d *Dir) Path() string { return d.path }

// Free is how many bytes this process could still write to the file system.
func (d *Dir) Free() (uint64, error) {
	n, err := free(d.path)
	if err != nil {
		return 0, explain(&os.PathError{Op: "statfs", Path: d.path, Err: err})
	}
	return n, nil
}

// List returns the names of the log's files, sorted.
func (d *Dir) List() ([]string, error) { return Reader(d.path).List() }

// Read returns all bytes of one of the log's files. The error for one that is
// not there is fs.ErrNotExist.
func (d *Dir) Read(name string) ([]byte, error) { return Reader(d.path).Read(name) }

// Reader is the directory of a log that is only read: nothing in it is changed, and
// a node may have it meanwhile. It implements wal.Dir.
type Reader string

// List is that of Dir.
func (r Reader) List() ([]string, error) {
	entries, err := os.ReadDir(string(r))
	if err != nil {
		return nil, explain(err)
	}
	var names []string
	for _, e := range entries {
		if isLogFile(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Read is that of Dir.
func (r Reader) Read(name string) ([]byte, error) {
	if !isLogFile(name) {
		return nil, notLogFile(string(r), name)
	}
	data, err := os.ReadFile(filepath.Join(string(r), name))
	if err != nil {
		return nil, explain(err)
	}
	return data, nil
}

func (d *Dir) pathOf(name string) string { return filepath.Join(d.path, name) }

// logPrefix begins the names of the log's files, and of no others.
const logPrefix = "wal-"

func isLogFile(name string) bool { return strings.HasPrefix(name, logPrefix) && isPlainName(name) }

// isPlainName reports whether a name is one of a file in a directory on any system.
func isPlainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, `/\:`+"\x00") && name[0] != '.'
}
