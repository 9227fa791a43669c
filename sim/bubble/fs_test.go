package bubble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// onDisk runs code on the disk of a host, as the code of a client, with which the run
// ends.
func onDisk(t *testing.T, do func(f *bubble.FS) error) bubble.Outcome {
	t.Helper()
	return hosts{101: func(_ context.Context, h *bubble.Host) error { return do(h.FS()) }}.run(t, nil)
}

// The file system is an fs.FS by the standard library's own test.
func TestFSConforms(t *testing.T) {
	onDisk(t, func(f *bubble.FS) error {
		for _, name := range []string{"a", "data/wal/1", "data/wal/2", "data/x", "empty"} {
			if err := f.WriteFile(name, bytes.Repeat([]byte(name), len(name)-1), 0o600); err != nil {
				return err
			}
		}
		return fstest.TestFS(f, "a", "data/wal/1", "data/wal/2", "data/x", "empty")
	})
}

// survivors writes to the disk in one life, and lists the files that the next life
// finds.
func survivors(t *testing.T, end func(*sim.World), write func(f *bubble.FS) error) map[string]string {
	t.Helper()
	found := map[string]string{}
	hosts{101: func(ctx context.Context, h *bubble.Host) error {
		if h.Life() == 1 {
			if err := write(h.FS()); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}
		return fs.WalkDir(h.FS(), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := h.FS().ReadFile(name)
			found[name] = string(data)
			return err
		})
	}}.run(t, func(w *sim.World) {
		w.Schedule(sec, "end", func() { end(w); w.Start(101) })
	})
	return found
}

// A power loss takes all that is not synced: of a file its bytes, and of a directory
// its names. A process crash takes nothing.
func TestWhatSurvives(t *testing.T) {
	write := func(f *bubble.FS, name, data string, sync bool) error {
		file, err := f.Create(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.WriteString(data); err != nil || !sync {
			return err
		}
		return file.Sync()
	}
	steps := func(f *bubble.FS, do ...func() error) error {
		for i, step := range do {
			if err := step(); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		return nil
	}
	cases := []struct {
		name         string
		write        func(f *bubble.FS) error
		power, crash map[string]string
	}{
		{"nothing synced", func(f *bubble.FS) error { return write(f, "a", "1", false) },
			map[string]string{}, map[string]string{"a": "1"}},
		{"synced without its name", func(f *bubble.FS) error { return write(f, "a", "1", true) },
			map[string]string{}, map[string]string{"a": "1"}},
		{"its name without a sync", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "a", "1", false) }, func() error { return f.SyncDir(".") })
		}, map[string]string{"a": ""}, map[string]string{"a": "1"}},
		{"both", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "d/a", "1", true) }, func() error { return f.SyncDir("d") })
		}, map[string]string{"d/a": "1"}, map[string]string{"d/a": "1"}},
		{"written again", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "a", "1", true) }, func() error { return f.SyncDir(".") },
				func() error { return write(f, "a", "23", false) })
		}, map[string]string{"a": "1"}, map[string]string{"a": "23"}},
		{"replaced", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "a", "1", true) }, func() error { return f.SyncDir(".") },
				func() error { return write(f, "b", "2", true) }, func() error { return f.Rename("b", "a") })
		}, map[string]string{"a": "1"}, map[string]string{"a": "2"}},
		{"replaced durably", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "a", "1", true) }, func() error { return write(f, "b", "2", true) },
				func() error { return f.Rename("b", "a") }, func() error { return f.SyncDir(".") })
		}, map[string]string{"a": "2"}, map[string]string{"a": "2"}},
		{"removed", func(f *bubble.FS) error {
			return steps(f, func() error { return write(f, "a", "1", true) }, func() error { return f.SyncDir(".") },
				func() error { return f.Remove("a") })
		}, map[string]string{"a": "1"}, map[string]string{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.power, survivors(t, func(w *sim.World) { w.LosePower(101) }, c.write), "power loss")
			require.Equal(t, c.crash, survivors(t, func(w *sim.World) { w.CrashProcess(101) }, c.write), "process crash")
		})
	}
}

