package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// failingDisk is a disk with an operation that can be made to fail.
type failingDisk struct {
	files.Executor
	fail atomic.Pointer[wal.Op] // operations of this kind fail; nil: none
}

func (f *failingDisk) Execute(r *wal.DiskRequest) error {
	if op := f.fail.Load(); op != nil && *op == r.Op {
		return fmt.Errorf("%v %s: %w", r.Op, r.File, syscall.EIO)
	}
	return f.Executor.Execute(r)
}

// install puts the disk into a configuration.
func (f *failingDisk) install(cfg *server.Config) {
	cfg.Disk = func(e files.Executor) files.Executor { f.Executor = e; return f }
}

// logBuffer is the output of a logger, safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A failed write or sync stops the node at once. The node has acknowledged nothing
// that is not durable. While it ends it responds to every request with the reason.
// The other nodes go on serving.
func TestFailingDiskStopsTheNode(t *testing.T) {
	for _, op := range []wal.Op{wal.Write, wal.Sync} {
		t.Run(fmt.Sprint(op), func(t *testing.T) {
			var disk failingDisk
			var log logBuffer
			c := startCluster(t, 3, func(cfg *server.Config) {
				if cfg.Node.ID == 3 {
					disk.install(cfg)
					cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
				}
			})
			c.advance("lifecycle/web", 0, 1, 3)
			w := c.watch(3, "key=lifecycle/web")
			w.expect("lifecycle/web is Running v1")
			s := c.nodes[3]
			disk.fail.Store(&op)
			a, err := c.tryRequest(3, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Stopped"}`)
			require.NoError(t, err, "it still answers")
			if a.Status != http.StatusOK { // the other two may have been enough
				require.Equal(t, "unknown", a.Outcome)
				require.Equal(t, "stopping", a.Error.Code)
				require.Contains(t, a.Error.Text, "input/output error")
			}
			for e := w.next(); e.End == nil; e = w.next() {
				require.NotNil(t, e.Transition)
			}
			// The watch has ended, so the loop is over: from now on every response
			// has the reason.
			status, text := c.getText(3, "/readyz")
			require.Equal(t, http.StatusServiceUnavailable, status)
			require.Contains(t, text, "not ready: it has stopped")
			require.Contains(t, text, "input/output error")
			a = c.propose(3, "lifecycle/web", `{"to":"Stopped"}`)
			require.Equal(t, "rejected", a.Outcome, "it is certain that the node has not had it")
			require.Equal(t, "stopping", a.Error.Code)
			status, _ = c.getText(3, "/v1/machines")
			require.Equal(t, http.StatusServiceUnavailable, status)

			require.ErrorIs(t, s.Err(), syscall.EIO)
			require.ErrorIs(t, s.Err(), node.ErrStopped)
			require.Contains(t, log.String(), "level=ERROR msg=stopped")
			require.Contains(t, log.String(), "input/output error")
			delete(c.nodes, 3)
			require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/api", `{"to":"Running"}`).Status)
			disk.fail.Store(nil)
			c.start(3)
			c.awaitAll()
			require.GreaterOrEqual(t, c.get(3, "lifecycle/web").Version, uint64(1))
		})
	}
}

// A node with a disk that fails before the node is ready has promised nothing, and
// stops.
func TestDiskFailsAtTheStart(t *testing.T) {
	var disk failingDisk
	op := wal.Sync
	disk.fail.Store(&op)
	c := newCluster(t, 1, disk.install)
	err := startRefused(t, *c.configs[1])
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, err, server.ErrNodeFailed)
	require.ErrorContains(t, err, c.configs[1].Data)
	require.Equal(t, 1, strings.Count(err.Error(), "the node has stopped"), err)
	disk.fail.Store(nil)
	c.start(1)
	c.awaitAll()
}

// A request may wait for a node that stops before it is ready. The node never
// received the request, so it certainly has no effect.
func TestStoppedBeforeDelivery(t *testing.T) {
	var disk failingDisk
	c := newCluster(t, 2, func(cfg *server.Config) {
		cfg.Node.ConsensusTimeout = time.Hour
		if cfg.Node.ID == 1 {
			disk.install(cfg)
		}
	})
	s := c.start(1) // node 1 waits for node 2, and the requests wait for node 1
	answers := make(chan response, 5)
	for range cap(answers) {
		go func() {
			a, err := c.tryRequest(1, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	eventually(t, "all wait", func() bool { return c.metrics(1)["lockstep_operations_waiting"] == 5 })
	op := wal.Sync
	disk.fail.Store(&op)
	c.start(2)
	for range cap(answers) {
		a := <-answers
		require.Equal(t, http.StatusServiceUnavailable, a.Status)
		require.Equal(t, "rejected", a.Outcome, a.Error.Text)
		require.Equal(t, "stopping", a.Error.Code)
	}
	require.ErrorIs(t, s.Err(), syscall.EIO)
	delete(c.nodes, 1)
}

// A stopping node rejects requests that arrive later. The rejection is certain.
func TestRequestWhileStopping(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = time.Second })
	s := c.nodes[1]
	// The connection is open already, since a stopping node accepts no new ones.
	nc := c.dialRaw(1, "POST /v1/machines/lifecycle/web/transitions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n")
	waits := make(chan response, 1)
	go func() {
		a, err := c.tryRequest(1, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`)
		if err != nil {
			t.Error(err)
		}
		waits <- a
	}()
	eventually(t, "one waits, the other is being read", func() bool {
		m := c.metrics(1)
		return m["lockstep_proposals_total"] == 1 && m["lockstep_http_connections"] >= 3
	})
	closed := make(chan error, 1)
	go func() { closed <- s.Close(context.Background()) }()
	eventually(t, "it is stopping", func() bool { return strings.Contains(s.Status().Reason, "stopping") })
	_, err := nc.Write([]byte(`{"to":"Running"}`))
	require.NoError(t, err)
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(testTimeout)))
	text := make([]byte, 4096)
	n, err := nc.Read(text)
	require.NoError(t, err)
	require.Contains(t, string(text[:n]), `"outcome":"rejected"`)
	require.Contains(t, string(text[:n]), `"code":"stopping"`)
	require.Equal(t, "timeout", (<-waits).Error.Code, "what the node had is answered by the node")
	require.NoError(t, <-closed)
	delete(c.nodes, 1)
}

// Invalid limits are reported by name.
func TestBadLimits(t *testing.T) {
	c := newCluster(t, 1)
	for text, limits := range map[string]server.Limits{
		"connections: -1":        {Connections: -1},
		"watchers: -1":           {Watchers: -1},
		"waiting operations: -1": {Pending: -1},
		"65537":                  {Pending: 65537},
	} {
		cfg := *c.configs[1]
		cfg.Limits = limits
		err := startRefused(t, cfg)
		require.ErrorIs(t, err, server.ErrConfig)
		require.ErrorContains(t, err, text)
	}
}
