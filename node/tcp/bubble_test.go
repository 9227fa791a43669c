package tcp_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/memnet"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// The tests of this file run in bubbles of testing/synctest, on a network in memory and
// with the timings of real nodes: a minute takes milliseconds. A bubble whose test ends
// with a goroutine left panics, so each is a test of leaks, too.

// Timings of a transport that is not told others, and of the network.
const (
	latency          = time.Millisecond
	dialTimeout      = 2 * time.Second
	handshakeTimeout = 3 * time.Second
	writeTimeout     = 4 * time.Second
	keepaliveTimeout = 4 * time.Second
	backoffMin       = 50 * time.Millisecond
	backoffMax       = 2 * time.Second
)

func hostOf(id node.ID) string    { return fmt.Sprintf("node-%d", id) }
func addressOf(id node.ID) string { return hostOf(id) + ":7001" }

// startIn starts a member on a network in memory. Its peers are the other ones of 1 to
// members.
func startIn(t *testing.T, n *memnet.Network, id node.ID, members int, change ...func(*tcp.Config)) *member {
	t.Helper()
	l, err := n.Host(hostOf(id)).Listen(addressOf(id))
	require.NoError(t, err)
	peers := map[node.ID]string{}
	for p := node.ID(1); int(p) <= members; p++ {
		if p != id {
			peers[p] = addressOf(p)
		}
	}
	return start(t, l, id, peers, append([]func(*tcp.Config){func(c *tcp.Config) {
		*c = tcp.Config{Hello: c.Hello, Listener: c.Listener, Peers: c.Peers, Queue: c.Queue, Deliver: c.Deliver, Log: c.Log, Dial: n.Host(hostOf(id)).Dial}
	}}, change...)...)
}

// startPair starts two members that are connected, both ways.
func startPair(t *testing.T, n *memnet.Network, change ...func(*tcp.Config)) (one, two *member) {
	t.Helper()
	one, two = startIn(t, n, 1, 2, change...), startIn(t, n, 2, 2, change...)
	time.Sleep(backoffMax)
	requireConnected(t, one, two)
	return one, two
}

func requireConnected(t *testing.T, one, two *member) {
	t.Helper()
	require.True(t, one.peer(2).Up && one.peer(2).Incoming && two.peer(1).Up && two.peer(1).Incoming, "%+v %+v", one.peer(2), two.peer(1))
}

// waitUntil waits for a condition and returns how long that took, at most a minute.
func waitUntil(t *testing.T, name string, condition func() bool) time.Duration {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(latency) {
		if synctest.Wait(); condition() {
			return time.Since(begin)
		}
		require.Less(t, time.Since(begin), time.Minute, "never happened: %s", name)
	}
}

// When nothing arrives any more, whether for a while or for good on a connection that
// seems open, both ends find out in the keepalive timeout. They connect again, and
// messages go on.
func TestSilentConnections(t *testing.T) {
	stall := (*memnet.Network).Stall
	for name, x := range map[string]struct {
		fault func(n *memnet.Network, from, to string)
		dirs  [][2]node.ID
		heal  bool // new connections are affected, too
	}{
		"stall from one":          {stall, [][2]node.ID{{1, 2}}, true},
		"stall to one":            {stall, [][2]node.ID{{2, 1}}, true},
		"stall both ways":         {stall, [][2]node.ID{{1, 2}, {2, 1}}, true},
		"half-open from one":      {(*memnet.Network).Sever, [][2]node.ID{{1, 2}}, false},
		"half-open to one":        {(*memnet.Network).Sever, [][2]node.ID{{2, 1}}, false},
		"half-open for both ends": {(*memnet.Network).Sever, [][2]node.ID{{1, 2}, {2, 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(latency)
				one, two := startPair(t, n)
				for _, d := range x.dirs {
					x.fault(n, hostOf(d[0]), hostOf(d[1]))
				}
				found := waitUntil(t, "both ends notice", func() bool {
					return one.peer(2).Failures > 0 && two.peer(1).Failures > 0
				})
				require.Greater(t, found, keepaliveTimeout-2*time.Second)
				require.LessOrEqual(t, found, keepaliveTimeout+10*latency)
				if x.heal {
					for i := range 10 {
						require.True(t, one.Send(2, numbered(i)))
						time.Sleep(time.Second)
					}
					require.False(t, one.peer(2).Up || two.peer(1).Up)
					require.Empty(t, two.from(1))
					n.Heal()
				} else {
					require.True(t, one.Send(2, numbered(0)))
				}
				back := waitUntil(t, "up", func() bool { return one.peer(2).Up && one.peer(2).Incoming && two.peer(1).Up })
				require.LessOrEqual(t, back, dialTimeout+backoffMax)
				require.True(t, one.Send(2, numbered(99)))
				require.True(t, two.Send(1, numbered(99)))
				time.Sleep(10 * latency)
				require.Equal(t, 99, numberOf(two.from(1)[len(two.from(1))-1]))
				require.Len(t, one.from(2), 1)
				require.NoError(t, one.Close())
				require.NoError(t, two.Close())
				require.Zero(t, n.Open(), "connections are left")
			})
		})
	}
}

