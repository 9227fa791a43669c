//go:build unix

package files_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// planted puts things in the place of a file of the log, as another user could who can
// write to the directory for a moment. All of them are refused by a node and by Reader,
// unless they are about owners, whom Reader does not ask.
var planted = []struct {
	name  string
	plant func(t *testing.T, path, victim string)
	words string
	owner bool
}{
	{"a symbolic link", func(t *testing.T, path, victim string) {
		require.NoError(t, os.Symlink(victim, path))
	}, "it is a symbolic link, and none is followed", false},
	{"a link that leads nowhere", func(t *testing.T, path, victim string) {
		require.NoError(t, os.Symlink(victim+"-new", path))
	}, "it is a symbolic link", false},
	{"a link within the directory", func(t *testing.T, path, _ string) {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "other"), nil, 0o600))
		require.NoError(t, os.Symlink("other", path))
	}, "it is a symbolic link", false},
	{"a pipe", func(t *testing.T, path, _ string) {
		require.NoError(t, syscall.Mkfifo(path, 0o600))
	}, "it is no regular file but a named pipe: move it elsewhere", false},
	{"a link to a device", func(t *testing.T, path, _ string) {
		require.NoError(t, os.Symlink("/dev/zero", path))
	}, "it is a symbolic link", false},
	{"a directory", func(t *testing.T, path, _ string) {
		require.NoError(t, os.Mkdir(path, 0o700))
	}, "a directory is in the way", false},
	{"a file of no end", func(t *testing.T, path, _ string) {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, 1<<42))
	}, "no file of a log has more than", false},
	{"a file that all may write to", func(t *testing.T, path, _ string) {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chmod(path, 0o666))
	}, "chmod go-w it", true},
	{"a file of another user", func(t *testing.T, path, _ string) {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		giveAway(t, path)
	}, "user 65534 owns it, and this node runs as user 0", true},
	{"a hard link to a file of another user", func(t *testing.T, path, victim string) {
		giveAway(t, victim)
		require.NoError(t, os.Link(victim, path))
	}, "user 65534 owns it", true},
}

// giveAway makes another user the owner of a file, which only root can do.
func giveAway(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	require.NoError(t, os.Chown(path, 65534, 65534))
}

func TestWhatIsPlantedInTheDirectoryIsRefused(t *testing.T) {
	for _, name := range []string{"LOCK", segment, "wal-mark"} {
		for _, p := range planted {
			t.Run(name+" is "+p.name, func(t *testing.T) {
				at := t.TempDir()
				dir, victim := filepath.Join(at, "data"), filepath.Join(at, "victim")
				require.NoError(t, os.Mkdir(dir, 0o700))
				require.NoError(t, os.WriteFile(victim, []byte("dear"), 0o600))
				p.plant(t, filepath.Join(dir, name), victim)

				_, err := within(t, func() ([]byte, error) {
					d, err := files.Open(dir)
					if err == nil {
						d.Close()
					}
					return nil, err
				})
				require.ErrorContains(t, err, filepath.Join(dir, name)+": ")
				require.ErrorContains(t, err, p.words)
				requireNothingDone(t, dir, victim, name)

				if name != "LOCK" && !p.owner { // a reader has no use for LOCK
					_, err = within(t, func() ([]byte, error) { return files.Reader(dir).Read(name) })
					require.ErrorContains(t, err, p.words)
				}
			})
		}
	}
}

// requireNothingDone checks that a refusal has changed neither the victim nor the
// directory, beside its LOCK.
func requireNothingDone(t *testing.T, dir, victim, planted string) {
	t.Helper()
	was, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "dear", string(was))
	require.NoFileExists(t, victim+"-new")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.Contains(t, []string{planted, "other"}, e.Name())
	}
}

// within requires that f ends in time: a pipe that is opened the plain way has no end.
func within(t *testing.T, f func() ([]byte, error)) (data []byte, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() { data, err = f(); close(done) }()
	select {
	case <-done:
		return data, err
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for the other end of a pipe")
		return nil, nil
	}
}

// While a node runs, a file of the log that it makes or opens next is planted.
func TestWhatIsPlantedWhileTheNodeRunsIsRefused(t *testing.T) {
	for _, op := range []wal.Op{wal.Create, wal.Write, wal.Allocate, wal.Truncate, wal.Sync} {
		t.Run(op.String(), func(t *testing.T) {
			d := open(t, filepath.Join(t.TempDir(), "data"))
			victim := filepath.Join(t.TempDir(), "victim")
			require.NoError(t, os.WriteFile(victim, []byte("dear"), 0o600))
			require.NoError(t, os.Symlink(victim, filepath.Join(d.Path(), segment)))
			err := d.Execute(&wal.DiskRequest{Op: op, File: segment, Data: []byte("log")})
			require.ErrorIs(t, err, files.ErrUntrusted)
			was, err := os.ReadFile(victim)
			require.NoError(t, err)
			require.Equal(t, "dear", string(was))
		})
	}
}

// The path leads elsewhere after a while: the node keeps to the directory that it has
// locked.
func TestTheDirectoryStaysTheSame(t *testing.T) {
	at := t.TempDir()
	path, moved := filepath.Join(at, "data"), filepath.Join(at, "moved")
	d := open(t, path)
	require.NoError(t, os.Rename(path, moved))
	require.NoError(t, os.Mkdir(path, 0o700))
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	require.FileExists(t, filepath.Join(moved, segment))
	require.NoFileExists(t, filepath.Join(path, segment))
}

func TestADirectoryThatOthersCanChangeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(t *testing.T, path string)
		words string
	}{
		{"all may write to it", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			require.NoError(t, os.Chmod(path, 0o777))
		}, "chmod go-w it, or give the node a directory of its own below it"},
		{"all may write to it, and it is sticky", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			require.NoError(t, os.Chmod(path, 0o777|os.ModeSticky))
		}, "chmod go-w it"},
		{"a group may write to it", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			require.NoError(t, os.Chmod(path, 0o770))
		}, "chmod go-w it"},
		{"another user owns it", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			giveAway(t, path)
		}, "user 65534 owns it"},
		{"a link of another user", func(t *testing.T, path string) {
			require.NoError(t, os.Symlink(t.TempDir(), path))
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			require.NoError(t, os.Lchown(path, 65534, 65534))
		}, "a symbolic link of another user"},
		{"a pipe", func(t *testing.T, path string) {
			require.NoError(t, syscall.Mkfifo(path, 0o600))
		}, "a file is in the way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			c.make(t, path)
			_, err := within(t, func() ([]byte, error) { _, err := files.Open(path); return nil, err })
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.words)
			entries, _ := os.ReadDir(path)
			require.Empty(t, entries, "nothing was made there")
		})
	}
}

// An operator may well give a link of their own.
func TestALinkOfOnesOwnToTheDirectory(t *testing.T) {
	at := t.TempDir()
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(at, "data")))
	d := open(t, filepath.Join(at, "data"))
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
}

// Files that a node makes are its user's alone.
func TestNobodyElseReadsTheLog(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "new", "data"))
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	for _, c := range []struct {
		name string
		mode string
	}{{"", "drwx------"}, {"LOCK", "-rw-------"}, {segment, "-rw-------"}} {
		info, err := os.Lstat(filepath.Join(d.Path(), c.name))
		require.NoError(t, err)
		require.Equal(t, c.mode, info.Mode().String(), c.name)
	}
}
