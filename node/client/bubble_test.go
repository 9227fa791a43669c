package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/internal/memnet"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// The tests of this file and of bubble_faults_test.go run whole clusters and their clients
// in bubbles of testing/synctest, on a network in memory and with the timings of real
// nodes: a minute takes milliseconds. Logs are files: a call of the system keeps the
// bubble's clock where it is. A bubble whose test ends with a goroutine left panics, so
// each is a test of leaks, too.

const latency = time.Millisecond

func hostOf(id op.NodeID) string      { return fmt.Sprintf("node-%d", id) }
func endpointOf(id op.NodeID) string  { return hostOf(id) + ":8001" }
func clientHost(number int) string    { return fmt.Sprintf("client-%d", number) }
func peerAddress(id op.NodeID) string { return hostOf(id) + ":7001" }

// unsynced is a disk that does not sync: no test here loses power.
type unsynced struct{ files.Executor }

func (d unsynced) Execute(r *wal.DiskRequest) error {
	if r.Op == wal.Sync || r.Op == wal.SyncDir {
		return nil
	}
	return d.Executor.Execute(r)
}

// bubbleCluster is a cluster in a bubble.
type bubbleCluster struct {
	t       *testing.T
	net     *memnet.Network
	configs map[op.NodeID]server.Config
	nodes   map[op.NodeID]*server.Server
}

// startBubble starts a cluster of nodes 1 to n that reach each other.
func startBubble(t *testing.T, n int, change ...func(*server.Config)) *bubbleCluster {
	t.Helper()
	c := &bubbleCluster{t: t, net: memnet.New(latency), configs: map[op.NodeID]server.Config{}, nodes: map[op.NodeID]*server.Server{}}
	peers, dir := map[op.NodeID]string{}, t.TempDir()
	for id := op.NodeID(1); int(id) <= n; id++ {
		peers[id] = peerAddress(id)
	}
	for id := range peers {
		cfg := server.Config{
			Node: node.Defaults(), Cluster: "test", Codec: "binary", Peers: peers, HTTP: endpointOf(id), Queue: 1000,
			Data: filepath.Join(dir, hostOf(id)), Network: c.net.Host(hostOf(id)),
			Disk: func(e files.Executor) files.Executor { return unsynced{e} },
		}
		cfg.Node.ID, cfg.Node.Segment = id, 1<<20
		for _, f := range change {
			f(&cfg)
		}
		c.configs[id] = cfg
		c.start(id)
	}
	t.Cleanup(func() {
		for _, id := range slices.Sorted(maps.Keys(c.nodes)) {
			c.stop(id)
		}
	})
	for _, s := range c.nodes {
		waitUntil(t, "ready", func() bool {
			st := s.Status()
			return st.Ready && !slices.ContainsFunc(st.Peers, func(p client.PeerStatus) bool { return !p.Up })
		})
	}
	return c
}

func (c *bubbleCluster) start(id op.NodeID) {
	c.t.Helper()
	s, err := server.Start(c.configs[id])
	require.NoError(c.t, err)
	c.nodes[id] = s
}

// stop stops a node and returns the time that this takes.
func (c *bubbleCluster) stop(id op.NodeID) time.Duration {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	begin := time.Now()
	require.NoError(c.t, c.nodes[id].Close(ctx))
	delete(c.nodes, id)
	return time.Since(begin)
}

// client makes a client of all nodes, by default.
func (c *bubbleCluster) client(cfg client.Config) *client.Client {
	c.t.Helper()
	return c.clientAt(clientHost(1), cfg)
}

// clientAt makes a client at a host.
func (c *bubbleCluster) clientAt(host string, cfg client.Config) *client.Client {
	c.t.Helper()
	if cfg.Endpoints == nil {
		for id := range c.configs {
			cfg.Endpoints = append(cfg.Endpoints, endpointOf(id))
		}
		slices.Sort(cfg.Endpoints)
	}
	if cfg.Dial == nil {
		cfg.Dial = c.net.Host(host).Dial
	}
	x, err := client.New(cfg)
	require.NoError(c.t, err)
	c.t.Cleanup(x.Close)
	return x
}

// cut stalls all between the client and a node.
func (c *bubbleCluster) cut(id op.NodeID) {
	c.net.Stall(clientHost(1), hostOf(id))
	c.net.Stall(hostOf(id), clientHost(1))
}

// keyAt returns a machine that clients ask a node of first.
func (c *bubbleCluster) keyAt(id op.NodeID, name string) string {
	key := "lifecycle/" + name
	for session.PreferenceList(key, slices.Sorted(maps.Keys(c.configs)))[0] != id {
		key += "x"
	}
	return key
}