// A reset is seen at once.
func TestResetConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		one, two := startPair(t, n)
		for range 3 {
			time.Sleep(2 * backoffMax)
			n.Reset(hostOf(1), hostOf(2))
			synctest.Wait()
			require.False(t, one.peer(2).Up || two.peer(1).Up)
			require.LessOrEqual(t, waitUntil(t, "up", func() bool { return one.peer(2).Up && two.peer(1).Up }), 2*backoffMin+10*latency)
		}
	})
}

// A connection that was up for a while is dialled again at once, each time, also by a member
// that its peer cannot reach, and so does not wake.
func TestResetConnectionsToAPeerThatDoesNotDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		one, _ := startPair(t, n)
		n.Refuse(hostOf(2), hostOf(1))
		for range 6 {
			time.Sleep(2 * backoffMax)
			require.True(t, one.peer(2).Up)
			n.Reset(hostOf(1), hostOf(2))
			synctest.Wait()
			require.False(t, one.peer(2).Up)
			require.LessOrEqual(t, waitUntil(t, "up", func() bool { return one.peer(2).Up }), 2*backoffMin+10*latency)
		}
	})
}

// An idle connection that is alive stays.
func TestIdleConnectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := startPair(t, memnet.New(latency))
		before := one.peer(2)
		time.Sleep(time.Hour)
		requireConnected(t, one, two)
		require.Equal(t, before.Since, one.peer(2).Since)
		require.Zero(t, one.peer(2).Failures-before.Failures)
	})
}

// Dials that are refused become as rare as BackoffMax says. A peer that has come up and
// dials is dialled at once.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		one := startIn(t, n, 1, 2)
		dials := func(d time.Duration) int {
			before := n.Dials(hostOf(1), hostOf(2))
			time.Sleep(d)
			return n.Dials(hostOf(1), hostOf(2)) - before
		}
		first := dials(time.Second)
		require.GreaterOrEqual(t, first, 4)
		require.LessOrEqual(t, first, 8)
		const minutes = 10
		later := dials(minutes * time.Minute)
		require.GreaterOrEqual(t, later, int(minutes*time.Minute/backoffMax)-2)
		require.LessOrEqual(t, later, int(minutes*time.Minute/(backoffMax/2)))
		underWay := n.Dials(hostOf(1), hostOf(2)) - int(one.peer(2).Failures)
		require.Contains(t, []int{0, 1}, underWay, "a refusal takes the latency")

		startIn(t, n, 2, 2)
		require.LessOrEqual(t, waitUntil(t, "up", func() bool { return one.peer(2).Up }), backoffMin+20*latency)
	})
}

// A host that connects and says nothing costs one connection at a time, and is left after
// the handshake timeout.
func TestPeerThatAcceptsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		two := startIn(t, n, 2, 2)
		n.Deafen(addressOf(2))
		one := startIn(t, n, 1, 2)
		time.Sleep(time.Minute)
		require.False(t, one.peer(2).Up)
		dials := n.Dials(hostOf(1), hostOf(2))
		require.LessOrEqual(t, dials, int(time.Minute/handshakeTimeout))
		require.GreaterOrEqual(t, dials, int(time.Minute/(handshakeTimeout+backoffMax)))
		n.Heal()
		waitUntil(t, "up", func() bool { return one.peer(2).Up })
		time.Sleep(handshakeTimeout)
		requireConnected(t, one, two)
		require.Equal(t, 4, n.Open(), "the connections that were given up are closed")
	})
}

// A peer that does not read is given up after the write timeout, and affects no other.
func TestSlowPeerHurtsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		free := make(chan struct{})
		defer close(free)
		one, three := startIn(t, n, 1, 3), startIn(t, n, 3, 3)
		startIn(t, n, 2, 3, func(c *tcp.Config) { c.Deliver = func(tcp.Sender, []node.Message) { <-free } })
		time.Sleep(backoffMax)
		before := one.peer(2).Failures
		stuck := 0
		for i := range 20_000 { // more than the buffers of the connection hold
			if !one.Send(2, numbered(i)) {
				stuck++
				time.Sleep(latency)
			}
		}
		require.Positive(t, stuck)
		require.GreaterOrEqual(t, one.peer(2).Dropped, uint64(stuck)) // and what a failed write had
		for i := range 1000 {
			require.True(t, one.Send(3, numbered(i)))
		}
		time.Sleep(10 * latency)
		require.Len(t, three.from(1), 1000)
		waitUntil(t, "a write that gave up", func() bool { return one.peer(2).Failures > before })
		requireStrictlyOrdered(t, three.from(1))
	})
}

