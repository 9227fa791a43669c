package tcp_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

func TestReconnectsAfterARestart(t *testing.T) {
	members := cluster(t, 2)
	one, two := members[0], members[1]
	for n := range 3 {
		eventually(t, "up", func() bool { return one.peer(2).Up && one.peer(2).Incoming })
		require.True(t, one.Send(2, numbered(n)))
		eventually(t, "delivery", func() bool { return len(two.from(1)) > 0 })
		require.Equal(t, n, numberOf(two.from(1)[0]))
		require.NoError(t, two.Close())
		eventually(t, "down", func() bool { return !one.peer(2).Up && !one.peer(2).Incoming })
		require.NotEmpty(t, one.peer(2).LastError)
		two = start(t, listen(t, two.address), 2, map[node.ID]string{1: one.address})
	}
	eventually(t, "up", func() bool { return one.peer(2).Up })
	require.EqualValues(t, 4, one.peer(2).Connects)
	require.GreaterOrEqual(t, one.peer(2).Failures, uint64(3))
}

// Messages wait for a peer that is not up yet, as far as the queue has room.
func TestQueueIsBounded(t *testing.T) {
	requireNoGoroutines(t)
	l := listen(t, "127.0.0.1:0")
	address := l.Addr().String()
	require.NoError(t, l.Close())
	one := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: address}, func(c *tcp.Config) { c.Queue = 10 })
	for n := range 25 {
		require.Equal(t, n < 10, one.Send(2, numbered(n)))
	}
	s := one.peer(2)
	require.Equal(t, 10, s.Waiting)
	require.EqualValues(t, 10, s.Queued)
	require.EqualValues(t, 15, s.Dropped)
	require.False(t, s.Up)
	two := start(t, listen(t, address), 2, map[node.ID]string{1: one.address})
	eventually(t, "delivery", func() bool { return len(two.from(1)) == 10 })
}

// A peer that does not read affects no other peer.
func TestSlowPeerHurtsOnlyItself(t *testing.T) {
	requireNoGoroutines(t)
	slow := stalledPeer(t, 2)
	oneAt, threeAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	quickly := func(c *tcp.Config) { c.WriteTimeout = time.Second }
	one := start(t, oneAt, 1, map[node.ID]string{2: slow, 3: threeAt.Addr().String()}, quickly)
	three := start(t, threeAt, 3, map[node.ID]string{1: one.address, 2: slow})
	eventually(t, "up", func() bool { return one.peer(2).Up && one.peer(3).Up })

	big := &node.Commit{Key: "lifecycle/m", Value: &node.Value{State: "Init"}}
	for range node.MaxDedupWindow {
		big.Value.Window = append(big.Value.Window, node.Entry{ID: "a-client-with-a-name.1", To: "Running"})
	}
	eventually(t, "drops", func() bool {
		for range 1000 {
			one.Send(2, big)
		}
		return one.peer(2).Dropped > 0
	})
	for n := range 1000 {
		require.True(t, one.Send(3, numbered(n)))
	}
	eventually(t, "delivery to the other", func() bool { return len(three.from(1)) == 1000 })
	require.Zero(t, one.peer(3).Dropped)
	eventually(t, "a write that gave up", func() bool { return one.peer(2).Failures > 0 })
}

// stalledPeer starts a member that completes the handshake, sends keepalives and
// reads nothing more.
func stalledPeer(t *testing.T, id node.ID) (address string) {
	l := listen(t, "127.0.0.1:0")
	var tasks sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); tasks.Wait() })
	tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := &rawConn{t: t, Conn: c}
			t.Cleanup(s.hangUp)
			tasks.Go(func() {
				if _, err := s.readFrame(); err != nil {
					return
				}
				answer, _ := wire.AppendFrame(nil, wire.AppendHello(nil, hello(id)))
				answer, _ = wire.AppendFrame(answer, []byte{1})
				beat, _ := wire.AppendFrame(nil, []byte{0})
				for _, err := c.Write(answer); err == nil; _, err = c.Write(beat) {
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	})
	return l.Addr().String()
}

// When a link drops all data without closing, both ends detect it, and reconnect
// when it is repaired.
func TestHalfOpenConnectionIsFoundDead(t *testing.T) {
	requireNoGoroutines(t)
	l := listen(t, "127.0.0.1:0")
	p := newProxy(t, l.Addr().String())
	quickly := func(c *tcp.Config) { c.HandshakeTimeout, c.KeepaliveTimeout = time.Second, time.Second }
	two := start(t, l, 2, map[node.ID]string{1: "127.0.0.1:1"}, quickly)
	one := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: p.address}, quickly)
	eventually(t, "up", func() bool { return one.peer(2).Up && two.peer(1).Incoming })

	p.frozen.Store(true)
	eventually(t, "the dialler notices", func() bool { return !one.peer(2).Up })
	eventually(t, "a line", func() bool { return one.log.with("nothing was received") > 0 })
	eventually(t, "the acceptor notices", func() bool { return !two.peer(1).Incoming })

	p.frozen.Store(false)
	eventually(t, "up again", func() bool { return one.peer(2).Up && two.peer(1).Incoming })
	before := len(two.from(1))
	require.True(t, one.Send(2, numbered(1)))
	eventually(t, "delivery", func() bool { return len(two.from(1)) > before })
}

// An idle connection that is alive stays.
func TestIdleConnectionStays(t *testing.T) {
	members := cluster(t, 2, func(c *tcp.Config) { c.KeepaliveTimeout = 1500 * time.Millisecond })
	eventually(t, "up", func() bool { return members[0].peer(2).Up && members[1].peer(1).Up })
	before := members[0].peer(2)
	time.Sleep(2500 * time.Millisecond)
	require.Equal(t, before.Since, members[0].peer(2).Since)
}

// proxy forwards connections. While frozen it drops all data, and closes nothing.
type proxy struct {
	address string
	frozen  atomic.Bool
}

func newProxy(t *testing.T, target string) *proxy {
	l := listen(t, "127.0.0.1:0")
	p := &proxy{address: l.Addr().String()}
	var tasks sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		tasks.Wait()
	})
	forward := func(to, from net.Conn) {
		chunk := make([]byte, 4096)
		for {
			n, err := from.Read(chunk)
			if !p.frozen.Load() {
				_, _ = to.Write(chunk[:n])
			}
			if err != nil {
				if err == io.EOF && !p.frozen.Load() {
					_ = to.Close()
				}
				return
			}
		}
	}
	tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			tasks.Go(func() { forward(out, in) })
			tasks.Go(func() { forward(in, out) })
		}
	})
	return p
}
