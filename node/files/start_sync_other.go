//go:build !linux || arm || ppc64 || ppc64le

package files

import "os"

// startSync does nothing: the system, or its package syscall, has no such call. A later
// sync waits for all of the writing.
func startSync(*os.File, int64, int64) error { return nil }
