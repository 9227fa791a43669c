package client_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
)

// startTLSBubble starts a cluster with certificates in a bubble, and a client of it.
func startTLSBubble(t *testing.T) (*bubbleCluster, *client.Client) {
	t.Helper()
	a := tlstest.New(t, "test")
	a.Hosts = []string{hostOf(1), hostOf(2), hostOf(3)}
	c := startBubble(t, 3, func(c *server.Config) { c.TLS = &server.TLS{Paths: a.Node(c.Node.ID)} })
	files, err := tlsfiles.OpenClient(tlsfiles.Config{Paths: a.Client("alice", access.Writer)})
	require.NoError(t, err)
	return c, c.client(client.Config{TLS: func() *tls.Config { return files.DialNode() }})
}

// A node that takes nothing for a while is avoided, and its connection goes on when it does
// again: no write on a TLS connection is cut short, since none could follow it.
func TestTLSConnectionOutlivesAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, u := startTLSBubble(t)
		step(t, u, c.keyAt(1, "web"), 0)
		dials := c.net.Dials(clientHost(1), hostOf(1))
		require.Positive(t, dials)
		c.net.Stall(clientHost(1), hostOf(1))
		var all sync.WaitGroup
		for i := range 1000 { // more bytes than the buffers of the connection hold
			all.Go(func() {
				r, err := u.Get(context.Background(), c.keyAt(1, fmt.Sprintf("a-machine-with-a-name-of-some-length-so-that-its-requests-are-longer-%d", i)))
				if err != nil || r.Outcome != op.Committed {
					t.Error(err, r.Text)
				}
			})
		}
		time.Sleep(600 * time.Millisecond)
		require.Equal(t, 1, u.Silent())
		c.net.Heal()
		all.Wait()
		waitUntil(t, "heard", func() bool { return u.Silent() == 0 })
		step(t, u, c.keyAt(1, "web"), 1)
		require.Equal(t, dials, c.net.Dials(clientHost(1), hostOf(1)), "the connection is the same")
	})
}

// A TLS connection to a node that takes nothing for long ends, and the node is dialled again.
func TestTLSConnectionOfAStuckNodeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, u := startTLSBubble(t)
		step(t, u, c.keyAt(1, "web"), 0)
		c.net.Stall(clientHost(1), hostOf(1))
		step(t, u, c.keyAt(1, "web"), 1) // at another node
		time.Sleep(20 * time.Second)
		require.Equal(t, 1, u.Silent())
		c.net.Heal()
		waitUntil(t, "heard", func() bool { return u.Silent() == 0 })
		step(t, u, c.keyAt(1, "web"), 2)
	})
}
