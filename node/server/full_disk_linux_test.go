package server_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// fullDisk is a disk that can be full: it then has no room for another file.
type fullDisk struct {
	files.Executor
	full    *atomic.Bool
	refused *atomic.Uint64
}

// fullError is the error of a full disk, as package files reports it.
type fullError struct{ error }

func (fullError) Is(target error) bool { return target == wal.ErrFull || target == syscall.ENOSPC }

func (d fullDisk) Execute(r *wal.DiskRequest) error {
	if d.full.Load() && (r.Op == wal.Create || r.Op == wal.Allocate) {
		d.refused.Add(1)
		return fullError{syscall.ENOSPC}
	}
	return d.Executor.Execute(r)
}

// A disk without room for another segment does not stop the node while the current
// segment has room. The node reports the full disk, tries again, and goes on when
// there is space. It stops when nothing more can be written, and has lost nothing.
func TestFullDiskUsesUpSegment(t *testing.T) {
	skipIfShort(t)
	var isFull atomic.Bool
	var refused atomic.Uint64
	c := startCluster(t, 1, func(cfg *server.Config) {
		cfg.Node.Segment = 64 << 10
		cfg.Disk = func(d files.Executor) files.Executor { return fullDisk{d, &isFull, &refused} }
	})
	machine := 0
	propose := func() response {
		machine++
		a, err := c.tryRequest(1, "POST", fmt.Sprintf("/v1/machines/lifecycle/web-%d/transitions", machine), `{"to":"Running"}`)
		if err != nil {
			return response{}
		}
		return a
	}
	isFull.Store(true)
	for range 100 {
		require.Equal(t, http.StatusOK, propose().Status)
	}
	require.Positive(t, refused.Load())
	require.Less(t, refused.Load(), uint64(20), "it asks again, and not with every batch")
	eventually(t, "the metric tells", func() bool { return c.metrics(1)["lockstep_log_disk_full"] == 1 })

	isFull.Store(false)
	eventually(t, "there is room again", func() bool {
		require.Equal(t, http.StatusOK, propose().Status)
		return c.metrics(1)["lockstep_log_disk_full"] == 0
	})

	isFull.Store(true)
	answered := machine
	for i := 0; propose().Status == http.StatusOK; i++ {
		answered = machine
		require.Less(t, i, 5000, "it never stops")
	}
	s := c.nodes[1]
	<-s.Done()
	require.ErrorIs(t, s.Err(), syscall.ENOSPC)
	require.ErrorContains(t, s.Err(), "there is no room for the next segment, and none left in wal-")
	delete(c.nodes, 1)
	isFull.Store(false)
	c.start(1)
	c.awaitAll()
	for i := 1; i <= answered; i += 17 {
		require.Equal(t, uint64(1), c.get(1, fmt.Sprintf("lifecycle/web-%d", i)).Version)
	}
}
