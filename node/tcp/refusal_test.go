package tcp_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Two that should not talk: both say why, once, and try again slowly.
func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		change   func(*tcp.Config) // of node 2
		one, two string            // what each knows in the end
	}{
		"protocol": {func(c *tcp.Config) { c.Hello.Protocol = 2 }, "protocol 2, want 1", "protocol 1, want 2"},
		"cluster":  {func(c *tcp.Config) { c.Hello.Cluster[0] = 9 }, "cluster 09", "cluster 07"},
		"epoch":    {func(c *tcp.Config) { c.Hello.Epoch = 3 }, "epoch 3, want 1", "epoch 1, want 3"},
		"codec": {func(c *tcp.Config) { c.Hello.Codec, c.Codec = "json", wire.JSON{} },
			`codec "json", want "cbor"`, `codec "cbor", want "json"`},
		"itself":   {func(c *tcp.Config) { c.Hello.Node, c.Peers = 1, peersOf(c, 2) }, "no number of its own", "no number of its own"},
		"stranger": {func(c *tcp.Config) { c.Hello.Node = 9 }, "node 9: the other side is not a member", "in its words"},
		"admit": {func(c *tcp.Config) { c.Admit = func(wire.Hello) error { return errors.New("its log is another") } },
			"its log is another", "its log is another"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
			one := start(t, oneAt, 1, map[node.ID]string{2: twoAt.Addr().String()})
			two := start(t, twoAt, 2, map[node.ID]string{1: one.address}, c.change)
			says := func(m *member, text string) func() bool {
				return func() bool { return len(m.Peers()) > 0 && m.logged.with(text) > 0 }
			}
			eventually(t, "node 1 says "+c.one, says(one, c.one))
			eventually(t, "node 2 says "+c.two, says(two, c.two))
			eventually(t, "several attempts", func() bool { return one.Peers()[0].Failures > 5 && two.Peers()[0].Failures > 5 })
			for _, m := range []*member{one, two} {
				require.False(t, m.Peers()[0].Up)
				require.Zero(t, m.Peers()[0].Connects)
				require.Positive(t, m.Port().Refused)
				require.LessOrEqual(t, m.logged.with("refus"), 6, m.logged.lines)
			}
		})
	}
}

func peersOf(c *tcp.Config, id node.ID) map[node.ID]string {
	for _, address := range c.Peers {
		return map[node.ID]string{id: address}
	}
	return nil
}

// The server of a node that the others refuse hears of it, once.
func TestRefusedIsTold(t *testing.T) {
	nothingLeft(t)
	oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, oneAt, 1, map[node.ID]string{2: twoAt.Addr().String()}, func(c *tcp.Config) {
		c.Admit = func(theirs wire.Hello) error {
			require.Equal(t, hello(2), theirs)
			return errors.New("node 2 has lost its log: clear it from the members first")
		}
	})
	two := start(t, twoAt, 2, map[node.ID]string{1: one.address})
	eventually(t, "both directions", func() bool { return len(two.refusals()) == 2 }) // it dialled, and was dialled
	for _, text := range two.refusals() {
		require.Contains(t, text, `the peer refuses this node, in its words: "node 2 has lost its log`)
	}
	eventually(t, "more attempts", func() bool { return two.peer(1).Failures > 5 })
	require.Len(t, two.refusals(), 2)
	require.Empty(t, one.refusals())
}

// A wrong address leads to a member, but not to the one wanted: the connection
// that this member has stays.
func TestAnotherMemberAtTheAddress(t *testing.T) {
	nothingLeft(t)
	oneAt, threeAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	wrong := threeAt.Addr().String()
	one := start(t, oneAt, 1, map[node.ID]string{2: wrong, 3: wrong})
	three := start(t, threeAt, 3, map[node.ID]string{1: one.address, 2: wrong})
	eventually(t, "both told", func() bool {
		return one.logged.with("node 3, want 2: another member answers") == 1 && three.logged.with("another member answers") == 1
	})
	eventually(t, "up", func() bool { return one.peer(3).Up && three.peer(1).Incoming })
	before := one.peer(3).Since
	eventually(t, "more attempts", func() bool { return one.peer(2).Failures > 5 })
	require.Equal(t, before, one.peer(3).Since)
	require.EqualValues(t, 1, one.peer(3).Connects)
}

// A refusal ends when its cause does.
func TestRefusalIsNotForEver(t *testing.T) {
	ready := make(chan struct{})
	members := cluster(t, 2, func(c *tcp.Config) {
		if c.Hello.Node == 1 {
			c.Admit = func(wire.Hello) error {
				select {
				case <-ready:
					return nil
				default:
					return errors.New("not yet")
				}
			}
		}
	})
	eventually(t, "refused", func() bool { return len(members[1].refusals()) > 0 })
	close(ready)
	eventually(t, "up", func() bool { return members[0].peer(2).Up && members[1].peer(1).Up })
	require.True(t, members[0].Send(2, numbered(1)))
	eventually(t, "delivery", func() bool { return len(members[1].from(1)) == 1 })
}

// Words of a refusal are bounded, whatever the other side says.
func TestLongRefusalIsCut(t *testing.T) {
	nothingLeft(t)
	long := make([]byte, 5000)
	for i := range long {
		long[i] = "why?\n\xff"[i%6]
	}
	l, two := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	start(t, l, 1, map[node.ID]string{2: two.Addr().String()}, func(c *tcp.Config) {
		c.Admit = func(wire.Hello) error { return errors.New(string(long)) }
	})
	m := start(t, two, 2, map[node.ID]string{1: l.Addr().String()})
	eventually(t, "refused", func() bool { return len(m.refusals()) > 0 })
	require.Less(t, len(m.refusals()[0]), 1200)
}
