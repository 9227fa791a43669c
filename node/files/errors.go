package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrLocked means that another process, or another Dir of this one, has locked the
// directory. Open wraps it with the directory's name.
var ErrLocked = errors.New("another node uses this directory: " +
	"stop that one, or give each node a directory of its own")

// remedies maps errors of the operating system to advice for the operator.
var remedies = []struct {
	err    error
	remedy string
}{
	{fs.ErrPermission, "let the user that runs this node read and write there"},
	{syscall.EROFS, "mount the file system for writing, or choose another directory"},
	{syscall.ENOTDIR, "a file is in the way: move it, or choose another directory"},
	{syscall.EISDIR, "a directory is in the way: move it, or choose another directory"},
	{syscall.ENOSPC, "free some space on the file system"},
	{syscall.EDQUOT, "raise the quota, or free some space"},
	{syscall.EFBIG, "raise the limit on the size of files (ulimit -f)"},
	{syscall.EMFILE, "raise the limit on open files (ulimit -n)"},
	{syscall.EIO, "the device is failing: look at the system's log, and replace it"},
}

// explain adds the remedy to an error, which already names its path.
func explain(err error) error {
	for _, r := range remedies {
		if errors.Is(err, r.err) {
			err = fmt.Errorf("files: %w: %s", err, r.remedy)
			if r.err == syscall.ENOSPC || r.err == syscall.EDQUOT {
				err = fullError{err}
			}
			return err
		}
	}
	return fmt.Errorf("files: %w", err)
}

// fullError is an error that also matches wal.ErrFull.
type fullError struct{ error }

func (fullError) Is(target error) bool { return target == wal.ErrFull }
func (f fullError) Unwrap() error      { return f.error }

// wrapError adds the operation and the path to err, if it is not nil.
func (d *Dir) wrapError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if pe := (*os.PathError)(nil); !errors.As(err, &pe) {
		err = &os.PathError{Op: op, Path: path, Err: err}
	}
	return explain(err)
}

func notLogFile(path, name string) error {
	return fmt.Errorf("files: %s: %q is not the name of a file of the log, %s*", path, name, logPrefix)
}

// dirSyncUnsupported reports whether err means that the file system cannot sync
// directories.
func dirSyncUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EROFS)
}