// waitUntil waits for a condition, at most a minute of the bubble.
func waitUntil(t *testing.T, name string, condition func() bool) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(latency) {
		if synctest.Wait(); condition() {
			return
		}
		require.Less(t, time.Since(begin), time.Minute, "never happened: %s", name)
	}
}

// step requests the next transition of a machine that is at a version.
func step(t *testing.T, c *client.Client, key string, version uint64) (client.Result, time.Duration) {
	t.Helper()
	begin := time.Now()
	r, err := c.Propose(context.Background(), key, []string{"Running", "Stopped", "Init"}[version%3])
	require.NoError(t, err)
	return r, time.Since(begin)
}

// Three nodes form a cluster and commit at each, by streams and by HTTP.
func TestClusterInABubble(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := startBubble(t, 3)
			x := c.client(client.Config{HTTPOnly: byHTTP})
			for id := op.NodeID(1); id <= 3; id++ {
				key := c.keyAt(id, "web")
				for version := range uint64(10) {
					r, took := step(t, x, key, version)
					require.Equal(t, op.Committed, r.Outcome, "%+v", r)
					require.Equal(t, version+1, r.Version)
					require.Less(t, took, 20*latency)
				}
			}
		})
	}
}

// An operation whose node falls silent ends at another within the attempt timeout. The
// node is found out once, is not asked again while it is silent, and is asked again when
// it responds.
func TestSilentNodeIsAvoided(t *testing.T) {
	for name, x := range map[string]struct {
		fault  func(c *bubbleCluster)
		before bool // the stream is open
	}{
		"stalled, stream open":      {func(c *bubbleCluster) { c.cut(1) }, true},
		"stalled before the stream": {func(c *bubbleCluster) { c.cut(1) }, false},
		"does not hear":             {func(c *bubbleCluster) { c.net.Stall(clientHost(1), hostOf(1)) }, true},
		"is not heard":              {func(c *bubbleCluster) { c.net.Stall(hostOf(1), clientHost(1)) }, true},
		"does not accept":           {func(c *bubbleCluster) { c.net.Deafen(endpointOf(1)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startBubble(t, 3)
				u := c.client(client.Config{})
				key, version := c.keyAt(1, "web"), uint64(0)
				use := func() time.Duration {
					r, took := step(t, u, key, version)
					require.Equal(t, op.Committed, r.Outcome, "%+v", r)
					version++
					require.Equal(t, version, r.Version)
					return took
				}
				if x.before {
					for range 20 {
						use()
					}
				}
				x.fault(c)
				require.LessOrEqual(t, use(), 510*time.Millisecond)
				time.Sleep(time.Second)
				require.Equal(t, 1, u.Silent())
				for range 50 {
					require.Less(t, use(), 50*latency)
					time.Sleep(100 * time.Millisecond)
				}
				dials := c.net.Dials(clientHost(1), hostOf(1))
				time.Sleep(time.Minute)
				require.LessOrEqual(t, c.net.Dials(clientHost(1), hostOf(1))-dials, 60, "one dial a second asks whether it is there")
				c.net.Heal()
				waitUntil(t, "heard", func() bool { return u.Silent() == 0 })
				r, err := u.GetLocal(context.Background(), key)
				require.NoError(t, err)
				require.EqualValues(t, 1, r.Node, "it is asked again")
				use()
			})
		})
	}
}

// A node that has been silent and then refuses is dialled once a second, however many
// operations fail meanwhile.
func TestSilentNodeIsRevivedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startBubble(t, 1)
		u := c.client(client.Config{Deadline: 500 * time.Millisecond})
		step(t, u, key, 0)
		c.cut(1)
		step(t, u, key, 1)
		waitUntil(t, "silent", func() bool { return u.Silent() == 1 })
		c.net.Heal()
		c.net.Refuse(clientHost(1), hostOf(1))
		c.net.Reset(clientHost(1), hostOf(1))
		for range 100 {
			r, _ := step(t, u, key, 1)
			require.NotEqual(t, op.Committed, r.Outcome)
		}
		time.Sleep(10 * time.Second)
		dials := c.net.Dials(clientHost(1), hostOf(1))
		time.Sleep(10 * time.Second)
		dials = c.net.Dials(clientHost(1), hostOf(1)) - dials
		require.GreaterOrEqual(t, dials, 9)
		require.LessOrEqual(t, dials, 11)
		c.net.Heal()
		waitUntil(t, "heard", func() bool { return u.Silent() == 0 })
	})
}

