package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
)

// startJudged starts three nodes with disks and connections that the ledger sees.
func startJudged(t *testing.T, l *ledger, wrap func(*judgedDisk) files.Executor) *cluster {
	return startCluster(t, 3, func(cfg *server.Config) {
		id := cfg.Node.ID
		cfg.Node.Segment = 256 << 10 // it rolls now and then
		cfg.Disk = func(e files.Executor) files.Executor {
			return wrap(&judgedDisk{Executor: e, id: id, ledger: l, longest: 4 * time.Millisecond})
		}
		cfg.Network = &judgedNetwork{id: id, ledger: l, clients: cfg.HTTP}
	})
}

// load has clients make transitions of a few machines, and read them, through all nodes.
// It returns the number of the ones that were committed.
func load(t *testing.T, c *cluster, clients, each int) (committed int) {
	var endpoints []string
	for id := op.NodeID(1); int(id) <= len(c.nodes); id++ {
		endpoints = append(endpoints, c.nodes[id].HTTPAddr().String())
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			u, err := client.New(client.Config{Endpoints: endpoints})
			if err != nil {
				panic(err)
			}
			defer u.Close()
			for i := range each {
				key := fmt.Sprintf("lifecycle/m%d", (n+i)%16)
				r, err := u.Propose(context.Background(), key, []string{"Running", "Stopped", "Init"}[i%3])
				if i%4 == 3 {
					_, _ = u.Get(context.Background(), key)
				}
				if err == nil && r.Outcome == op.Committed {
					mu.Lock()
					committed++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return committed
}

// No node speaks of records that are not durable yet: acknowledgments, rejections and reports speak of
// synced records of its own log; commits and replies of values that a majority of the
// logs has synced. Real files, connections and clients; syncs take random times.
func TestNothingIsSaidBeforeItsSync(t *testing.T) {
	l := newLedger(3)
	c := startJudged(t, l, func(d *judgedDisk) files.Executor { return d })
	committed := load(t, c, 64, 40)
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Log(committed, "committed;", l.summary())
	require.Empty(t, l.breach, "and %d more", l.breachN-1)
	require.Greater(t, committed, 500)
	require.GreaterOrEqual(t, l.judged["transition"], committed)
	for _, kind := range []string{"acknowledgment of prepare", "acknowledgment of accept", "report", "commit"} {
		require.Greater(t, l.judged[kind], 100, kind)
	}
}

// The ledger is a judge that finds something: of disks that acknowledge syncs early it
// sees what nodes then say too early.
func TestLedgerSeesThroughLyingDisks(t *testing.T) {
	l := newLedger(3)
	c := startJudged(t, l, func(d *judgedDisk) files.Executor { return &lyingDisk{Executor: d} })
	load(t, c, 8, 10)
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Log(l.breachN, "breaches;", l.breach)
	require.NotEmpty(t, l.breach)
}
