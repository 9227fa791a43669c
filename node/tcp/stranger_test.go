package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Who is refused learns the code of the reason, and nothing else: no Hello of the node.
func TestStrangersLearnACode(t *testing.T) {
	for _, c := range []struct {
		change func(*wire.Hello)
		code   byte
	}{
		{func(h *wire.Hello) { h.Protocol, h.Oldest = 9, 8 }, 1},
		{func(h *wire.Hello) { h.Cluster[3] = 1 }, 2},
		{func(h *wire.Hello) { h.Codec = "morse" }, 4},
		{func(h *wire.Hello) { h.Node = 1 }, 5},
		{func(h *wire.Hello) { h.Node = 9 }, 6},
	} {
		t.Run(fmt.Sprint("code ", c.code), func(t *testing.T) {
			m := startAlone(t)
			s, h := dial(t, m.address), hello(2)
			c.change(&h)
			s.sendFrame(wire.AppendHello(nil, h))
			require.Equal(t, []byte{2, c.code}, s.mustReadFrame())
			s.requireClosed()
		})
	}
}

// A caller that is refused in a member's name, each time for another reason, is logged once in a
// while, with the number of the refusals left out: otherwise strangers would fill the log.
func TestRefusedCallersAreLoggedRarely(t *testing.T) {
	m, began := startAlone(t), time.Now()
	for i := range 50 {
		s, h := dial(t, m.address), hello(2)
		h.Cluster[3] = byte(100 + i)
		s.sendFrame(wire.AppendHello(nil, h))
		require.Equal(t, []byte{2, 2}, s.mustReadFrame())
	}
	eventually(t, "all are refused", func() bool { return m.ListenerStats().Refused == 50 })
	logged := m.log.with("handshake with peer refused")
	require.Positive(t, logged)
	require.LessOrEqual(t, logged, 1+int(time.Since(began)/tcp.WarnInterval))
}

// A member is told the number, the cluster and the codecs of the node that it has
// dialled, and no life: with it the member could pose as that node at a third.
func TestAcceptorShowsNoLife(t *testing.T) {
	m := startAlone(t)
	s := dial(t, m.address)
	s.sendFrame(wire.AppendHello(nil, hello(2)))
	got, err := wire.DecodeHello(s.mustReadFrame())
	require.NoError(t, err)
	want := hello(1)
	want.Life = 0
	require.Equal(t, want, got)
}

// Each code is understood by the node that is refused. A code of a later version, and
// the text of an earlier one, are refusals too; nothing else is.
func TestVerdicts(t *testing.T) {
	for verdict, want := range map[string]string{
		"\x02\x01":    "no version of the protocol in common",
		"\x02\x02":    "another cluster",
		"\x02\x03":    "different members",
		"\x02\x04":    "no codec in common",
		"\x02\x05":    "the same number",
		"\x02\x06":    "not one of its members",
		"\x02\x07":    "another member than this node",
		"\x02\x08":    "the certificate with its own number",
		"\x02\x09":    "removed from the members",
		"\x02\x0a":    "a reason that this version does not know",
		"\x02\x00":    "a reason that this version does not know",
		"\x02":        "a reason that this version does not know",
		"\x02\x02 ":   "a reason that this version does not know",
		"\x02no, you": `for this reason: "no, you"`,
		// The words of a stopped node's own error are words: only a log shows them.
		"\x02this node's log has lost promises": `for this reason: "this node's log has lost promises"`,
	} {
		err := tcp.DecodeVerdict([]byte(verdict))
		require.ErrorIs(t, err, tcp.ErrPeerRefused, "%q", verdict)
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, tcp.DecodeVerdict([]byte{1}))
	for _, verdict := range []string{"", "\x00", "\x03", "\x01\x01", "yes"} {
		require.NotErrorIs(t, tcp.DecodeVerdict([]byte(verdict)), tcp.ErrPeerRefused)
		require.Error(t, tcp.DecodeVerdict([]byte(verdict)))
	}
}

