package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// dialRaw opens a connection, and writes text to it without an HTTP client.
func (c *cluster) dialRaw(id node.ID, text string) net.Conn {
	c.t.Helper()
	nc, err := net.Dial("tcp", c.nodes[id].HTTPAddr().String())
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = nc.Close() })
	_, err = io.WriteString(nc, text)
	require.NoError(c.t, err)
	return nc
}

// Idle connections do not keep clients out.
func TestIdleConnections(t *testing.T) {
	const idle, limit = 5000, 1000
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.Connections = limit })
	address := c.nodes[1].HTTPAddr().String()
	for n := range idle {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Skipf("no room for %d connections here: %v", n, err)
		}
		defer nc.Close()
		if n%500 == 0 {
			require.Equal(t, http.StatusOK, c.get(1, "lifecycle/web").Status)
		}
	}
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	eventually(t, "all have been let in or closed", func() bool {
		m := c.metrics(1)
		require.LessOrEqual(t, m["lockstep_http_connections"], float64(limit))
		return m["lockstep_http_connections_closed_total"] >= idle-limit
	})
}

// The number of pending operations of a node is bounded, over all machines together.
// An operation that its client has abandoned counts, too.
func TestTooManyPendingRequests(t *testing.T) {
	const room = 10
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { // nothing can be decided
		cfg.Limits.Pending, cfg.Node.ConsensusTimeout = room, time.Second
	})
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range room {
		all.Go(func() {
			req, err := http.NewRequestWithContext(ctx, "POST", c.url(1, fmt.Sprintf("/v1/machines/lifecycle/m-%d/transitions", i)), strings.NewReader(`{"to":"Running"}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", httpapi.JSON)
			if resp, err := c.http.Do(req); err == nil {
				resp.Body.Close()
				t.Errorf("it is answered: %d", resp.StatusCode)
			}
		})
	}
	eventually(t, "all wait", func() bool { return c.metrics(1)["lockstep_proposals_total"] == room })
	leave()
	all.Wait()
	a := c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.Equal(t, "overloaded", a.Error.Code)
	require.Equal(t, "rejected", a.Outcome)
	require.Contains(t, a.Error.Text, "10 operations wait for this node: try another, or later")
	require.Positive(t, c.metrics(1)["lockstep_operations_refused_total"])
	eventually(t, "the node gives up and there is room", func() bool {
		return c.get(1, "lifecycle/web").Error.Code == "timeout"
	})
	eventually(t, "nothing waits", func() bool { return c.metrics(1)["lockstep_operations_waiting"] == 0 })
}

// A rejection for overload has a Retry-After header.
func TestRetryAfter(t *testing.T) {
	c := newCluster(t, 1, func(cfg *server.Config) { cfg.Limits.Watchers = 1 })
	c.start(1)
	c.watch(1, "prefix=")
	resp, err := c.http.Get(c.url(1, "/v1/watch?prefix="))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
}

// addStalledPeer takes the place of node 3 of a cluster. The peer is admitted, but
// never reads: its first delivery does not return.
func (c *cluster) addStalledPeer() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.configs[3].Peers[3])
	require.NoError(c.t, err)
	hello := wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: server.ClusterID("test"), Node: 3,
		Life: 3, Epoch: 1, Codec: "cbor"}
	free := make(chan struct{})
	p, err := tcp.Start(tcp.Config{
		Hello: hello, Listener: l, Log: slog.New(slog.DiscardHandler),
		Peers:   map[node.ID]string{1: c.configs[3].Peers[1], 2: c.configs[3].Peers[2]},
		Deliver: func(tcp.Sender, []node.Message) { <-free },
	})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { close(free); require.NoError(c.t, p.Close()) })
}

// A peer that accepts a connection and never reads costs a bounded queue, and no
// time.
func TestPeerThatNeverReads(t *testing.T) {
	const queue = 50
	c := startThenStopOthers(t, 3, []node.ID{1, 2}, func(cfg *server.Config) { cfg.Queue = queue })
	c.addStalledPeer()
	eventually(t, "nodes 1 and 2 reach both", func() bool {
		return c.metrics(1)["lockstep_peers_up"] == 2 && c.metrics(2)["lockstep_peers_up"] == 2
	})
	const dropped = `lockstep_peer_messages_total{fate="dropped",peer="3",type="proposal"}`
	version := uint64(0)
	for ; c.metrics(1)[dropped] == 0; version += 100 {
		require.Less(t, version, uint64(100_000), "where do the messages go?")
		c.advance("lifecycle/web", version, version+100, 1)
		require.LessOrEqual(t, c.metrics(1)[`lockstep_peer_messages_waiting{peer="3"}`], float64(queue))
	}
	t.Logf("dropped the first after %d transitions", version)
	require.Zero(t, c.metrics(1)[`lockstep_peer_messages_total{fate="dropped",peer="2",type="proposal"}`])
}

// Idle nodes send nothing once all commits are delivered.
func TestIdleNodesAreSilent(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) {
		cfg.Node.ConsensusTimeout, cfg.Node.RepairDelay = time.Second, 100*time.Millisecond
	})
	c.advance("lifecycle/web", 0, 3, 1, 2, 3)
	said := func() (all float64) {
		for id := range c.nodes {
			for name, n := range c.metrics(id) {
				if strings.HasPrefix(name, "lockstep_peer_messages_total") || name == "lockstep_log_writes_total" {
					all += n
				}
			}
		}
		return all
	}
	for before := -1.0; before != said(); time.Sleep(1500 * time.Millisecond) { // until the last messages have arrived, and positions are noted
		before = said()
	}
	before := said()
	time.Sleep(1500 * time.Millisecond) // longer than every timeout of the protocol
	require.Equal(t, before, said())
}

// A connection that is closed to make room may be the newest, but never one that is
// being served.
func TestServedConnectionsAreKept(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.Connections = 4 })
	w := c.watch(1, "key=lifecycle/web")
	w.expect("lifecycle/web is Init v0")
	for range 20 {
		c.dialRaw(1, "")
	}
	c.advance("lifecycle/web", 0, 1, 1)
	w.expect("lifecycle/web Init>Running v1")
	for range 3 { // every connection left is taken by a watcher
		c.watch(1, "prefix=lifecycle/").expect("lifecycle/web is Running v1")
	}
	nc := c.dialRaw(1, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(testTimeout)))
	_, err := bufio.NewReader(nc).ReadByte()
	require.Error(t, err, "there is no room")
	require.NoError(t, nc.Close())
	w.close()
}
