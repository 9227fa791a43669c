package files_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

func TestOpenMakesTheDirectoryAndItsParents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	d := open(t, path)
	require.Equal(t, path, d.Path())
	require.DirExists(t, path)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close(), "a second time does nothing")
	open(t, path)
}

func TestOpenTakesAPathFromHere(t *testing.T) {
	t.Chdir(t.TempDir())
	d := open(t, "data")
	t.Chdir(t.TempDir()) // Dir keeps to the absolute path
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	require.FileExists(t, filepath.Join(d.Path(), segment))
}

func TestListIsOfTheLogOnly(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "peers.json"), []byte("{}"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "notes.txt"), nil, 0o600))
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	names, err := d.List()
	require.NoError(t, err)
	require.Equal(t, []string{segment}, names)
}

func TestOtherFilesAreNotTheLogsToTouch(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "peers.json"), []byte("{}"), 0o600))
	for _, name := range []string{"", ".", "..", "LOCK", "peers.json", "wal-/../x", `wal-\x`, "../wal-1", "wal-\x00"} {
		for _, op := range []wal.Op{wal.Create, wal.Write, wal.Truncate, wal.Sync, wal.Allocate, wal.Remove, wal.Rename} {
			err := d.Execute(&wal.DiskRequest{Op: op, File: name})
			require.ErrorContains(t, err, "not the name of a file of the log", name)
		}
		_, err := d.Read(name)
		require.ErrorContains(t, err, "not the name of a file of the log", name)
	}
}

func TestUnknownOperation(t *testing.T) {
	d := open(t, t.TempDir())
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	require.ErrorContains(t, d.Execute(&wal.DiskRequest{Op: 77, File: segment}), "op(77)")
}

func TestStatsAndObserve(t *testing.T) {
	d := open(t, t.TempDir())
	var seen []wal.Op
	d.Observe = func(op wal.Op, took time.Duration) {
		require.Positive(t, took)
		seen = append(seen, op)
	}
	execute(t, d,
		wal.DiskRequest{Op: wal.Create, File: segment},
		wal.DiskRequest{Op: wal.Write, File: segment, Data: []byte("abc")},
		wal.DiskRequest{Op: wal.Sync, File: segment},
		wal.DiskRequest{Op: wal.SyncDir},
	)
	require.Error(t, d.Execute(&wal.DiskRequest{Op: wal.Sync, File: "wal-2"}))
	require.Equal(t, files.Stats{Syncs: 1, Written: 3}, d.Stats())
	require.Equal(t, []wal.Op{wal.Create, wal.Write, wal.Sync, wal.SyncDir}, seen)
}

// A log may have many files, but few are open.
func TestSyncedFilesAreClosedForOthers(t *testing.T) {
	d := open(t, t.TempDir())
	for i := range 50 {
		file := fmt.Sprintf("wal-%d", i)
		execute(t, d, wal.DiskRequest{Op: wal.Create, File: file}, wal.DiskRequest{Op: wal.Write, File: file, Data: []byte("abc")})
		if i%10 > 0 {
			execute(t, d, wal.DiskRequest{Op: wal.Sync, File: file})
		}
	}
	require.Equal(t, 5+1, d.OpenFiles(), "those that are not synced, and the last")
	execute(t, d, wal.DiskRequest{Op: wal.Write, File: "wal-1", Offset: 3, Data: []byte("def")}, wal.DiskRequest{Op: wal.Remove, File: "wal-0"})
	got, err := d.Read("wal-1")
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))
	require.NoFileExists(t, filepath.Join(d.Path(), "wal-0"))
	require.Equal(t, 5, d.OpenFiles())
}

func TestClosedDirDoesNothing(t *testing.T) {
	d := open(t, t.TempDir())
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	require.NoError(t, d.Close())
	for _, file := range []string{segment, "wal-2"} {
		require.ErrorIs(t, d.Execute(&wal.DiskRequest{Op: wal.Create, File: file}), fs.ErrClosed)
		require.ErrorIs(t, d.Execute(&wal.DiskRequest{Op: wal.Write, File: file}), fs.ErrClosed)
	}
	require.ErrorIs(t, d.Execute(&wal.DiskRequest{Op: wal.SyncDir}), fs.ErrClosed)
}
