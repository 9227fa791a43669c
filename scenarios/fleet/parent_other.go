//go:build !linux

package fleet

import "syscall"

// endWithParent does nothing here: a process whose worker is killed runs its seeds to the
// end.
func endWithParent() *syscall.SysProcAttr { return nil }
