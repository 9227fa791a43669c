//go:build linux || darwin || freebsd

package files

import "os"

// syncDir makes the names in a directory durable.
func syncDir(dir *os.File) error { return dir.Sync() }
