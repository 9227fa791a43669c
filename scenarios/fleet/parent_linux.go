package fleet

import "syscall"

// endWithParent has the kernel kill a process whose worker is killed: nobody would read
// its result.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
