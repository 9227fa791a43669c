package main

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// errCPU is wrapped by the error about a process that has used up its processor time.
var errCPU = errors.New("it used up the processor time")

// guarded is a command that the kernel kills when it has used so much processor time,
// user and system, in whole seconds. Other load on the host does not bring that end
// closer, as it would with wall time.
func guarded(ctx context.Context, cpu time.Duration, program string, args ...string) *exec.Cmd {
	const script = `ulimit -t "$0" && exec "$@"`
	seconds := strconv.Itoa(int(cpu / time.Second))
	return exec.CommandContext(ctx, "sh", append([]string{"-c", script, seconds, program}, args...)...)
}

// outOfCPU reports whether the kernel killed cmd, which has ended, for its processor
// time. The limit is held against a count of clock ticks, which on a busy host differs
// from the reported time by some percent.
func outOfCPU(cmd *exec.Cmd, cpu time.Duration) bool {
	if cmd.ProcessState == nil {
		return false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL && processorTime(cmd) >= cpu*3/4
}

// processorTime is the processor time, user and system, of a command that has ended;
// 0 if it has not begun.
func processorTime(cmd *exec.Cmd) time.Duration {
	if cmd.ProcessState == nil {
		return 0
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
