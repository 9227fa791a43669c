//go:build linux && !(arm || ppc64 || ppc64le)

package files

import (
	"errors"
	"os"
	"syscall"
)

// startSync makes the kernel write a part of a file in the background, so that a later
// sync does not wait long. It guarantees no durability.
func startSync(f *os.File, offset, length int64) error {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	if err := syscall.SyncFileRange(int(f.Fd()), offset, length, write); !syncUnsupported(err) {
		return err
	}
	return nil
}

// syncUnsupported reports whether err means that the file system does not support the
// call, or that a signal interrupted it.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ESPIPE) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EINTR)
}
