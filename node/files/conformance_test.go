package files_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/files/internal/filestest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// A crash here is a process crash: the operating system keeps writes that were not
// synced.
func TestFilesAreADisk(t *testing.T) {
	filestest.Run(t, func(t *testing.T) filestest.Disk {
		r := &filesDisk{t: t, path: t.TempDir()}
		r.start()
		t.Cleanup(r.stop)
		return r
	})
}

type filesDisk struct {
	t      *testing.T
	path   string
	dir    *files.Dir
	runner *files.Runner
	done   chan completion
}

func (r *filesDisk) start() {
	d, err := files.Open(r.path)
	require.NoError(r.t, err)
	done := make(chan completion, 1<<12) // more than any test has in progress
	r.dir, r.done = d, done
	r.runner = files.NewRunner(d, func(token uint64, err error) { done <- completion{token, err} })
}

func (r *filesDisk) stop() {
	r.runner.Close()
	require.NoError(r.t, r.dir.Close())
}

func (r *filesDisk) Submit(req wal.DiskRequest) { r.runner.Submit([]wal.DiskRequest{req}) }

func (r *filesDisk) Wait() (token uint64, err error) {
	c := <-r.done
	return c.token, c.err
}

func (r *filesDisk) Crash() {
	r.stop()
	r.start()
}

func (r *filesDisk) Dir() wal.Dir { return r.dir }
