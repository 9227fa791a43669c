package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// smallFiles is the variable with which this process can write no large file, as on a disk
// that is full.
const smallFiles = "LOCKSTEP_FLEET_SMALL_FILES"

func init() {
	if os.Getenv(smallFiles) == "" {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4 << 20, Max: 4 << 20}); err != nil {
		panic(err)
	}
}

// A server that cannot write its store ends, with its log and its page, and says why.
func TestTheStoreIsFull(t *testing.T) {
	f := newFleet(t)
	t.Setenv(smallFiles, "1")
	p := f.start("serve", "--dir", "state", "--listen", f.address, "--http", "127.0.0.1:0")
	p.until("the page is at ")
	require.NoError(t, os.Unsetenv(smallFiles))
	f.start("submit", "night", "--nats", f.url, "--binary", f.self, "--send-program", "--seeds", "4")
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
	}
	require.Contains(t, p.output.String(), "critical write error")
	require.Contains(t, p.output.String(), "the store of the queue has failed: ")
	require.Contains(t, p.output.String(), ": make room in state, and start it again")
	require.Equal(t, 2, p.cmd.ProcessState.ExitCode())
}
