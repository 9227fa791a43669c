package server_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A failing disk stops the node. The node reports the failure and the remedy, and
// never acknowledges an operation that it could not make durable. The other nodes go
// on serving. When the disk has space again the node recovers.
func TestFullDiskStopsTheNode(t *testing.T) {
	c := startCluster(t, 3)
	require.Equal(t, http.StatusOK, c.propose(3, "lifecycle/web", `{"to":"Running"}`).Status)
	s := c.nodes[3]
	fillDisk(t, c.configs[3].Data)
	a, err := c.tryRequest(3, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Stopped"}`)
	if err == nil && a.Status != http.StatusOK { // the other two may have been enough
		require.Equal(t, "unknown", a.Outcome)
		require.Equal(t, "stopping", a.Error.Code)
	}
	select {
	case <-s.Done():
	case <-time.After(testTimeout):
		require.FailNow(t, "it goes on")
	}
	require.ErrorIs(t, s.Err(), syscall.ENOSPC)
	require.ErrorContains(t, s.Err(), c.configs[3].Data)
	require.ErrorContains(t, s.Err(), "free some space")

	delete(c.nodes, 3)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/api", `{"to":"Running"}`).Status)
	c.start(3)
	c.awaitAll()
	require.Equal(t, uint64(1), c.get(3, "lifecycle/api").Version)
	require.GreaterOrEqual(t, c.get(3, "lifecycle/web").Version, uint64(1))
}

// fillDisk replaces the log's open files below dir by /dev/full: every write to them
// fails with ENOSPC.
func fillDisk(t *testing.T, dir string) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	require.NoError(t, err)
	defer full.Close()
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	replaced := 0
	for _, e := range open {
		path, err := os.Readlink("/proc/self/fd/" + e.Name())
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		if strings.HasPrefix(path, filepath.Join(dir, "wal-")) {
			fd, err := strconv.Atoi(e.Name())
			require.NoError(t, err)
			require.NoError(t, syscall.Dup3(int(full.Fd()), fd, syscall.O_CLOEXEC))
			replaced++
		}
	}
	require.Positive(t, replaced, "no log is open below %s", dir)
}

// An unwritable directory is reported at the start, with the remedy. The file system
// is mounted read-only, since permissions do not stop root.
func TestReadOnlyDirectory(t *testing.T) {
	const key = "LOCKSTEP_SERVER_TEST_READ_ONLY"
	if os.Getenv(key) == "" {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), key+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || strings.Contains(string(out), "--- SKIP") {
			t.Skipf("mounts are not permitted here: %v %s", err, out)
		}
		require.NoError(t, err, string(out))
		return
	}
	c := newCluster(t, 1)
	data := c.configs[1].Data
	require.NoError(t, os.MkdirAll(data, 0o700))
	for _, m := range []struct {
		source, target string
		flags          uintptr
	}{{"", "/", syscall.MS_REC | syscall.MS_PRIVATE}, {data, data, syscall.MS_BIND}, {"", data, syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY}} {
		if err := syscall.Mount(m.source, m.target, "", m.flags, ""); err != nil {
			t.Skip(err)
		}
	}
	t.Cleanup(func() { _ = syscall.Unmount(data, syscall.MNT_DETACH) })
	err := startRefused(t, *c.configs[1])
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorContains(t, err, data)
	require.ErrorContains(t, err, "mount the file system for writing, or choose another directory")
}
