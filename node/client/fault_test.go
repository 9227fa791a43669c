package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// fault is one thing that goes wrong on a connection through a proxy.
type fault struct {
	kind  string // see relay
	up    bool   // in the direction of the node
	after int    // bytes
}

// proxy relays connections to a node. Each connection has the next fault of a function.
type proxy struct {
	listener net.Listener
	target   atomic.Value // string
	all      sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
	accepted int
}

func startProxy(t *testing.T, target string, next func(connection int) fault) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l}
	p.target.Store(target)
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.accepted++
			f := next(p.accepted)
			p.mu.Unlock()
			p.all.Go(func() { p.serve(c, f) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.all.Wait()
	})
	return p
}

func (p *proxy) endpoint() string { return p.listener.Addr().String() }

// connections is the number of connections so far.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func (p *proxy) serve(c net.Conn, f fault) {
	defer c.Close()
	s, err := net.Dial("tcp", p.target.Load().(string))
	if err != nil {
		return
	}
	defer s.Close()
	p.mu.Lock()
	p.conns = append(p.conns, c, s)
	p.mu.Unlock()
	var both sync.WaitGroup
	upFault, downFault := fault{}, fault{}
	if f.up {
		upFault = f
	} else {
		downFault = f
	}
	both.Go(func() { relay(s, c, upFault) })
	both.Go(func() { relay(c, s, downFault) })
	both.Wait()
}

// relay copies bytes until the fault, which is to cut the connection, to reset it, to
// damage a byte, to swallow all later bytes, or none.
func relay(to, from net.Conn, f fault) {
	defer to.Close()
	buf := make([]byte, 4096)
	left := f.after
	for {
		n, err := from.Read(buf)
		b := buf[:n]
		if f.kind != "" && n > left {
			switch f.kind {
			case "cut", "reset":
				_, _ = to.Write(b[:left])
				if f.kind == "reset" {
					_ = from.(*net.TCPConn).SetLinger(0)
					_ = to.(*net.TCPConn).SetLinger(0)
				}
				_ = from.Close()
				return
			case "damage":
				b[left] ^= 0x10
				f.kind = ""
			case "swallow":
				_, _ = to.Write(b[:left])
				_, _ = io.Copy(io.Discard, from)
				return
			}
		}
		left -= n
		if _, werr := to.Write(b); err != nil || werr != nil {
			return
		}
	}
}

// upgradeUp and upgradeDown are about the numbers of bytes that open a stream, Hellos
// included.
const (
	upgradeUp   = 142
	upgradeDown = 152
)

// Clients make transitions while connections fail in one way, over and over. Each
// transition that was committed took effect once, each that was rejected never did, and
// one with an unknown outcome at most once.
func TestFaultsOfStreams(t *testing.T) {
	for _, kind := range []string{"cut", "reset", "damage", "swallow"} {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/up=%t", kind, up), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(7, 7))
				opening := upgradeDown
				if up {
					opening = upgradeUp
				}
				endpoint := startNode(t)
				p := startProxy(t, endpoint, func(n int) fault {
					return fault{kind, up, opening + random.IntN(1500)}
				})
				c := newClient(t, client.Config{Endpoints: []string{p.endpoint()}, AttemptTimeout: 200 * time.Millisecond, Deadline: 30 * time.Second})
				c.Hurry()
				outcomes := useMachines(t, c, 4, 10, func() bool { return p.connections() >= 12 })
				require.GreaterOrEqual(t, p.connections(), 12)
				requireOnce(t, endpoint, outcomes)
			})
		}
	}
}

// outcome is the outcome of an operation.
type outcome struct {
	key string
	r   client.Result
}

