package fleet

import "syscall"

// endWithParent has the kernel kill a process whose worker is killed: its result
// would not be read.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