// Files behave as those of package os do: the same calls on both give the same bytes
// and errors.
func TestFilesAreThoseOfPackageOS(t *testing.T) {
	type file interface {
		io.ReadWriteSeeker
		io.ReaderAt
		io.WriterAt
		io.Closer
		Truncate(int64) error
		Stat() (fs.FileInfo, error)
	}
	type system struct {
		open   func(name string, flag int) (file, error)
		rename func(from, to string) error
		remove func(name string) error
	}
	var log []string
	note := func(call string, result any, err error) {
		for _, known := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrClosed, syscall.EBADF, syscall.EINVAL, io.EOF} {
			if errors.Is(err, known) {
				err = known
			}
		}
		log = append(log, fmt.Sprintf("%s: %v, %v", call, result, err))
	}
	script := func(s system) {
		_, err := s.open("a", os.O_RDWR)
		note("open what is missing", nil, err)
		a, err := s.open("a", os.O_RDWR|os.O_CREATE|os.O_EXCL)
		note("create", nil, err)
		_, err = s.open("a", os.O_RDWR|os.O_CREATE|os.O_EXCL)
		note("create again", nil, err)
		n, err := a.Write([]byte("hello"))
		note("write", n, err)
		n, err = a.WriteAt([]byte("J"), 10)
		note("write behind the end", n, err)
		b := make([]byte, 20)
		n, err = a.ReadAt(b, 0)
		note("read at", fmt.Sprintf("%q", b[:n]), err)
		n, err = a.Read(b)
		note("read", fmt.Sprintf("%q", b[:n]), err)
		at, err := a.Seek(-3, io.SeekEnd)
		note("seek", at, err)
		n, err = a.Read(b)
		note("read", fmt.Sprintf("%q", b[:n]), err)
		_, err = a.Seek(-3, io.SeekStart)
		note("seek before the beginning", nil, err)
		note("truncate", nil, a.Truncate(4))
		appender, err := s.open("a", os.O_WRONLY|os.O_APPEND)
		note("open to append", nil, err)
		n, err = appender.Write([]byte("!!"))
		note("append", n, err)
		_, err = appender.Read(b)
		note("read what is open to write", nil, err)
		n, err = a.ReadAt(b, 0)
		note("read at", fmt.Sprintf("%q", b[:n]), err)
		note("rename", nil, s.rename("a", "b"))
		note("rename what is missing", nil, s.rename("a", "b"))
		n, err = a.WriteAt([]byte("H"), 0)
		note("write to what is renamed", n, err)
		reader, err := s.open("b", os.O_RDONLY)
		note("open", nil, err)
		_, err = reader.Write([]byte("x"))
		note("write to what is open to read", nil, err)
		all, err := io.ReadAll(reader)
		note("read all", string(all), err)
		again, err := s.open("b", os.O_RDWR|os.O_TRUNC)
		note("open and truncate", nil, err)
		info, err := again.Stat()
		note("size", info.Size(), err)
		note("close", nil, a.Close())
		note("close again", nil, a.Close())
		_, err = a.Read(b)
		note("read what is closed", nil, err)
		note("remove", nil, s.remove("b"))
		note("remove again", nil, s.remove("b"))
	}
	dir := t.TempDir()
	script(system{
		open:   func(name string, flag int) (file, error) { return os.OpenFile(dir+"/"+name, flag, 0o600) },
		rename: func(from, to string) error { return os.Rename(dir+"/"+from, dir+"/"+to) },
		remove: func(name string) error { return os.Remove(dir + "/" + name) },
	})
	wanted := log
	log = nil
	onDisk(t, func(f *bubble.FS) error {
		script(system{
			open:   func(name string, flag int) (file, error) { return f.OpenFile(name, flag, 0o600) },
			rename: f.Rename, remove: f.Remove,
		})
		return nil
	})
	require.Equal(t, wanted, log)
}

// Faults of the disk are the errors of the operating system. After a failed write the
// file holds what the disk holds.
func TestDiskFaultsAreErrors(t *testing.T) {
	for fault, wanted := range map[disk.Fault]error{disk.Full: syscall.ENOSPC, disk.WriteError: syscall.EIO} {
		hosts{101: func(ctx context.Context, h *bubble.Host) error {
			file, err := h.FS().Create("a")
			if err != nil {
				return err
			}
			if _, err := file.WriteString("good"); err != nil {
				return err
			}
			if _, err := h.Invocation(ctx); err != nil {
				return err
			}
			if _, err := file.Write(make([]byte, 1<<20)); !errors.Is(err, wanted) {
				return fmt.Errorf("got %w, want %w", err, wanted)
			}
			onDisk, err := h.FS().ReadFile("a")
			if err != nil {
				return err
			}
			seen := make([]byte, len(onDisk)+1)
			n, err := file.ReadAt(seen, 0)
			if err != io.EOF || !bytes.Equal(onDisk, seen[:n]) || !bytes.HasPrefix(onDisk, []byte("good")) {
				return fmt.Errorf("%d bytes on disk, %d seen: %w", len(onDisk), n, err)
			}
			at, err := file.Seek(0, io.SeekCurrent)
			return errors.Join(err, want("offset", 4, at))
		}}.run(t, func(w *sim.World) {
			w.Schedule(sec, "fault", func() { w.InjectDiskFault(101, fault, 10*sec) })
			w.Invoke(2*sec, 101, signal{})
		})
	}
}

// signal is a message.
type signal struct{}

func (signal) FateKey() uint64  { return sim.FateKey("signal", "-", "-") }
func (signal) Digest() uint64   { return 1 }
func (signal) FateName() string { return "signal - -" }
func (signal) String() string   { return "signal" }

// Calls that are not simulated say so.
func TestFSSaysWhatItCannotDo(t *testing.T) {
	onDisk(t, func(f *bubble.FS) error {
		for name, text := range map[string]string{"/a": "relative path", "../a": "relative path", "": "relative path", "a/": "relative path"} {
			if _, err := f.Create(name); err == nil || !bytes.Contains([]byte(err.Error()), []byte(text)) {
				return fmt.Errorf("%q: got %w, want %s", name, err, text)
			}
		}
		if _, err := f.OpenFile("a", os.O_CREATE|os.O_RDWR|os.O_SYNC, 0); err == nil {
			return errors.New("O_SYNC is accepted")
		}
		a, err := f.Create("a")
		if err != nil {
			return err
		}
		if err := f.Remove("a"); err != nil {
			return err
		}
		if _, err := a.WriteString("x"); err == nil {
			return errors.New("a removed file takes writes")
		}
		b, err := f.Create("b")
		if err != nil {
			return err
		}
		if err := errors.Join(f.WriteFile("c", []byte("c"), 0), f.Rename("c", "b")); err != nil {
			return err
		}
		if _, err := b.WriteString("x"); err == nil {
			return errors.New("a replaced file takes writes")
		}
		if err := f.MkdirAll("x/y", 0o700); err != nil {
			return err
		}
		entries, err := f.ReadDir("x")
		if err != nil {
			return err
		}
		return want("entries", 1, len(entries))
	})
}
