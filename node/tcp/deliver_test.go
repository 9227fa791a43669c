package tcp_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// All members send to all: no message is lost, duplicated or out of order.
func TestMessagesArriveInOrder(t *testing.T) {
	const each = 3000
	members := cluster(t, 3)
	var senders sync.WaitGroup
	for i, m := range members {
		for j := range members {
			if i == j {
				continue
			}
			senders.Go(func() {
				for n := range each {
					for !m.Send(node.ID(j+1), numbered(n)) { // the queue is full
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
	}
	senders.Wait()
	for i, m := range members {
		for j := range members {
			if i == j {
				continue
			}
			from := node.ID(j + 1)
			eventually(t, "delivery", func() bool { return len(m.from(from)) >= each })
			for n, x := range m.from(from) {
				require.Equal(t, n, numberOf(x))
			}
			eventually(t, "up, and all counted", func() bool {
				s := m.peer(from)
				return s.Up && s.Incoming && s.Sent == each
			})
			s := m.peer(from)
			require.EqualValues(t, each, s.Queued)
			require.EqualValues(t, each, s.Delivered)
			require.Zero(t, s.Malformed)
			require.Contains(t, s.Counts, tcp.Count{Type: "commit", Disposition: tcp.Received, N: each})
			require.Contains(t, s.Counts, tcp.Count{Type: "reject", Disposition: tcp.Sent})
		}
	}
}

// Each member sends in the codec that it prefers, if the other one reads it. One without
// a list of codecs is of an earlier build: it is sent the only one that it knows.
func TestCodecsAreAgreedUpon(t *testing.T) {
	prefers := func(c wire.Codec) func(*wire.Hello) { return func(h *wire.Hello) { h.OfferCodecs(c) } }
	only := func(name string) func(*wire.Hello) {
		return func(h *wire.Hello) { h.Codec, h.Codecs = name, nil }
	}
	for name, x := range map[string]struct {
		one, two   func(*wire.Hello)
		sent, back string // the codecs of messages from 1 to 2, and from 2 to 1
	}{
		"binary":                    {prefers(wire.Binary{}), prefers(wire.Binary{}), "binary", "binary"},
		"JSON":                      {prefers(wire.JSON{}), prefers(wire.JSON{}), "json", "json"},
		"each its own":              {prefers(wire.JSON{}), prefers(wire.CBOR{}), "json", "cbor"},
		"CBOR of an earlier build":  {prefers(wire.Binary{}), only("cbor"), "cbor", "cbor"},
		"JSON of an earlier build":  {prefers(wire.JSON{}), only("json"), "json", "json"},
		"two of that earlier build": {only("json"), only("json"), "json", "json"},
		"a later build":             {prefers(wire.CBOR{}), func(h *wire.Hello) { h.Codecs = []string{"binary", "json"} }, "binary", "binary"},
	} {
		t.Run(name, func(t *testing.T) {
			members := cluster(t, 2, func(c *tcp.Config) {
				if c.Hello.Node == 1 {
					x.one(&c.Hello)
				} else {
					x.two(&c.Hello)
				}
			})
			require.True(t, members[0].Send(2, numbered(5)))
			require.True(t, members[1].Send(1, numbered(6)))
			eventually(t, "delivery", func() bool { return len(members[1].from(1)) == 1 && len(members[0].from(2)) == 1 })
			require.Equal(t, numbered(5), members[1].from(1)[0])
			require.Equal(t, numbered(6), members[0].from(2)[0])
			require.Positive(t, members[0].log.with("codec="+x.sent))
			require.Positive(t, members[1].log.with("codec="+x.back))
		})
	}
}

// A peer gets a message in the form of its level, and of no later one than this node's: of
// an earlier build's, that is in full, or not at all.
func TestMessagesAreOfTheReceiversLevel(t *testing.T) {
	full := &node.Commit{Key: "lifecycle/a", Ballot: node.Ballot{Epoch: 1, Round: 7, Node: 1, Boot: 1}, Value: &node.Value{Version: 1, Serial: 1, State: "Running",
		StateBefore: "Init", Window: []node.Entry{{ID: "c1.1", To: "Running"}}}}
	for name, x := range map[string]struct {
		own, theirs node.Level
		want        node.Message
	}{
		"this build":         {node.LatestLevel, node.LatestLevel, &node.Commit{Key: full.Key, Ballot: full.Ballot}},
		"a later build":      {node.LatestLevel, node.LatestLevel + 1, &node.Commit{Key: full.Key, Ballot: full.Ballot}},
		"an earlier build":   {node.LatestLevel, node.LevelBinary, full},
		"to one, as another": {node.LevelBinary, node.LatestLevel, full},
	} {
		t.Run(name, func(t *testing.T) {
			members := cluster(t, 2, func(c *tcp.Config) {
				c.Hello.OfferCodecs(wire.Binary{})
				if c.Hello.Level = x.theirs; c.Hello.Node == 1 {
					c.Hello.Level = x.own
				}
			})
			if x.want == node.Message(full) {
				require.True(t, members[0].Send(2, &node.Reject{Phase: node.Accept, Key: full.Key, Ballot: full.Ballot, Reason: node.BaseNotHeld}))
			}
			require.True(t, members[0].Send(2, full.WithoutValue()))
			eventually(t, "delivery", func() bool { return len(members[1].from(1)) == 1 })
			require.Equal(t, x.want, members[1].from(1)[0])
			require.Equal(t, x.own, members[1].levelOf(1))
		})
	}
}

func TestSendRefusesWhomItDoesNotKnow(t *testing.T) {
	members := cluster(t, 2)
	require.False(t, members[0].Send(1, numbered(1)), "itself")
	require.False(t, members[0].Send(3, numbered(1)), "a stranger")
	require.NoError(t, members[0].Close())
	require.False(t, members[0].Send(2, numbered(1)), "when closed")
}

// A message that cannot be encoded affects no other.
func TestUnwritableMessageIsDropped(t *testing.T) {
	members := cluster(t, 2)
	require.True(t, members[0].Send(2, numbered(1)))
	require.True(t, members[0].Send(2, &node.Commit{Key: "not UTF-8: \xff"}))
	require.True(t, members[0].Send(2, numbered(2)))
	eventually(t, "delivery", func() bool { return len(members[1].from(1)) == 2 })
	require.EqualValues(t, 1, members[0].peer(2).Dropped)
}

// While Deliver blocks, keepalives go on and the connection stays; messages sent
// meanwhile are delivered afterwards.
func TestBlockedDeliveryKeepsConnection(t *testing.T) {
	gate := make(chan struct{})
	var mu sync.Mutex
	got := 0
	members := cluster(t, 2, func(c *tcp.Config) {
		c.KeepaliveTimeout = 1500 * time.Millisecond
		if c.Hello.Node == 2 {
			c.Deliver = func(_ tcp.Sender, arrived []node.Message) {
				<-gate
				mu.Lock()
				defer mu.Unlock()
				got += len(arrived)
			}
		}
	})
	for n := range 10 {
		require.True(t, members[0].Send(2, numbered(n)))
	}
	eventually(t, "a delivery", func() bool { return members[1].peer(1).Delivered > 0 })
	time.Sleep(2500 * time.Millisecond)
	connects := members[0].peer(2).Connects
	close(gate)
	eventually(t, "delivery", func() bool { mu.Lock(); defer mu.Unlock(); return got == 10 })
	require.EqualValues(t, 1, connects)
}

// The second connection of a peer replaces the first, and no message of the first
// is delivered after the second has begun.
func TestSecondConnectionReplacesTheFirst(t *testing.T) {
	requireNoGoroutines(t)
	gate := make(chan struct{})
	var mu sync.Mutex
	var order []int
	m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: "127.0.0.1:1"}, func(c *tcp.Config) {
		c.Deliver = func(_ tcp.Sender, arrived []node.Message) {
			<-gate
			mu.Lock()
			defer mu.Unlock()
			for _, m := range arrived {
				order = append(order, numberOf(m))
			}
		}
	})
	say := func(s *rawConn, n int) {
		frame, err := wire.AppendMessage(nil, wire.CBOR{}, numbered(n))
		require.NoError(t, err)
		_, err = s.Write(frame)
		require.NoError(t, err)
	}
	first := dial(t, m.address)
	first.handshake(hello(2))
	say(first, 0)
	eventually(t, "the first delivery", func() bool { return m.peer(2).Delivered == 1 })
	for n := range 9 {
		say(first, 1+n)
	}
	second := dial(t, m.address)
	second.handshake(hello(2))
	first.requireClosed()
	close(gate)
	say(second, 100)
	eventually(t, "the last delivery", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(order, 100)
	})
	require.Equal(t, []int{0, 100}, order)
	require.True(t, m.peer(2).Incoming)
}

// Messages of a peer are delivered with the life in the Hello of their connection:
// after a restart, with the new one.
func TestMessagesCarryTheLife(t *testing.T) {
	requireNoGoroutines(t)
	oneAt, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	two := start(t, twoAt, 2, map[node.ID]string{1: oneAt.Addr().String()})
	address, peers := oneAt.Addr().String(), map[node.ID]string{2: two.address}
	for n, life := range []uint64{0xabc, 1<<64 - 1, 0} {
		one := start(t, oneAt, 1, peers, func(c *tcp.Config) { c.Hello.Life = life })
		eventually(t, "both directions", func() bool { return one.peer(2).Up && one.peer(2).Incoming })
		require.True(t, one.Send(2, numbered(n)))
		eventually(t, "delivery", func() bool { return len(two.from(1)) == n+1 })
		require.Equal(t, life, two.livesOf(1)[n])

		require.True(t, two.Send(1, numbered(n)))
		eventually(t, "delivery of an answer", func() bool { return len(one.from(2)) == 1 })
		require.Equal(t, []uint64{lifeOf(2)}, one.livesOf(2))
		require.NoError(t, one.Close())
		oneAt = listen(t, address)
	}
	_ = oneAt.Close()
}