// useMachines makes transitions of some machines at once: at least n of each, and until
// enough is true.
func useMachines(t *testing.T, c *client.Client, machines, n int, enough func() bool) (all []outcome) {
	var mu sync.Mutex
	var users sync.WaitGroup
	for m := range machines {
		users.Go(func() {
			key := fmt.Sprintf("lifecycle/m-%d", m)
			version := uint64(0)
			for i := 0; i < n || i < 100*n && !enough(); i++ {
				r, err := c.Propose(context.Background(), key, []string{"Running", "Stopped", "Init"}[version%3])
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, outcome{key, r})
				mu.Unlock()
				if r.Known {
					version = r.Version
				} else if now, err := c.Get(context.Background(), key); err == nil && now.Known {
					version = now.Version
				}
			}
		})
	}
	users.Wait()
	return all
}

// requireOnce compares outcomes with the transitions that took effect.
func requireOnce(t *testing.T, endpoint string, outcomes []outcome) {
	c := newClient(t, client.Config{Endpoints: []string{endpoint}, HTTPOnly: true})
	took := map[op.ID]int{}
	versions := map[string]uint64{}
	for _, o := range outcomes {
		versions[o.key] = 0
	}
	for key := range versions {
		now, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		versions[key] = now.Version
	}
	committed := map[string]map[uint64]op.ID{}
	for _, o := range outcomes {
		switch o.r.Outcome {
		case op.Committed:
			if committed[o.key] == nil {
				committed[o.key] = map[uint64]op.ID{}
			}
			require.Empty(t, committed[o.key][o.r.Version], "%s v%d was made twice", o.key, o.r.Version)
			committed[o.key][o.r.Version] = o.r.Operation
			took[o.r.Operation]++
			require.Equal(t, 1, took[o.r.Operation])
		case op.Rejected:
			require.NotEqual(t, op.BadRequest, o.r.Reason)
		}
	}
	unknown := map[string]uint64{}
	for _, o := range outcomes {
		if o.r.Outcome == op.Unknown {
			unknown[o.key]++
		}
	}
	for key, version := range versions {
		n := uint64(len(committed[key]))
		require.LessOrEqual(t, n, version, "%s: committed transitions that did not take effect", key)
		require.LessOrEqual(t, version, n+unknown[key], "%s: transitions that were rejected took effect", key)
	}
}

// A node that no longer answers, on a connection that seems open, is left after a while.
// Operations go on on another connection.
func TestHalfOpenStream(t *testing.T) {
	p := startProxy(t, startNode(t), func(n int) fault {
		if n == 1 {
			return fault{"swallow", false, upgradeDown}
		}
		return fault{}
	})
	c := newClient(t, client.Config{Endpoints: []string{p.endpoint()}, AttemptTimeout: 100 * time.Millisecond, Deadline: time.Minute})
	c.Hurry()
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome)
	require.EqualValues(t, 1, r.Version)
	require.GreaterOrEqual(t, p.connections(), 2)
}

// A request that waits for a stream was certainly not sent, and one that a node may have
// taken is lost.
func TestStreamsTellWhatWasSent(t *testing.T) {
	for _, x := range []struct {
		name string
		f    fault
		want op.Outcome
	}{
		{"cut before the hello", fault{"cut", false, 142}, op.Rejected},
		{"cut inside the request", fault{"cut", true, 150}, op.Unknown},
		{"cut inside the reply", fault{"cut", false, 162}, op.Unknown},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := startProxy(t, startNode(t), func(int) fault { return x.f })
			c := newClient(t, client.Config{Endpoints: []string{p.endpoint()}, Deadline: 300 * time.Millisecond})
			r, err := c.Propose(t.Context(), key, "Running")
			require.NoError(t, err)
			require.Equal(t, x.want, r.Outcome, "%+v", r)
		})
	}
}

