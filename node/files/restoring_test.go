package files_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// A directory that is not restored completely is refused, until it is emptied.
func TestHalfRestoredDirectoryIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "n1")
	d, err := files.Restore(dir)
	require.NoError(t, err)
	require.NoError(t, d.Execute(&wal.DiskRequest{Op: wal.Create, File: "wal-mark"}))
	require.NoError(t, d.Close()) // as after a crash

	_, err = files.Open(dir)
	require.ErrorIs(t, err, files.ErrRestoring)
	_, err = files.Restore(dir)
	require.ErrorIs(t, err, files.ErrRestoring)

	require.NoError(t, os.RemoveAll(dir))
	d, err = files.Restore(dir)
	require.NoError(t, err)
	require.NoError(t, d.Restored())
	require.NoError(t, d.Close())
	d, err = files.Open(dir)
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestRestoreNeedsAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	_, err := files.Restore(dir)
	require.ErrorIs(t, err, files.ErrNotEmpty)
	require.ErrorContains(t, err, "there is mine")
	_, err = os.Lstat(filepath.Join(dir, "LOCK"))
	require.ErrorIs(t, err, os.ErrNotExist, "it is left as it was")

	d, err := files.Open(filepath.Join(dir, "n1"))
	require.NoError(t, err)
	_, err = files.Restore(filepath.Join(dir, "n1"))
	require.ErrorIs(t, err, files.ErrLocked)
	require.NoError(t, d.Close())
	d, err = files.Restore(filepath.Join(dir, "n1")) // a LOCK alone is nothing
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = files.Restore("")
	require.Error(t, err)
}
