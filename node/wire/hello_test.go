package wire_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func hello() wire.Hello {
	return wire.Hello{Protocol: wire.Protocol, Cluster: [16]byte([]byte("0123456789abcdef")), Node: 1,
		Incarnation: [16]byte([]byte("ABCDEFGHIJKLMNOP")), Epoch: 1, Codec: "cbor"}
}

func TestHelloLayout(t *testing.T) {
	b := wire.AppendHello([]byte("before"), hello())
	require.Equal(t, "beforelockstep\x01\x00\x01\x00\x01\x00\x00\x000123456789abcdefABCDEFGHIJKLMNOPcbor\x00\x00\x00\x00", string(b))
}

func TestHelloRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := hello()
		want.Node, want.Epoch = node.ID(rapid.Uint16().Draw(t, "node")), rapid.Uint32().Draw(t, "epoch")
		copy(want.Cluster[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "cluster"))
		copy(want.Incarnation[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "incarnation"))
		want.Codec = rapid.StringMatching(`[a-z]{0,8}`).Draw(t, "codec")
		got, err := wire.DecodeHello(wire.AppendHello(nil, want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestHelloRefusesWhatIsNone(t *testing.T) {
	sound := string(wire.AppendHello(nil, hello()))
	for _, b := range []string{"", "lockstep", "GET / HTTP/1.1", sound[:55], sound + "\x00", sound[1:],
		strings.Replace(sound, "cbor\x00\x00", "cbor\x00x", 1)} {
		_, err := wire.DecodeHello([]byte(b))
		require.ErrorIs(t, err, wire.ErrHello, "%q", b)
	}
}

// Of another version only the version is understood, whatever follows.
func TestHelloOfAnotherVersion(t *testing.T) {
	theirs, err := wire.DecodeHello([]byte("lockstep\x02\x00and more"))
	require.NoError(t, err)
	require.Equal(t, wire.Hello{Protocol: 2}, theirs)
	require.ErrorIs(t, wire.Check(hello(), theirs), wire.ErrProtocol)
}

func TestCheck(t *testing.T) {
	for _, x := range []struct {
		change func(*wire.Hello)
		want   error
		says   string
	}{
		{func(h *wire.Hello) { h.Incarnation[0]++ }, nil, ""},
		{func(h *wire.Hello) { h.Protocol = 7 }, wire.ErrProtocol, "protocol 7, want 1"},
		{func(h *wire.Hello) { h.Cluster[0] = 0 }, wire.ErrCluster, "cluster 0031"},
		{func(h *wire.Hello) { h.Epoch = 3 }, wire.ErrEpoch, "epoch 3, want 1"},
		{func(h *wire.Hello) { h.Codec = "json" }, wire.ErrCodec, `codec "json", want "cbor"`},
		{func(h *wire.Hello) { h.Node = 1 }, wire.ErrNode, "node 1, this is node 1"},
		{func(h *wire.Hello) { h.Node = 0 }, wire.ErrNode, "node 0, this is node 1"},
	} {
		theirs := hello()
		theirs.Node = 2
		x.change(&theirs)
		err := wire.Check(hello(), theirs)
		require.ErrorIs(t, err, x.want)
		if x.want != nil {
			require.ErrorContains(t, err, x.says)
		}
	}
}