// A node that stops says so: operations that it has are completed, watches end, and new
// operations wait for its return.
func TestNodeRestarts(t *testing.T) {
	cfg := server.Config{
		Node: node.Defaults(), Cluster: "test", Codec: "cbor", Listen: "127.0.0.1:0", HTTP: "127.0.0.1:0",
		Peers: map[op.NodeID]string{1: "127.0.0.1:1"}, Data: t.TempDir(),
	}
	cfg.Node.ID = 1
	s, err := server.Start(cfg)
	require.NoError(t, err)
	p := startProxy(t, s.HTTPAddr().String(), func(int) fault { return fault{} })
	c := newClient(t, client.Config{Endpoints: []string{p.endpoint()}, Deadline: 30 * time.Second})
	var seen atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	var watches sync.WaitGroup
	watches.Go(func() {
		err := c.Watch(ctx, client.WatchOptions{Prefix: "lifecycle/", Resume: true}, func(e watch.Event) error {
			switch {
			case e.Transition != nil:
				seen.Add(1)
			case e.Gap != nil: // made while the node stopped
				seen.Add(e.Gap.To - e.Gap.From + 1)
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	stop := make(chan struct{})
	var restarts sync.WaitGroup
	restarts.Go(func() {
		defer close(stop)
		for range 3 {
			time.Sleep(50 * time.Millisecond)
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
				return
			}
			again, err := server.Start(cfg)
			if err != nil {
				t.Error(err)
				return
			}
			s = again
			p.target.Store(s.HTTPAddr().String())
		}
	})
	outcomes := useMachines(t, c, 4, 20, func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	})
	restarts.Wait()
	defer func() { _ = s.Close(context.Background()) }()
	for _, o := range outcomes {
		require.Equal(t, op.Committed, o.r.Outcome, "%+v", o.r)
	}
	requireOnce(t, s.HTTPAddr().String(), outcomes)
	require.Eventually(t, func() bool { return seen.Load() == uint64(len(outcomes)) }, time.Minute, 5*time.Millisecond)
	cancel()
	watches.Wait()
}

// All operations of a client share one stream to a node, which is closed when it is not
// used.
func TestOneStreamANode(t *testing.T) {
	p := startProxy(t, startNode(t), func(int) fault { return fault{} })
	c := newClient(t, client.Config{Endpoints: []string{p.endpoint()}})
	c.Hurry()
	useMachines(t, c, 8, 10, func() bool { return true })
	require.Equal(t, 1, p.connections())
	require.Eventually(t, func() bool { return c.Streams() == 0 }, time.Minute, time.Millisecond)
	useMachines(t, c, 1, 1, func() bool { return true })
	require.Equal(t, 2, p.connections())
}

// A client that is closed leaves no goroutines, and connects again when it is used.
func TestCloseLeavesNothing(t *testing.T) {
	endpoint := startNode(t)
	c := newClient(t, client.Config{Endpoints: []string{endpoint}})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		begun, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- c.Watch(ctx, client.WatchOptions{Key: key}, func(watch.Event) error {
				select {
				case <-begun:
				default:
					close(begun)
				}
				return nil
			})
		}()
		r, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, op.Committed, r.Outcome)
		<-begun
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		c.Close()
		require.Eventually(t, func() bool {
			stacks := make([]byte, 4<<20)
			return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "/node/client.(*link)")
		}, time.Minute, 5*time.Millisecond)
	}
}

// A watch with more events than its credit goes on, and one that nobody reads holds up
// no operations.
func TestWatchOfManyEvents(t *testing.T) {
	c := newClient(t, client.Config{Endpoints: []string{startNode(t)}})
	outcomes := useMachines(t, c, 8, 400, func() bool { return true })
	n := 0
	enough := errors.New("enough")
	slow := make(chan struct{})
	err := c.Watch(t.Context(), client.WatchOptions{Prefix: "lifecycle/", Resume: true}, func(e watch.Event) error {
		switch {
		case e.Transition != nil:
			n++
		case e.Gap != nil:
			n += int(e.Gap.To - e.Gap.From + 1)
		}
		if n == 10 {
			r, err := c.Get(t.Context(), key) // while the watch is not read
			require.NoError(t, err)
			require.Equal(t, op.Committed, r.Outcome)
			close(slow)
		}
		if n == len(outcomes) {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
}
