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
		cfg := tcp.Config{Hello: hello(1), Listener: l, Deliver: func(tcp.Sender, []node.Message) {}}
		change(&cfg)
		_, err := tcp.Start(cfg)
		require.ErrorIs(t, err, tcp.ErrConfig)
		require.ErrorContains(t, err, want)
	}
}
