package tcp_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Two nodes that must not communicate: both log the reason, once, and retry
// slowly.
func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		change   func(*tcp.Config) // of node 2
		one, two string            // expected in the log of each
	}{
		"protocol": {func(c *tcp.Config) { c.Hello.Protocol, c.Hello.Oldest = 9, 8 }, "protocols 8 to 9, want one of 2 to 2", "protocols 2 to 2, want one of 8 to 9"},
		"cluster":  {func(c *tcp.Config) { c.Hello.Cluster[0] = 9 }, "cluster 09", "cluster 07"},
		"codec": {func(c *tcp.Config) { c.Hello.Codec = "json" },
			`codec "json", want "cbor"`, `codec "cbor", want "json"`},
		"itself":   {func(c *tcp.Config) { c.Hello.Node, c.Peers = 1, peerUnderID(c, 2) }, "no number of its own", "no number of its own"},
		"stranger": {func(c *tcp.Config) { c.Hello.Node = 9 }, "node 9: the other side is not a member", "this node is not one of its members"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			requireNoGoroutines(t)
			oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
			one := start(t, oneAt, 1, map[node.ID]string{2: twoAt.Addr().String()})
			two := start(t, twoAt, 2, map[node.ID]string{1: one.address}, c.change)
			says := func(m *member, text string) func() bool {
				return func() bool { return len(m.Peers()) > 0 && m.log.with(text) > 0 }
			}
			eventually(t, "node 1 says "+c.one, says(one, c.one))
			eventually(t, "node 2 says "+c.two, says(two, c.two))
			eventually(t, "several attempts", func() bool { return one.Peers()[0].Failures > 5 && two.Peers()[0].Failures > 5 })
			for _, m := range []*member{one, two} {
				require.False(t, m.Peers()[0].Up)
				require.Zero(t, m.Peers()[0].Connects)
				require.Positive(t, m.ListenerStats().Refused)
				require.LessOrEqual(t, m.log.with("refus"), 6, m.log.lines)
			}
		})
	}
}

func peerUnderID(c *tcp.Config, id node.ID) map[node.ID]string {
	for _, address := range c.Peers {
		return map[node.ID]string{id: address}
	}
	return nil
}

// The reason of a refusal is in the peer's stats.
func TestReasonOfARefusalIsKept(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	start(t, oneAt, 1, nil, func(c *tcp.Config) { c.Peers = map[node.ID]string{3: twoAt.Addr().String()} })
	two := start(t, twoAt, 2, map[node.ID]string{1: oneAt.Addr().String()})
	eventually(t, "the reason", func() bool {
		return strings.Contains(two.peer(1).LastError, `the peer refuses this node: this node is not one of its members`)
	})
}

// A wrong address leads to another member than the one wanted: the connection to
// that member stays.
func TestAnotherMemberAtTheAddress(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, threeAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	wrong := threeAt.Addr().String()
	one := start(t, oneAt, 1, map[node.ID]string{2: wrong, 3: wrong})
	three := start(t, threeAt, 3, map[node.ID]string{1: one.address, 2: wrong})
	eventually(t, "both told", func() bool {
		return one.log.with("node 3, want 2: another member answers") == 1 && three.log.with("it has dialled another member") == 1
	})
	eventually(t, "up", func() bool { return one.peer(3).Up && three.peer(1).Incoming })
	before := one.peer(3).Since
	eventually(t, "more attempts", func() bool { return one.peer(2).Failures > 5 })
	require.Equal(t, before, one.peer(3).Since)
	require.EqualValues(t, 1, one.peer(3).Connects)
}

// A refusal ends when its cause does, as when a node comes back with another
// configuration.
func TestRefusalIsNotForEver(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	address, two := oneAt.Addr().String(), start(t, twoAt, 2, map[node.ID]string{1: oneAt.Addr().String()})
	peers := map[node.ID]string{2: two.address}
	wrong := start(t, oneAt, 1, peers, func(c *tcp.Config) { c.Hello.Cluster[0] = 9 })
	eventually(t, "refused", func() bool { return two.peer(1).Failures > 2 && two.log.with("cluster 09") > 0 })
	require.NoError(t, wrong.Close())
	one := start(t, listen(t, address), 1, peers)
	eventually(t, "up", func() bool { return one.peer(2).Up && two.peer(1).Up })
	require.True(t, one.Send(2, numbered(1)))
	eventually(t, "delivery", func() bool { return len(two.from(1)) == 1 })
}

// The text of a refusal, as earlier builds send it, is bounded, whatever the other side
// sends.
func TestLongRefusalIsCut(t *testing.T) {
	requireNoGoroutines(t)
	for size, want := range map[int]string{
		400:  `the peer refuses this node, for this reason: "wwhy?\n\xff`, // cut
		5000: "frame too long",                                            // longer than frames in the handshake may be
	} {
		no := []byte{2, 'w'}
		for i := range size {
			no = append(no, "why?\n\xff"[i%6])
		}
		m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: refusingPeer(t, 2, no)})
		eventually(t, "refused: "+want, func() bool { return strings.Contains(m.peer(2).LastError, want) })
		require.Less(t, len(m.peer(2).LastError), 1200)
	}
}

// refusingPeer starts a member that answers every Hello with its own and a
// verdict.
func refusingPeer(t *testing.T, id node.ID, verdict []byte) (address string) {
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
			if _, err := s.readFrame(); err == nil {
				answer, _ := wire.AppendFrame(nil, wire.AppendHello(nil, hello(id)))
				answer, _ = wire.AppendFrame(answer, verdict)
				_, _ = c.Write(answer)
				_, _ = s.readFrame() // until the other side hangs up
			}
			s.hangUp()
		}
	})
	return l.Addr().String()
}