// A refusal, whatever it says, changes nothing at the node that is refused: it goes on
// and dials again.
func TestRefusalChangesNothing(t *testing.T) {
	requireNoGoroutines(t)
	liar := refusingPeer(t, 2, []byte("\x02this node's log has lost promises"))
	threeAt := listen(t, "127.0.0.1:0")
	m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: liar, 3: threeAt.Addr().String()})
	three := start(t, threeAt, 3, map[node.ID]string{1: m.address})
	eventually(t, "several refusals", func() bool { return m.peer(2).Failures > 3 })
	eventually(t, "the other peer", func() bool { return m.peer(3).Up })
	require.True(t, m.Send(3, numbered(1)))
	eventually(t, "delivery", func() bool { return len(three.from(1)) == 1 })
}

// A node learns which peers of its cluster refuse it as one that was removed, and nothing else
// of a refusal. One of another formed cluster, or without a proof, only says so.
func TestRefusalOfAFormerMemberIsTold(t *testing.T) {
	requireNoGoroutines(t)
	said := make(chan node.ID, 1000)
	formed := [16]byte{8}
	no := func(proof []byte) []byte { return append([]byte{2, 9}, proof...) }
	another := hello(1)
	another.Life++
	peers := map[node.ID]string{
		2: refusingPeer(t, 2, no(tcp.FormerProof(formed, hello(1)))),
		3: refusingPeer(t, 3, no(tcp.FormerProof([16]byte{9}, hello(1)))),
		4: refusingPeer(t, 4, no(tcp.FormerProof(formed, another))),
		5: refusingPeer(t, 5, no(nil)),
		6: refusingPeer(t, 6, []byte{2, 6}),
	}
	m := start(t, listen(t, "127.0.0.1:0"), 1, peers, func(c *tcp.Config) {
		c.Removed, c.Formed = func(by node.ID) { said <- by }, func() [16]byte { return formed }
	})
	for id := range peers {
		eventually(t, "several refusals", func() bool { return m.peer(id).Failures > 3 })
	}
	for id := node.ID(2); id <= 5; id++ {
		require.Contains(t, m.peer(id).LastError, "this node was removed from the members")
	}
	require.NoError(t, m.Close())
	close(said)
	told := 0
	for by := range said {
		require.EqualValues(t, 2, by)
		told++
	}
	require.GreaterOrEqual(t, told, 3)
}

// Others who connect in a peer's name do not end the connection of its confirmed life,
// however many they are. Of theirs, only a few are kept.
func TestImpostorsDoNotReplaceThePeer(t *testing.T) {
	m := startAlone(t)
	genuine := dial(t, m.address)
	genuine.handshake(hello(2))
	_, _ = genuine.Write(message(t))
	eventually(t, "delivery", func() bool { return len(m.from(2)) == 1 })
	m.Confirm(2, lifeOf(2))
	var impostors []*rawConn
	for i := range 20 {
		s, h := dial(t, m.address), hello(2)
		h.Life = uint64(i)
		s.handshake(h)
		_, _ = s.Write(message(t))
		eventually(t, "delivery", func() bool { return len(m.from(2)) == i+2 })
		impostors = append(impostors, s)
	}
	for _, s := range impostors[:16] {
		s.requireClosed()
	}
	_, _ = genuine.Write(message(t))
	eventually(t, "delivery from the genuine one", func() bool { return len(m.from(2)) == 22 })
	require.Equal(t, lifeOf(2), m.livesOf(2)[21])

	_, _ = impostors[19].Write(message(t))
	eventually(t, "delivery from an impostor", func() bool { return len(m.from(2)) == 23 })
	require.EqualValues(t, 19, m.livesOf(2)[22], "the life that it has shown")

	again := dial(t, m.address) // the peer has lost its connection
	again.handshake(hello(2))
	genuine.requireClosed()
	_, _ = again.Write(message(t))
	eventually(t, "delivery from the genuine one", func() bool { return len(m.from(2)) == 24 })
}

// A restarted peer is heard though impostors hold all places.
func TestRestartedPeerIsHeardAmongImpostors(t *testing.T) {
	m := startAlone(t)
	m.Confirm(2, lifeOf(2))
	for i := range 10 {
		s, h := dial(t, m.address), hello(2)
		h.Life = uint64(i)
		s.handshake(h)
	}
	s, h := dial(t, m.address), hello(2)
	h.Life = 0xabc
	s.handshake(h)
	_, _ = s.Write(message(t))
	eventually(t, "delivery", func() bool { return len(m.from(2)) == 1 })
	require.EqualValues(t, 0xabc, m.livesOf(2)[0])
}
