package files

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/lockstep-dst/lockstep/node/flock"
)

const lockName = "LOCK"

// takeLock returns the LOCK of a directory, locked until it is closed. The file holds
// the number of the process, for operators. It is never removed: a lock on a removed
// file would not exclude other processes.
//
// It looks at all files of the log before it writes the number, so that nothing is
// changed in a directory that is not to be trusted.
func takeLock(dir *folder) (*os.File, error) {
	if err := dir.requireTrusted(); err != nil {
		return nil, err
	}
	f, err := dir.openFile(lockName, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := lockFile(dir, f); err != nil {
		return nil, err
	}
	if f.Truncate(0) == nil { // best effort
		_, _ = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	return f, nil
}

// lockFile locks the LOCK of a directory, and closes it after an error.
func lockFile(dir *folder, f *os.File) error {
	taken, err := flock.Take(f)
	switch {
	case err != nil:
		err = explain(&os.PathError{Op: "lock", Path: f.Name(), Err: err})
	case !taken:
		err = fmt.Errorf("files: %s: %w%s", dir.path, ErrLocked, holder(f))
	}
	if err != nil {
		f.Close()
	}
	return err
}

// holder names the process that has a lock, if it has written its number there.
func holder(f *os.File) string {
	said, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(said)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (it is process %d)", pid)
}
