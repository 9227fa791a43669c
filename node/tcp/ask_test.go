package tcp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
)

// A node that asks another for its number learns it from a member that has it among its
// own, and from no other. It leaves no connection, and shows no life.
func TestAsk(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, fourAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, oneAt, 1, nil)
	four := start(t, fourAt, 4, nil)
	ask := func() (node.ID, error) { return four.Ask(context.Background(), one.address) }
	_, err := ask()
	require.True(t, tcp.NotAdded(err), "%v", err)
	one.SetPeers(map[node.ID]string{4: "127.0.0.1:1"}, 4)
	id, err := ask()
	require.NoError(t, err)
	require.EqualValues(t, 1, id)
	require.Empty(t, one.livesOf(4))

	stranger := start(t, listen(t, "127.0.0.1:0"), 9, nil, func(c *tcp.Config) { c.Hello.Cluster = [16]byte{1} })
	_, err = stranger.Ask(context.Background(), one.address)
	require.ErrorIs(t, err, tcp.ErrPeerRefused)
	require.False(t, tcp.NotAdded(err))
	_, err = one.Ask(context.Background(), one.address)
	require.Error(t, err, "itself")
	ended, end := context.WithCancel(context.Background())
	end()
	_, err = four.Ask(ended, one.address)
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}

// With TLS the member is the one in the certificate that it shows.
func TestAskWithCertificates(t *testing.T) {
	requireNoGoroutines(t)
	a := tlstest.New(t, "c")
	honest := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{4: "127.0.0.1:1"}, withTLS(t, a.Node(1)))
	liar := start(t, listen(t, "127.0.0.1:0"), 2, map[node.ID]string{4: "127.0.0.1:1"}, withTLS(t, a.Node(3)))
	four := start(t, listen(t, "127.0.0.1:0"), 4, nil, withTLS(t, a.Node(4)))
	id, err := four.Ask(context.Background(), honest.address)
	require.NoError(t, err)
	require.EqualValues(t, 1, id)
	_, err = four.Ask(context.Background(), liar.address)
	require.ErrorContains(t, err, "certificate of node 3, want that of node 2")
}

// That members and a node that waits to be added do not know each other yet is in the
// ordinary course, and no error. Once it has been added it is one.
func TestRefusalsOfANodeThatWaits(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, fourAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, oneAt, 1, map[node.ID]string{2: fourAt.Addr().String()})
	four := start(t, fourAt, 4, map[node.ID]string{3: one.address}, func(c *tcp.Config) { c.Waits = true })
	eventually(t, "both refuse", func() bool {
		return four.log.with("the peer does not have this node among its members yet") == 1 && four.ListenerStats().Refused > 0
	})
	require.Zero(t, four.log.with("refused"), four.log.lines)
	four.SetPeers(map[node.ID]string{5: one.address}, 5)
	eventually(t, "an error", func() bool { return four.log.with("handshake with peer refused") == 1 })
}
