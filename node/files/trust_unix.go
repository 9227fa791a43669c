//go:build unix

package files

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const (
	nonBlocking = syscall.O_NONBLOCK // to open a pipe does not wait for its other end
	othersWrite = 0o022              // the permissions by which others than its owner write to a file
)

// trustedOwner reports whether the user of this process or root owns a file.
func trustedOwner(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

// owner names the user that owns a file.
func owner(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "another user"
	}
	return fmt.Sprintf("user %d", stat.Uid)
}

// self names the user of this process.
func self() string { return fmt.Sprintf("user %d", os.Geteuid()) }
