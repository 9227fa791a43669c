package files_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/stretchr/testify/require"
)

// requireLocked checks that a directory is locked, and that the error names it and
// the process.
func requireLocked(t *testing.T, path string, pid int) {
	t.Helper()
	_, err := files.Open(path)
	require.ErrorIs(t, err, files.ErrLocked)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "process "+strconv.Itoa(pid))
	require.ErrorContains(t, err, "stop that one")
}

func TestLockedByThisProcess(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	requireLocked(t, path, os.Getpid())
	requireLocked(t, path, os.Getpid()) // failed attempts leave the lock alone
	require.NoError(t, d.Close())
	open(t, path)
}

func TestLockedByAnotherProcessUntilItIsKilled(t *testing.T) {
	path := t.TempDir()
	for range 3 {
		c := spawn(t, "hold", path)
		require.True(t, c.lines.Scan())
		requireLocked(t, path, c.Process.Pid)
		c.kill(t)
		require.NoError(t, open(t, path).Close())
	}
}
