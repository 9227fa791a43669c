package tcp_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// In every situation Close ends all goroutines; requireNoGoroutines checks this.
func TestCloseLeavesNothing(t *testing.T) {
	t.Run("connected", func(t *testing.T) {
		members := cluster(t, 3)
		eventually(t, "up", func() bool { return members[0].peer(2).Up && members[0].peer(3).Incoming })
		for n := range 500 {
			members[0].Send(2, numbered(n))
		}
		for _, m := range members {
			require.NoError(t, m.Close())
			require.NoError(t, m.Close(), "a second time")
		}
	})
	t.Run("at once", func(t *testing.T) {
		for _, m := range cluster(t, 3) {
			require.NoError(t, m.Close())
		}
	})
	t.Run("with strangers at the port", func(t *testing.T) {
		m := startAlone(t)
		for range 100 {
			dial(t, m.address)
		}
		s := dial(t, m.address)
		s.handshake(hello(2))
		require.NoError(t, m.Close())
		s.requireClosed()
	})
	t.Run("while dialling", func(t *testing.T) {
		l := listen(t, "127.0.0.1:0") // connects, and sends nothing
		t.Cleanup(func() { _ = l.Close() })
		requireNoGoroutines(t)
		m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: l.Addr().String()})
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, m.Close())
	})
	t.Run("while a write is stuck", func(t *testing.T) {
		requireNoGoroutines(t)
		m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: stalledPeer(t, 2)}, func(c *tcp.Config) {
			c.WriteTimeout, c.Queue = time.Hour, 100_000
		})
		eventually(t, "a full queue that stays", func() bool {
			before := m.peer(2).Sent
			for m.Send(2, numbered(1)) {
			}
			return before > 0 && before == m.peer(2).Sent
		})
		require.NoError(t, m.Close())
	})
}

// After Close nothing is delivered.
func TestCloseEndsDelivery(t *testing.T) {
	members := cluster(t, 2)
	for n := range 1000 {
		members[0].Send(2, numbered(n))
	}
	eventually(t, "a delivery", func() bool { return len(members[1].from(1)) > 0 })
	require.NoError(t, members[1].Close())
	before := len(members[1].from(1))
	time.Sleep(20 * time.Millisecond)
	require.Len(t, members[1].from(1), before)
}

// Close does not wait forever for a Deliver that blocks forever.
func TestCloseIsBounded(t *testing.T) {
	requireNoGoroutines(t)
	gate := make(chan struct{})
	l := listen(t, "127.0.0.1:0")
	m, err := tcp.Start(tcp.Config{
		Hello: hello(1), Listener: l, Peers: map[node.ID]string{2: "127.0.0.1:1"},
		Deliver: func(node.ID, uint64, []node.Message) { <-gate },
	})
	require.NoError(t, err)
	s := dial(t, l.Addr().String())
	s.handshake(hello(2))
	_, _ = s.Write(message(t))
	eventually(t, "a delivery", func() bool { return m.Peers()[0].Delivered == 1 })
	require.ErrorIs(t, m.Close(), tcp.ErrStuck)
	close(gate)
	require.NoError(t, m.Close())
}

func TestConfigIsChecked(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = l.Close() })
	for want, change := range map[string]func(*tcp.Config){
		"listener":          func(c *tcp.Config) { c.Listener = net.Listener(nil) },
		`codec ""`:          func(c *tcp.Config) { c.Hello.Codec = "" },
		`codec "xml"`:       func(c *tcp.Config) { c.Hello.Codecs = []string{"cbor", "xml"} },
		"deliver":           func(c *tcp.Config) { c.Deliver = nil },
		"node 0":            func(c *tcp.Config) { c.Hello.Node = 0 },
		"queue":             func(c *tcp.Config) { c.Queue = -1 },
		"timeouts":          func(c *tcp.Config) { c.DialTimeout = -1 },
		"keepalive timeout": func(c *tcp.Config) { c.KeepaliveInterval = time.Hour },
		"backoff":           func(c *tcp.Config) { c.BackoffMin = time.Hour },
		"peers: node 1":     func(c *tcp.Config) { c.Peers = map[node.ID]string{1: "here"} },
	} {
		cfg := tcp.Config{Hello: hello(1), Listener: l, Deliver: func(node.ID, uint64, []node.Message) {}}
		change(&cfg)
		_, err := tcp.Start(cfg)
		require.ErrorIs(t, err, tcp.ErrConfig)
		require.ErrorContains(t, err, want)
	}
}
