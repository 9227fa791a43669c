package backup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/stretchr/testify/require"
)

// mountReadOnly has a directory take no writes until the end of the test. It needs the rights
// to mount.
func mountReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skip("no file system can be mounted here: ", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
}

// A directory on a file system that takes no writes can be read. Without a LOCK, too, but not
// while a node has it, or if it was not restored completely.
func TestDirectoryOnAReadOnlyFileSystem(t *testing.T) {
	for name, x := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    error // nil: the log's cluster is not formed, so it was read
	}{
		"sound":   {func(*testing.T, string) {}, nil},
		"no LOCK": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "LOCK"))) }, nil},
		"in use": {func(t *testing.T, dir string) {
			d, err := files.Open(dir)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
		}, files.ErrLocked},
		"being restored": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "RESTORING"), nil, 0o600))
		}, files.ErrRestoring},
	} {
		t.Run(name, func(t *testing.T) {
			to := target(t, 1)
			_, err := backup.Restore(bytes.NewReader(write(t, machines(t))), to)
			require.NoError(t, err)
			dir := to.Data
			x.prepare(t, dir)
			mountReadOnly(t, dir)
			_, err = backup.ReadDirectories([]string{dir}, time.Time{})
			if x.want == nil {
				x.want = backup.ErrDirectories
			}
			require.ErrorIs(t, err, x.want)
		})
	}
}
