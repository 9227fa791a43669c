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

// Dir is a directory that this process owns until Close. It implements wal.Dir and
// Executor. Execute and Close are not safe for concurrent use; the other methods are.
type Dir struct {
	// Observe, if not nil, is called with the duration of each request that
	// succeeded. It must be set before the first Execute.
	Observe func(op wal.Op, took time.Duration)

	folder    *folder
	lock      *os.File
	handle    *os.File            // the directory, to sync it
	openFiles map[string]*logFile // the log's files that are open for writing
	closed    atomic.Bool

	freeing sync.WaitGroup // closes of removed files, which free their space

	syncs, written atomic.Uint64
}

// Open locks a directory for this process, and creates it and its parents if they are
// missing. It fails with ErrLocked while another Dir has the lock, in this process or
// another, with ErrUntrusted if other users can change the directory or a file of the
// log in it, and with ErrRestoring if the directory was not restored completely. The lock
// ends with its process.
func Open(dir string) (*Dir, error) {
	d, err := open(dir)
	if err != nil {
		return nil, err
	}
	if err := CheckRestored(d.Path()); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// open is Open for any directory.
func open(dir string) (*Dir, error) {
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
	folder, err := openFolder(path, true)
	if err != nil {
		return nil, err
	}
	d, err := lockFolder(folder, takeLock)
	if err != nil {
		folder.Close()
		return nil, err
	}
	return d, nil
}

// lockFolder locks a directory that is open.
func lockFolder(folder *folder, takeLock func(*folder) (*os.File, error)) (*Dir, error) {
	lock, err := takeLock(folder)
	if err != nil {
		return nil, err
	}
	handle, err := folder.Open(".")
	if err != nil {
		lock.Close()
		return nil, explainAt("open", folder.path, err)
	}
	return &Dir{folder: folder, lock: lock, handle: handle, openFiles: map[string]*logFile{}}, nil
}

// makeDir creates a directory and makes the path to it durable. A LOCK in the
// directory proves that this was done before. Without one, an earlier life may have
// created any of the parents without syncing them, so all are synced.
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
			continue // not readable, so not created by this node
		}
		err = syncDir(parent)
		parent.Close()
		if err != nil && !dirSyncUnsupported(err) {
			return err
		}
	}
	return nil
}

// Close releases the directory. A Runner on it must be closed before.
func (d *Dir) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.freeing.Wait()
	var errs []error
	for _, f := range d.openFiles {
		errs = append(errs, f.Close())
	}
	errs = append(errs, d.handle.Close(), d.folder.Close(), d.lock.Close()) // the lock last
	return errors.Join(errs...)
}

// Path returns the directory's absolute path.
func (d *Dir) Path() string { return d.folder.path }

// List returns the names of the log's files, sorted.
func (d *Dir) List() ([]string, error) { return d.folder.list() }

// Read returns all bytes of one of the log's files. If it does not exist, the error
// wraps fs.ErrNotExist.
func (d *Dir) Read(name string) ([]byte, error) { return d.folder.read(name) }

// Reader is read-only access to the directory of a log, by its path. It takes no lock,
// so a node may use the directory at the same time. It does not ask who owns the files,
// but like a node it follows no links and opens nothing that is no regular file: then
// its errors wrap ErrUntrusted. It implements wal.Dir.
type Reader string

// List returns the names of the log's files, sorted.
func (r Reader) List() (names []string, err error) {
	err = r.in(func(f *folder) error {
		names, err = f.list()
		return err
	})
	return names, err
}

// Read returns all bytes of one of the log's files, as Dir.Read does.
func (r Reader) Read(name string) (data []byte, err error) {
	err = r.in(func(f *folder) error {
		data, err = f.read(name)
		return err
	})
	return data, err
}

// in calls do with the directory, open.
func (r Reader) in(do func(*folder) error) error {
	f, err := openFolder(string(r), false)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

func (d *Dir) pathOf(name string) string { return filepath.Join(d.folder.path, name) }

// logPrefix is the prefix of the names of the log's files, and of no others.
const logPrefix = "wal-"

func isLogFile(name string) bool { return strings.HasPrefix(name, logPrefix) && isPlainName(name) }

// isPlainName reports whether a name is a plain file name on every system.
func isPlainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, `/\:`+"\x00") && name[0] != '.'
}