// A node that takes no bytes is silent, too, although a write waits that would go on for
// ten seconds.
func TestNodeThatDoesNotReadIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startBubble(t, 3)
		u := c.client(client.Config{})
		key := c.keyAt(1, "web")
		step(t, u, key, 0)
		c.net.Stall(clientHost(1), hostOf(1))
		var all sync.WaitGroup
		for i := range 1000 { // more bytes than the buffers of the connection hold
			all.Go(func() {
				_, err := u.Get(context.Background(), c.keyAt(1, fmt.Sprintf("a-machine-with-a-name-of-some-length-so-that-its-requests-are-longer-%d", i)))
				if err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(600 * time.Millisecond)
		require.Equal(t, 1, u.Silent())
		all.Wait()
	})
}

// dials returns a way to dial from a host, and the number of dials in progress.
func (c *bubbleCluster) dials(host string) (*atomic.Int32, func(context.Context, string) (net.Conn, error)) {
	var dialing atomic.Int32
	return &dialing, func(ctx context.Context, address string) (net.Conn, error) {
		dialing.Add(1)
		defer dialing.Add(-1)
		return c.net.Host(host).Dial(ctx, address)
	}
}

// Close ends at once all that a client has open or is opening.
func TestCloseOfClient(t *testing.T) {
	for name, prepare := range map[string]func(c *bubbleCluster){
		"open":            func(*bubbleCluster) {},
		"stalled":         func(c *bubbleCluster) { c.cut(1) },
		"does not accept": func(c *bubbleCluster) { c.net.Deafen(endpointOf(1)) },
		"refuses":         func(c *bubbleCluster) { c.net.Refuse(clientHost(1), hostOf(1)) },
	} {
		for _, used := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/used=%t", name, used), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := startBubble(t, 1)
					before := c.net.Open()
					dialing, dial := c.dials(clientHost(1))
					u := c.client(client.Config{Deadline: time.Minute, Dial: dial})
					if used {
						step(t, u, key, 0)
					}
					prepare(c)
					ctx, cancel := context.WithCancel(t.Context())
					var call sync.WaitGroup
					call.Go(func() { _, _ = u.Get(ctx, key) })
					time.Sleep(2 * time.Second)
					cancel()
					call.Wait()
					u.Close()
					synctest.Wait()
					require.Zero(t, dialing.Load(), "nothing is opened for a client that is closed")
					require.Zero(t, u.Silent(), "nothing would end the silence")
					c.net.Heal() // or the node would not hear of it
					time.Sleep(10 * latency)
					require.Equal(t, before, c.net.Open())
					if r, _ := step(t, u, c.keyAt(1, "again"), 0); r.Outcome != op.Committed {
						require.FailNow(t, "a client that was closed connects again", "%+v", r)
					}
				})
			})
		}
	}
}

// heldConn is a connection that closes when it is let.
type heldConn struct {
	net.Conn
	let chan struct{}
}

func (c heldConn) Close() error {
	<-c.let
	return c.Conn.Close()
}

// A client that is closed while its streams end avoids no node from then on: it would try
// to hear the node again for ever.
func TestCloseEndsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startBubble(t, 1)
		let := make(chan struct{})
		u := c.client(client.Config{Dial: func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := c.net.Host(clientHost(1)).Dial(ctx, address)
			return heldConn{conn, let}, err
		}})
		step(t, u, key, 0)
		c.cut(1)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := u.Get(ctx, key)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, u.Silent())
		u.Close()
		require.Zero(t, u.Silent())
		u.Check(time.Now())
		close(let)
		synctest.Wait()
		require.Zero(t, u.Silent())
		before := c.net.Open()
		time.Sleep(time.Minute)
		require.Equal(t, before, c.net.Open(), "nothing is opened for a client that is closed")
	})
}

// A stream that nothing uses is closed by the client, and one whose client has gone
// without a word by the node.
func TestIdleStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startBubble(t, 1)
		before := c.net.Open()
		u := c.client(client.Config{})
		step(t, u, key, 0)
		require.Equal(t, 1, u.Streams())
		time.Sleep(59 * time.Second)
		require.Equal(t, 1, u.Streams())
		time.Sleep(3 * time.Second)
		require.Zero(t, u.Streams())
		require.Equal(t, before, c.net.Open())

		step(t, u, key, 1)
		c.net.Sever(clientHost(1), hostOf(1))
		c.net.Sever(hostOf(1), clientHost(1))
		u.Close()
		synctest.Wait()
		require.Equal(t, before+1, c.net.Open())
		time.Sleep(119 * time.Second)
		require.Equal(t, before+1, c.net.Open(), "for two minutes it may still be there")
		time.Sleep(3 * time.Second)
		require.Equal(t, before, c.net.Open())
	})
}

