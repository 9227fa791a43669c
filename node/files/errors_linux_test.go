package files_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

func TestDirectoryIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, p := range []string{path, filepath.Join(path, "below")} {
		_, err := files.Open(p)
		require.ErrorIs(t, err, syscall.ENOTDIR)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "a file is in the way")
	}
}

func TestDirectoryWithoutName(t *testing.T) {
	_, err := files.Open("")
	require.ErrorContains(t, err, "no name")
}

func TestLogFileIsADirectory(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, os.Mkdir(filepath.Join(d.Path(), segment), 0o700))
	_, _, err := wal.Recover(d, identity, wal.Options{Segment: 4 << 10}, nil)
	require.ErrorContains(t, err, filepath.Join(d.Path(), segment))
	require.ErrorContains(t, err, "a directory is in the way")
}

func TestMissingPermission(t *testing.T) {
	path := t.TempDir()
	locked := filepath.Join(path, "locked")
	require.NoError(t, os.Mkdir(locked, 0o555))
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o755)) // so that the unprivileged user reaches path
	asNobody(t, func() {
		for _, p := range []string{locked, filepath.Join(locked, "new")} {
			_, err := files.Open(p)
			require.ErrorIs(t, err, fs.ErrPermission)
			require.ErrorContains(t, err, p)
			require.ErrorContains(t, err, "let the user that runs this node")
		}
	})
}

// The node's user loses access to the directory while the node runs.
func TestPermissionLost(t *testing.T) {
	d := open(t, t.TempDir())
	execute(t, d, wal.DiskRequest{Op: wal.Create, File: segment})
	require.NoError(t, os.Chmod(d.Path(), 0o555))
	require.NoError(t, os.Chmod(filepath.Dir(d.Path()), 0o755))
	asNobody(t, func() {
		err := d.Execute(&wal.DiskRequest{Op: wal.Create, File: "wal-2"})
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, filepath.Join(d.Path(), "wal-2"))
		require.NoError(t, d.Execute(&wal.DiskRequest{Op: wal.Sync, File: segment}), "it is open")
	})
}

func TestReadOnlyFileSystem(t *testing.T) {
	inNamespaces(t, func() {
		path := t.TempDir()
		mount(t, path, 0, "size=1m,mode=700")
		require.NoError(t, open(t, path).Close())
		mount(t, path, syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=1m,mode=700")
		for _, p := range []string{path, filepath.Join(path, "new")} {
			_, err := files.Open(p)
			require.ErrorIs(t, err, syscall.EROFS)
			require.ErrorContains(t, err, p)
			require.ErrorContains(t, err, "mount the file system for writing")
		}
	})
}

// A full disk stops the log. The next life has all durable entries, and continues
// when there is space.
func TestFullDisk(t *testing.T) {
	inNamespaces(t, func() {
		path := t.TempDir()
		mount(t, path, 0, "size=256k,mode=700")
		d := open(t, path)
		appended, err := fill(t, d)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, filepath.Join(path, "wal-"))
		require.ErrorContains(t, err, "free some space")
		require.NoError(t, d.Close())
		require.NoError(t, open(t, path).Close(), "to open takes no space")
		mount(t, path, syscall.MS_REMOUNT, "size=1m,mode=700")
		requireRecovers(t, path, appended)
	})
}

// A write fails half way: part of it is on disk.
func TestWriteFailsHalfWay(t *testing.T) {
	inNamespaces(t, func() {
		signal.Ignore(syscall.SIGXFSZ)
		var was syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
		limit := was
		limit.Cur = 50_001
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
		d := open(t, t.TempDir())
		appended, err := fill(t, d)
		require.ErrorIs(t, err, syscall.EFBIG)
		require.ErrorContains(t, err, "ulimit -f")
		names, err := d.List()
		require.NoError(t, err)
		data, err := d.Read(names[len(names)-2]) // wal-mark is the last
		require.NoError(t, err)
		require.Len(t, data, 50_001)
		require.NoError(t, d.Close())
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
		requireRecovers(t, d.Path(), appended)
	})
}

// fill appends entries, more in each batch, until the log fails. It returns the number
// of durable entries.
func fill(t *testing.T, d *files.Dir) (durable int, err error) {
	t.Helper()
	n, err := boot(d, 16<<10)
	require.NoError(t, err)
	defer n.runner.Close()
	for batch := 1; ; batch++ {
		for range batch {
			n.log.Append(make([]byte, 3000))
		}
		if err := n.settle(); err != nil {
			require.ErrorContains(t, err, "this node must stop")
			return durable, err
		}
		durable += batch
	}
}

// requireRecovers checks that the next life has the durable entries and can write.
func requireRecovers(t *testing.T, path string, durable int) {
	t.Helper()
	n, err := boot(open(t, path), 16<<10)
	require.NoError(t, err)
	defer n.runner.Close()
	require.GreaterOrEqual(t, len(n.found), durable) // and any whole records of the batch that failed
	n.log.Append(make([]byte, 3000))
	require.NoError(t, n.settle())
}

// asNobody runs f as an unprivileged user if this process runs as root, which has all
// permissions. The file system's user is set for a single thread, which ends with f.
func asNobody(t *testing.T, f func()) {
	done := make(chan bool)
	go func() {
		defer close(done) // also if a require fails
		if os.Geteuid() == 0 {
			runtime.LockOSThread()
			const nobody = 65534
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		}
		f()
	}()
	<-done
}

// inNamespaces runs f in a process with mounts and limits of its own: this test again,
// in namespaces, with its user mapped to root if it is not root already.
func inNamespaces(t *testing.T, f func()) {
	const key = "LOCKSTEP_FILES_TEST_APART"
	if os.Getenv(key) == t.Name() {
		skipUnlessPermitted(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		f()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), key+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || strings.Contains(string(out), "--- SKIP") {
		t.Skipf("namespaces or mounts are not permitted here: %v %s", err, out)
	}
	require.NoError(t, err, string(out))
}

func mount(t *testing.T, path string, flags uintptr, data string) {
	t.Helper()
	skipUnlessPermitted(t, syscall.Mount("none", path, "tmpfs", flags, data))
	if flags&syscall.MS_REMOUNT == 0 {
		t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	}
}

// skipUnlessPermitted skips the test if err means that this process may not mount.
func skipUnlessPermitted(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip(err)
	}
	require.NoError(t, err)
}
