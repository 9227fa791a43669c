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
