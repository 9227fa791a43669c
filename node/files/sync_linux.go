package files

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes the content and the length of a file durable, but not times.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// startSync has the kernel write a part of a file in the background, so that a
// later sync does not wait long. It promises nothing.
func startSync(f *os.File, offset, length int64) error {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	if err := syscall.SyncFileRange(int(f.Fd()), offset, length, write); !syncUnsupported(err) {
		return err
	}
	return nil
}

// syncUnsupported reports whether err says that the file system has no such call.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ESPIPE) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EINTR)
}
