package files

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes the content and the length of a file durable, but not its times.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

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