// A watch whose connection is dead goes on at another node: by stream when a ping is not
// answered, by HTTP when several heartbeats have not come.
func TestWatchOnADeadConnection(t *testing.T) {
	for _, x := range []struct {
		byHTTP   bool
		min, max time.Duration
	}{{false, 4 * time.Second, 37 * time.Second}, {true, 28 * time.Second, 47 * time.Second}} {
		t.Run(fmt.Sprintf("http=%t", x.byHTTP), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startBubble(t, 3)
				watcher := c.client(client.Config{HTTPOnly: x.byHTTP}) // its deadline is shorter than the silence of a watch
				user := c.client(client.Config{Endpoints: []string{endpointOf(1), endpointOf(2), endpointOf(3)}})
				key := c.keyAt(1, "web")
				step(t, user, key, 0)
				var mu sync.Mutex
				var seen []uint64
				var failed []string
				ctx, cancel := context.WithCancel(t.Context())
				var watching sync.WaitGroup
				watching.Go(func() {
					err := watcher.Watch(ctx, client.WatchOptions{Key: key, Resume: true, OnNodeFailed: func(endpoint string, _ error) {
						mu.Lock()
						defer mu.Unlock()
						failed = append(failed, endpoint)
					}}, func(e watch.Event) error {
						mu.Lock()
						defer mu.Unlock()
						if e.Transition != nil {
							seen = append(seen, e.Transition.Version)
						}
						return nil
					})
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				})
				time.Sleep(10 * time.Minute) // a watch without news is kept
				synctest.Wait()
				require.Empty(t, failed)
				for id := range c.nodes { // all connections of clients die
					c.net.Sever(hostOf(id), clientHost(1))
				}
				severed := time.Now()
				waitUntil(t, "found dead", func() bool { mu.Lock(); defer mu.Unlock(); return len(failed) > 0 })
				require.Greater(t, time.Since(severed), x.min)
				require.LessOrEqual(t, time.Since(severed), x.max)
				for version := uint64(1); version < 10; version++ {
					r, _ := step(t, user, key, version)
					require.Equal(t, version+1, r.Version, "%+v", r)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seen)
				cancel()
				watching.Wait()
			})
		})
	}
}

// An HTTP request that its operation no longer awaits does not leave a dial behind that
// waits for ever.
func TestDialsOfHTTPEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startBubble(t, 1)
		dialing, dial := c.dials(clientHost(1))
		u := c.client(client.Config{HTTPOnly: true, Deadline: time.Second, Dial: dial})
		c.cut(1)
		r, took := step(t, u, key, 0)
		require.Equal(t, op.Timeout, r.Reason, "%+v", r)
		require.Equal(t, time.Second, took)
		require.NotZero(t, dialing.Load())
		time.Sleep(5 * time.Second)
		require.Zero(t, dialing.Load())
	})
}

// A node that stops while clients use it completes their operations or hands them over,
// at once: a stop is seen by no operation and by no watch.
func TestStopWithClients(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("http=%t", byHTTP), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startBubble(t, 3)
				u, seen := c.client(client.Config{HTTPOnly: byHTTP}), newSeen()
				ctx, cancel := context.WithCancel(t.Context())
				var users, watching sync.WaitGroup
				watching.Go(func() {
					err := u.Watch(ctx, client.WatchOptions{Prefix: "lifecycle/", Resume: true}, seen.take)
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				})
				versions := map[string]uint64{}
				for i := range 4 {
					key := fmt.Sprintf("lifecycle/m-%d", i)
					versions[key] = 300
					users.Go(func() {
						for version := range uint64(300) {
							r, took := step(t, u, key, version)
							if r.Outcome != op.Committed || r.Version != version+1 || took > time.Second {
								t.Errorf("%s v%d: %+v after %v", key, version, r, took)
								return
							}
						}
					})
				}
				for id := op.NodeID(1); id <= 3; id++ {
					time.Sleep(300 * time.Millisecond)
					require.Less(t, c.stop(id), time.Second)
					c.start(id)
				}
				users.Wait()
				waitUntil(t, "the watch has told all", func() bool { return maps.Equal(versions, seen.all()) })
				cancel()
				watching.Wait()
			})
		})
	}
}
