package tcp_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	lockstep "github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// shortGrace makes the time of grace of former members short, for tests of its end.
func shortGrace(c *tcp.Config) { c.FormerGrace = 20 * time.Millisecond }

// introduction is a message of a member about itself.
func introduction() node.Message { return &lockstep.Introduction{Stage: lockstep.Formed} }

// A member that comes while the transport runs is connected like the others, and the
// connections of the others are not touched.
func TestMembersComeWhileItRuns(t *testing.T) {
	c := cluster(t, 2)
	one, two := c[0], c[1]
	eventually(t, "the first connection", func() bool { return one.peer(2).Up && two.peer(1).Up })
	three := start(t, listen(t, "127.0.0.1:0"), 3, map[node.ID]string{1: one.address})
	eventually(t, "node 3 is refused", func() bool { return three.log.with("this node is not one of its members") == 1 })

	one.SetPeers(map[node.ID]string{2: two.address, 3: three.address}, 3)
	eventually(t, "both ways", func() bool { return one.peer(3).Up && three.peer(1).Up })
	require.True(t, one.Send(3, numbered(1)))
	require.True(t, three.Send(1, numbered(2)))
	eventually(t, "delivery", func() bool { return len(three.from(1)) == 1 && len(one.from(3)) == 1 })
	require.EqualValues(t, 1, one.peer(2).Connects)
	require.EqualValues(t, 1, two.peer(1).Connects)
}

// A member of another epoch is let in: it could not learn the later configuration else.
func TestEpochOfTheHelloIsNoReasonToRefuse(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, oneAt, 1, map[node.ID]string{2: twoAt.Addr().String()})
	two := start(t, twoAt, 2, map[node.ID]string{1: one.address}, func(c *tcp.Config) { c.Hello.Epoch = 3 })
	eventually(t, "both ways", func() bool { return one.peer(2).Up && two.peer(1).Up })
}

// A member that was removed can be told so for a while: messages pass both ways.
func TestFormerMemberIsHeardForAWhile(t *testing.T) {
	c := cluster(t, 2, func(c *tcp.Config) { c.FormerGrace = time.Hour })
	one, two := c[0], c[1]
	eventually(t, "both ways", func() bool { return one.peer(2).Up && two.peer(1).Up })
	one.SetPeers(nil, 2)
	require.Empty(t, one.Peers())
	require.True(t, two.Send(1, numbered(1), introduction()))
	require.True(t, one.Send(2, introduction()))
	eventually(t, "messages both ways", func() bool { return len(one.from(2)) == 2 && len(two.from(1)) == 1 })
}

// After its time of grace a former member is refused, in words that say why, and another
// id that was none is refused as before.
func TestFormerMemberIsRefusedAfterItsGrace(t *testing.T) {
	c := cluster(t, 2, shortGrace)
	one, two := c[0], c[1]
	eventually(t, "both ways", func() bool { return one.peer(2).Up && two.peer(1).Up })
	one.SetPeers(nil, 2)
	eventually(t, "the reason", func() bool { return two.log.with("this node was removed from the members") == 1 })
	require.False(t, two.peer(1).Up)
	require.False(t, one.Send(2, introduction()))
	s := dial(t, one.address)
	s.sendFrame(wire.AppendHello(nil, hello(7)))
	require.Equal(t, []byte{2, 6}, s.mustReadFrame())
}

// A member that moves is dialled at its new address once the old connection has ended.
func TestMemberMoves(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, oldAt, newAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, oneAt, 1, map[node.ID]string{2: oldAt.Addr().String()})
	before := start(t, oldAt, 2, map[node.ID]string{1: one.address})
	eventually(t, "the old address", func() bool { return one.peer(2).Up })
	one.SetPeers(map[node.ID]string{2: newAt.Addr().String()}, 2)
	require.Equal(t, newAt.Addr().String(), one.peer(2).Addr)
	require.True(t, one.peer(2).Up, "the connection is not touched")
	require.NoError(t, before.Close())
	after := start(t, newAt, 2, map[node.ID]string{1: one.address})
	eventually(t, "delivery at the new address", func() bool {
		one.Send(2, numbered(1))
		return len(after.from(1)) > 0
	})
}

// A member without a known address is not dialled: the reason names the remedy, once, also of
// a member that was out of reach before.
func TestMemberWithoutAddress(t *testing.T) {
	one := startAlone(t)
	eventually(t, "two are out of reach", func() bool { return one.log.with("no connection to peer") == 2 })
	one.SetPeers(map[node.ID]string{2: "", 3: "127.0.0.1:1", 4: ""}, 4)
	eventually(t, "the reason", func() bool { return one.log.with("no address is known") == 2 })
	require.Equal(t, 1, one.log.with("no connection to peer peer=2 address= "), "%q", one.log.all())
	failures := one.peer(2).Failures
	eventually(t, "more attempts", func() bool { return one.peer(2).Failures > failures+2 })
	require.Equal(t, 2, one.log.with("no address is known"))
}

// A host name is looked up at each attempt: the transport keeps no address of its own. A
// peer is reached once its name leads to it, and again when it leads elsewhere.
func TestNamesAreLookedUpAtEachAttempt(t *testing.T) {
	requireNoGoroutines(t)
	var leadsTo atomic.Value // an address, as text
	leadsTo.Store("")
	one := startAlone(t, func(c *tcp.Config) {
		c.Peers = map[node.ID]string{2: "db2.example:7001"}
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			at := leadsTo.Load().(string)
			if address != "db2.example:7001" || at == "" {
				return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
			}
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		}
	})
	eventually(t, "several attempts", func() bool { return one.peer(2).Failures > 3 })
	require.Contains(t, one.peer(2).LastError, "lookup db2.example:7001: no such host")
	for range 2 {
		l := listen(t, "127.0.0.1:0")
		leadsTo.Store(l.Addr().String())
		two := start(t, l, 2, map[node.ID]string{1: one.address})
		eventually(t, "a connection to the present address", func() bool { return one.peer(2).Up })
		require.NoError(t, two.Close())
		eventually(t, "its end", func() bool { return !one.peer(2).Up })
	}
}

// A closed transport takes no peers.
func TestPeersOfAClosedTransport(t *testing.T) {
	c := cluster(t, 2)
	require.NoError(t, c[0].Close())
	c[0].SetPeers(map[node.ID]string{2: c[1].address, 3: c[1].address}, 3)
	require.Len(t, c[0].Peers(), 1)
}

// A peer that goes, and comes back within its time of grace, stays: for a node that is told the
// members anew, the others may be none for a moment.
func TestPeerComesBack(t *testing.T) {
	c := cluster(t, 2, shortGrace)
	one, two := c[0], c[1]
	eventually(t, "both ways", func() bool { return one.peer(2).Up && two.peer(1).Up })
	one.SetPeers(nil, 1)
	one.SetPeers(map[node.ID]string{2: two.address}, 2)
	require.Never(t, func() bool {
		return len(one.Peers()) != 1 || two.log.with("this node was removed from the members") > 0
	}, 300*time.Millisecond, 10*time.Millisecond)
	require.True(t, one.peer(2).Up)
	one.SetPeers(nil, 2)
	eventually(t, "it has gone, for good", func() bool { return two.log.with("this node was removed from the members") > 0 })
}