// Close takes no time, whatever a connection is doing. Only a Deliver that does not return
// holds it up, and that for five seconds at most.
func TestCloseAtAnyMoment(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, n *memnet.Network) *member{
		"connected": func(t *testing.T, n *memnet.Network) *member {
			one, _ := startPair(t, n)
			return one
		},
		"dials wait": func(t *testing.T, n *memnet.Network) *member {
			startIn(t, n, 2, 2)
			n.Stall(hostOf(1), hostOf(2))
			return startIn(t, n, 1, 2)
		},
		"backoff": func(t *testing.T, n *memnet.Network) *member {
			one := startIn(t, n, 1, 2)
			time.Sleep(time.Minute)
			return one
		},
		"handshake": func(t *testing.T, n *memnet.Network) *member {
			startIn(t, n, 2, 2)
			n.Deafen(addressOf(2))
			return startIn(t, n, 1, 2)
		},
		"handshake of a stranger": func(t *testing.T, n *memnet.Network) *member {
			one := startIn(t, n, 1, 2)
			for range 100 {
				c, err := n.Host("stranger").Dial(t.Context(), addressOf(1))
				require.NoError(t, err)
				t.Cleanup(func() { _ = c.Close() })
			}
			return one
		},
		"stalled": func(t *testing.T, n *memnet.Network) *member {
			one, _ := startPair(t, n)
			n.Stall(hostOf(1), hostOf(2))
			n.Stall(hostOf(2), hostOf(1))
			return one
		},
		"a write waits": func(t *testing.T, n *memnet.Network) *member {
			one, _ := startPair(t, n, func(c *tcp.Config) { c.WriteTimeout, c.Queue = time.Hour, 100_000 })
			n.Stall(hostOf(1), hostOf(2))
			for i := range 10_000 {
				require.True(t, one.Send(2, numbered(i)))
			}
			return one
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := prepare(t, memnet.New(latency))
				time.Sleep(10 * latency)
				begin := time.Now()
				require.NoError(t, m.Close())
				require.Zero(t, time.Since(begin))
				require.False(t, m.Send(2, numbered(1)))
			})
		})
	}
	t.Run("a delivery blocks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(latency)
			free := make(chan struct{})
			one := startIn(t, n, 1, 2)
			two := startIn(t, n, 2, 2, func(c *tcp.Config) { c.Deliver = func(tcp.Sender, []node.Message) { <-free } })
			require.True(t, one.Send(2, numbered(1)))
			time.Sleep(backoffMax)
			begin := time.Now()
			require.ErrorIs(t, two.Close(), tcp.ErrStuck)
			require.Equal(t, 5*time.Second, time.Since(begin))
			close(free)
			require.NoError(t, two.Close())
		})
	})
}

// Whatever happens to connections, messages of one member arrive in order and at most
// once, and go on arriving when the faults are over. The seed decides the faults and the
// messages; the runtime decides the order of goroutines that are ready at one instant,
// so a seed need not give the same run again.
func TestRandomFaults(t *testing.T) {
	const members = 3
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			n := memnet.New(latency)
			var all []*member
			for id := node.ID(1); id <= members; id++ {
				all = append(all, startIn(t, n, id, members))
			}
			two := func() (from, to string) {
				p := random.Perm(members)
				return hostOf(node.ID(p[0] + 1)), hostOf(node.ID(p[1] + 1))
			}
			sent := 0
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				from, to := two()
				switch random.IntN(6) {
				case 0:
					n.Stall(from, to)
				case 1:
					n.Sever(from, to)
				case 2:
					n.Reset(from, to)
				case 3:
					n.Refuse(from, to)
				case 4:
					n.Heal()
				}
				for range random.IntN(50) {
					for i, m := range all {
						sent++
						m.Send(node.ID((i+1+random.IntN(members-1))%members+1), numbered(sent))
					}
					time.Sleep(rand.N(50 * time.Millisecond))
				}
			}
			n.Heal()
			time.Sleep(keepaliveTimeout + writeTimeout + dialTimeout + backoffMax)
			for i, m := range all {
				for j, peer := range all {
					if i != j {
						require.True(t, m.Send(node.ID(j+1), numbered(sent+1)), "seed %d", seed)
						time.Sleep(10 * latency)
						got := peer.from(node.ID(i + 1))
						require.NotEmpty(t, got, "seed %d", seed)
						require.Equal(t, sent+1, numberOf(got[len(got)-1]), "seed %d", seed)
						requireStrictlyOrdered(t, got)
					}
				}
			}
			for _, m := range all {
				require.NoError(t, m.Close())
			}
			require.Zero(t, n.Open(), "seed %d: connections are left", seed)
		})
	}
}

func requireStrictlyOrdered(t *testing.T, messages []node.Message) {
	t.Helper()
	require.True(t, slices.IsSortedFunc(messages, func(a, b node.Message) int {
		if numberOf(a) < numberOf(b) {
			return -1
		}
		return 1
	}), "out of order, or twice")
}
