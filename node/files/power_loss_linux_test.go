package files_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lockstep-dst/lockstep/node/files/internal/filestest"
	"github.com/stretchr/testify/require"
)

// The same tests with a power loss: ext4 on a loop device is shut down without a
// flush, so that only synced changes are there when it is mounted again. Needs root.
func TestFilesSurviveLossOfPower(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts a few hundred times")
	}
	inNamespaces(t, func() {
		p := newPower(t)
		opened := 0
		filestest.Run(t, func(t *testing.T) filestest.Disk {
			p.close() // the previous one: an open file keeps a file system mounted
			opened++
			p.disk = &filesDisk{t: t, path: filepath.Join(p.mounted, strconv.Itoa(opened), "data")}
			p.disk.start()
			return &powerLossDisk{p.disk, p}
		})
		p.close()
	})
}

// powerLossFS is a file system that can lose power.
type powerLossFS struct {
	t              *testing.T
	image, mounted string
	disk           *filesDisk // the disk on it now
}

func newPower(t *testing.T) *powerLossFS {
	if _, err := exec.LookPath("mkfs.ext4"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and mkfs.ext4")
	}
	p := &powerLossFS{t: t, image: filepath.Join(t.TempDir(), "image"), mounted: t.TempDir()}
	require.NoError(t, os.WriteFile(p.image, nil, 0o600))
	require.NoError(t, os.Truncate(p.image, 64<<20))
	p.run("mkfs.ext4", "-q", "-F", "-J", "size=4", p.image)
	if out, err := exec.Command("mount", "-o", "loop", p.image, p.mounted).CombinedOutput(); err != nil {
		t.Skipf("cannot mount here: %s", out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(p.mounted, syscall.MNT_DETACH) })
	return p
}

func (p *powerLossFS) run(name string, args ...string) {
	p.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(p.t, err, "%s %v: %s", name, args, out)
}

// cut makes the file system drop all changes that are not on its device.
func (p *powerLossFS) cut() {
	p.t.Helper()
	f, err := os.Open(p.mounted)
	require.NoError(p.t, err)
	defer f.Close()
	const shutdown, withoutFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
	how := uint32(withoutFlush)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&how)))
	require.Zero(p.t, errno)
}

// restore mounts the device again.
func (p *powerLossFS) restore() {
	p.t.Helper()
	require.NoError(p.t, syscall.Unmount(p.mounted, 0))
	p.run("mount", "-o", "loop", p.image, p.mounted)
}

func (p *powerLossFS) close() {
	if p.disk != nil {
		p.disk.stop()
		p.disk = nil
	}
}

// powerLossDisk is a disk on real files; its crash is a power loss.
type powerLossDisk struct {
	*filesDisk
	power *powerLossFS
}

func (d *powerLossDisk) Crash() {
	d.power.cut() // while the runner is at work
	d.runner.Close()
	_ = d.dir.Close()
	d.power.restore()
	d.start()
}
