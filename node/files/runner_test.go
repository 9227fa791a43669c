package files_test

import (
	"io/fs"
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

func TestRunnerExecutesNothingAfterAnError(t *testing.T) {
	d := open(t, t.TempDir())
	done := make(chan completion, 4)
	r := files.NewRunner(d, func(token uint64, err error) { done <- completion{token, err} })
	defer r.Close()
	r.Submit([]wal.DiskRequest{
		{Op: wal.Create, File: segment, Token: 1},
		{Op: wal.Sync, File: "wal-2", Token: 2},
		{Op: wal.Create, File: "wal-3", Token: 3},
		{Op: wal.SyncDir, Token: 4},
	})
	require.Equal(t, completion{1, nil}, <-done)
	for token := uint64(2); token <= 4; token++ {
		c := <-done
		require.Equal(t, token, c.token)
		require.ErrorIs(t, c.err, fs.ErrNotExist)
		require.ErrorContains(t, c.err, "wal-2")
	}
	names, err := d.List()
	require.NoError(t, err)
	require.Equal(t, []string{segment}, names)
}

// Close waits for the request in progress, and executes no other.
func TestRunnerCloseLeavesWhatWaits(t *testing.T) {
	d := open(t, t.TempDir())
	began, goOn := make(chan bool), make(chan bool)
	var seen []uint64
	r := files.NewRunner(d, func(token uint64, err error) {
		seen = append(seen, token)
		began <- true
		<-goOn
	})
	r.Submit([]wal.DiskRequest{
		{Op: wal.Create, File: "wal-1", Token: 1},
		{Op: wal.Create, File: "wal-2", Token: 2},
	})
	<-began
	ended := make(chan bool)
	go func() {
		r.Close()
		close(ended)
	}()
	for r.Submit([]wal.DiskRequest{{Op: wal.SyncDir, Token: 3}}); !r.Closing(); {
	}
	goOn <- true
	<-ended
	r.Submit([]wal.DiskRequest{{Op: wal.SyncDir, Token: 4}}) // ignored
	r.Close()                                                // a second time does nothing
	require.Equal(t, []uint64{1}, seen)
	names, err := d.List()
	require.NoError(t, err)
	require.Equal(t, []string{"wal-1"}, names)
}

// A caller may reuse its slice of requests after Submit.
func TestRunnerCopiesRequests(t *testing.T) {
	d := open(t, t.TempDir())
	done := make(chan completion, 100)
	r := files.NewRunner(d, func(token uint64, err error) { done <- completion{token, err} })
	defer r.Close()
	reqs := make([]wal.DiskRequest, 1)
	for token := range uint64(100) {
		reqs[0] = wal.DiskRequest{Op: wal.Create, File: segment, Token: token}
		r.Submit(reqs)
		reqs[0] = wal.DiskRequest{}
	}
	for token := range uint64(100) {
		require.Equal(t, completion{token, nil}, <-done)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	d := open(t, t.TempDir())
	n, err := boot(d, 16<<10)
	require.NoError(t, err)
	defer n.runner.Close()
	entry := make([]byte, 64)
	steady := func() {
		n.log.Append(entry)
		require.NoError(t, n.settle())
	}
	for range 20 { // until the mark has been written, too, and both files are open
		steady()
	}
	require.Zero(t, testing.AllocsPerRun(20, steady))
}
