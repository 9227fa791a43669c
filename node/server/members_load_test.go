package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// mortalDisk is a disk that dies: from then on every request fails, so that the node stops
// in the middle of what it does, with no last word in its log.
type mortalDisk struct {
	files.Executor
	dead *atomic.Bool
}

var errDiskDied = errors.New("the disk died")

func (d *mortalDisk) Execute(r *wal.DiskRequest) error {
	if d.dead.Load() {
		return errDiskDied
	}
	return d.Executor.Execute(r)
}

// recorder has clients use a few machines, and keeps their history for the checker.
type recorder struct {
	begin     time.Time
	mu        sync.Mutex
	ops       []history.Operation
	committed int
}

// use makes operations of one client, one after the other, until stop is closed.
func (r *recorder) use(t *testing.T, number int, endpoints []string, stop <-chan struct{}) {
	u, err := client.New(client.Config{Endpoints: endpoints, AttemptTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Error(err)
		return
	}
	defer u.Close()
	following, end := context.WithCancel(context.Background())
	defer end()
	go u.Follow(following, 50*time.Millisecond)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		o := session.Operation{Name: u.NewName(), Kind: op.Read, Key: fmt.Sprintf("lifecycle/m-%d", (number+n)%5)}
		h := history.Operation{Client: number, ID: o.Name, Machine: o.Key, Kind: history.KindRead, Version: history.NoVersion}
		if n%3 > 0 {
			o.Kind, o.To = op.Propose, []string{"Running", "Stopped", "Init"}[(number+n)%3]
			h.Kind, h.Argument = history.KindPropose, o.To
		}
		h.Call = int64(time.Since(r.begin))
		got, err := u.Do(context.Background(), o)
		if err != nil {
			t.Error(err)
			return
		}
		h.Return, h.Reason = int64(time.Since(r.begin)), string(got.Reason)
		h.Outcome = map[op.Outcome]history.Outcome{
			op.Committed: history.Committed, op.Rejected: history.Rejected, op.Unknown: history.Unknown,
		}[got.Outcome]
		if got.Known && got.Outcome != op.Unknown {
			h.State, h.Version = got.State, int64(got.Version)
		}
		r.add(h)
	}
}

func (r *recorder) add(h history.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, h)
	if h.Outcome == history.Committed {
		r.committed++
	}
}

// await waits until n more operations were committed.
func (r *recorder) await(t *testing.T, what string, n int) {
	t.Helper()
	count := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.committed
	}
	before := count()
	eventually(t, what, func() bool { return count() >= before+n })
}

// A node of three dies in the middle of a load, and its directory is gone. A new one takes
// its place while the load goes on; clients learn of it from the others. Then a second of the first three dies and comes back.
// The history of the clients is linearizable.
func TestNodeIsReplacedUnderLoad(t *testing.T) {
	skipIfShort(t)
	dead := map[node.ID]*atomic.Bool{}
	c := startCluster(t, 3, fast, func(cfg *server.Config) {
		died := new(atomic.Bool)
		dead[cfg.Node.ID] = died
		cfg.HTTP = tcptest.Address(t)
		cfg.Disk = func(e files.Executor) files.Executor { return &mortalDisk{e, died} }
	})
	die := func(id node.ID) {
		dead[id].Store(true)
		require.ErrorIs(t, c.nodes[id].Err(), errDiskDied)
		delete(c.nodes, id)
		dead[id].Store(false)
	}
	endpoints := []string{c.configs[1].HTTP, c.configs[2].HTTP, c.configs[3].HTTP}
	r, stop := &recorder{begin: time.Now()}, make(chan struct{})
	var clients sync.WaitGroup
	for number := range 8 {
		clients.Go(func() { r.use(t, number+1, endpoints, stop) })
	}
	r.await(t, "a load", 200)

	die(2)
	require.NoError(t, os.RemoveAll(c.configs[2].Data))
	r.await(t, "the load goes on without node 2", 200)
	c.startJoining(4, []node.ID{1, 3}, func(cfg *server.Config) { cfg.HTTP, cfg.Disk = tcptest.Address(t), nil })
	c.change(1, fmt.Sprintf(`{"change":"replace","node":4,"address":%q,"replaces":2}`, c.address(4)))
	c.awaitMembers("1 voter, 3 voter, 4 voter", 1, 3, 4)
	eventually(t, "clients use node 4", func() bool { return c.nodes[4].Status().Commits > 20 })

	die(1)
	r.await(t, "node 4 decides with node 3", 200)
	c.start(1)
	c.awaitMembers("1 voter, 3 voter, 4 voter", 1)
	require.Equal(t, http.StatusOK, c.get(1, "lifecycle/m-0").Status)
	r.await(t, "the load goes on with all", 200)
	close(stop)
	clients.Wait()

	verdict := checker.Check(t.Context(), history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: r.ops}, checker.Options{Timeout: time.Minute, Explain: true})
	require.Equal(t, checker.Linearizable, verdict.Status, "%+v", verdict)
	t.Log(len(r.ops), "operations,", r.committed, "committed, in", time.Since(r.begin))
}
