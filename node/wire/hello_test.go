package wire_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func hello() wire.Hello {
	return wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: [16]byte([]byte("0123456789abcdef")), Node: 1,
		Life: 0x0807060504030201, Epoch: 1, Codec: "cbor", Level: node.LevelCBOR}
}

// helloFields are the fields of hello, encoded as in the package comment.
var helloFields = []string{
	"\x01\x02\x01\x00",
	"\x02\x04\x01\x00\x00\x00",
	"\x03\x100123456789abcdef",
	"\x04\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x05\x08\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x06\x08\x01\x02\x03\x04\x05\x06\x07\x08",
	"\x07\x04cbor",
}

// codecsField is the field that older builds skip.
const codecsField = "\x80\x11\x06binary\x04cbor\x04json"

// helloBytes encodes a Hello with the given versions and fields.
func helloBytes(protocol, oldest uint16, fields ...string) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("lockstep"), protocol)
	b = binary.LittleEndian.AppendUint16(b, oldest)
	for _, f := range fields {
		b = append(b, f...)
	}
	return b
}

func TestHelloLayout(t *testing.T) {
	b := wire.AppendHello([]byte("before"), hello())
	require.Equal(t, "before"+string(helloBytes(2, 2, helloFields...)), string(b))

	h := hello()
	h.Codecs = []string{"binary", "cbor", "json"}
	b = wire.AppendHello(nil, h)
	require.Equal(t, string(helloBytes(2, 2, append(helloFields, codecsField)...)), string(b))

	h.Level = node.LevelExtensions
	b = wire.AppendHello(nil, h)
	require.Equal(t, string(helloBytes(2, 2, append(helloFields, codecsField, "\x81\x00")...)), string(b))

	h.Level = node.LevelMembers
	b = wire.AppendHello(nil, h)
	require.Equal(t, string(helloBytes(2, 2, append(helloFields, codecsField, "\x81\x01\x04")...)), string(b))
}

func TestHelloRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := hello()
		want.Node, want.Epoch = node.ID(rapid.Uint16().Draw(t, "node")), rapid.Uint32().Draw(t, "epoch")
		want.Life = rapid.Uint64().Draw(t, "life")
		copy(want.Cluster[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "cluster"))
		want.Codec = rapid.StringMatching(`[a-z]{0,8}`).Draw(t, "codec")
		want.Codecs = rapid.OneOf(rapid.Just([]string(nil)), rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,8}`), 1, 16)).Draw(t, "codecs")
		want.Level = node.LevelCBOR
		if want.Codecs != nil {
			want.Level = node.LevelBinary
		}
		if rapid.Bool().Draw(t, "has a level") {
			want.Level = node.Level(rapid.Uint8Min(uint8(node.LevelExtensions)).Draw(t, "level"))
		}
		want.Protocol = rapid.Uint16Min(wire.Protocol).Draw(t, "protocol")
		want.Oldest = rapid.Uint16Range(0, wire.Protocol).Draw(t, "oldest")
		got, err := wire.DecodeHello(wire.AppendHello(nil, want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestHelloRefusesWhatIsNone(t *testing.T) {
	without := func(i int) []byte {
		fields := append(append([]string{}, helloFields[:i]...), helloFields[i+1:]...)
		return helloBytes(2, 2, fields...)
	}
	instead := func(i int, field string) []byte {
		fields := append([]string{}, helloFields...)
		fields[i] = field
		return helloBytes(2, 2, fields...)
	}
	sound := helloBytes(2, 2, helloFields...)
	cases := map[string][]byte{
		"nothing":               {},
		"its first word":        []byte("lockstep"),
		"half a version":        []byte("lockstep\x02"),
		"another protocol":      []byte("GET / HTTP/1.1"),
		"a letter missing":      sound[1:],
		"one version":           sound[:10],
		"half of the range":     sound[:11],
		"no fields":             sound[:12],
		"a field's number":      append(bytes.Clone(sound), 200),
		"data cut off":          append(bytes.Clone(sound), 200, 3, 1, 2),
		"an unknown field":      append(bytes.Clone(sound), "\x08\x00"...),
		"the last such":         append(bytes.Clone(sound), "\x7f\x00"...),
		"field 0":               append(bytes.Clone(sound), "\x00\x00"...),
		"a field twice":         instead(1, helloFields[0]+helloFields[1]),
		"a field again":         append(bytes.Clone(sound), helloFields[6]...),
		"fields out of order":   helloBytes(2, 2, helloFields[1], helloFields[0]),
		"a short number":        instead(0, "\x01\x01\x01"),
		"a long number":         instead(1, "\x02\x05\x01\x00\x00\x00\x00"),
		"a short id":            instead(2, "\x03\x0fxxxxxxxxxxxxxxx"),
		"a long id":             instead(3, "\x04\x11xxxxxxxxxxxxxxxxx"),
		"an empty number":       instead(4, "\x05\x00"),
		"a long codec":          instead(6, "\x07\x09cborcborc"),
		"a zero in the codec":   instead(6, "\x07\x05cbor\x00"),
		"no codecs":             append(bytes.Clone(sound), "\x80\x00"...),
		"a codec without name":  append(bytes.Clone(sound), "\x80\x06\x04cbor\x00"...),
		"a codec cut off":       append(bytes.Clone(sound), "\x80\x04\x04cbo"...),
		"a long codec in it":    append(bytes.Clone(sound), "\x80\x0a\x09cborcborc"...),
		"a zero in one":         append(bytes.Clone(sound), "\x80\x05\x04cbo\x00"...),
		"too many codecs":       append(bytes.Clone(sound), "\x80\x22"+strings.Repeat("\x01x", 17)...),
		"codecs twice":          append(bytes.Clone(sound), codecsField+codecsField...),
		"an unknown one within": instead(2, "\x09\x00"+helloFields[2]),
	}
	for i := range helloFields {
		cases["missing "+string('1'+rune(i))] = without(i)
	}
	for end := 12; end < len(sound); end++ {
		cases["cut off"] = sound[:end]
		for name, b := range cases {
			_, err := wire.DecodeHello(b)
			require.ErrorIs(t, err, wire.ErrHello, "%s: %q", name, b)
		}
	}
}

// Earlier builds show their incarnation and boot. That is ignored.
func TestHelloOfEarlierBuild(t *testing.T) {
	fields := slices.Clone(helloFields)
	fields[3], fields[4] = "\x04\x10ABCDEFGHIJKLMNOP", "\x05\x08\x03\x00\x00\x00\x00\x00\x00\x00"
	got, err := wire.DecodeHello(helloBytes(2, 2, fields...))
	require.NoError(t, err)
	require.Equal(t, hello(), got)
}

// Unknown fields from 128 on are of later versions. They are skipped at any place.
func TestHelloPassesOverLaterFields(t *testing.T) {
	fields := []string{"\x82\x00"}
	for _, f := range helloFields {
		fields = append(fields, f, "\xc8\x03abc")
	}
	fields = append(fields, "\xff\xff"+string(make([]byte, 255)))
	got, err := wire.DecodeHello(helloBytes(2, 2, fields...))
	require.NoError(t, err)
	require.Equal(t, hello(), got)
}

// A build that speaks only version 1 sends its own layout. It is refused with an error
// that names the versions. Its fields are not decoded.
func TestHelloOfVersionOne(t *testing.T) {
	old := "lockstep\x01\x00\x02\x00\x01\x00\x00\x000123456789abcdefABCDEFGHIJKLMNOPcbor\x00\x00\x00\x00"
	theirs, err := wire.DecodeHello([]byte(old))
	require.NoError(t, err)
	require.Equal(t, wire.Hello{Protocol: 1, Oldest: 1}, theirs)
	err = wire.Check(hello(), theirs)
	require.ErrorIs(t, err, wire.ErrProtocol)
	require.EqualError(t, err, "protocols 1 to 1, want one of 2 to 2: the other side speaks no version of the protocol that this one does: run the same version everywhere")
}

// The Hello of a later build that still speaks this version is accepted. Other later
// builds are refused, whatever follows the versions.
func TestHelloOfLaterVersions(t *testing.T) {
	fields := append(append([]string{}, helloFields...), "\x82\x02hi")
	fields[0] = "\x01\x02\x02\x00"
	theirs, err := wire.DecodeHello(helloBytes(9, 2, fields...))
	require.NoError(t, err)
	require.Equal(t, uint16(9), theirs.Protocol)
	require.NoError(t, wire.Check(hello(), theirs))
	require.Equal(t, uint16(2), wire.AgreedProtocol(hello(), theirs))
	require.Equal(t, uint16(2), wire.AgreedProtocol(theirs, hello()))

	theirs, err = wire.DecodeHello(helloBytes(9, 3, "and more"))
	require.NoError(t, err)
	require.Equal(t, wire.Hello{Protocol: 9, Oldest: 3}, theirs)
	require.ErrorIs(t, wire.Check(hello(), theirs), wire.ErrProtocol)
	require.ErrorContains(t, wire.Check(hello(), theirs), "protocols 3 to 9, want one of 2 to 2")
}

// The two sides of a connection use the latest version that both know.
func TestAgreed(t *testing.T) {
	for _, x := range []struct{ low, high, oldest, latest, agreed uint16 }{
		{2, 2, 2, 2, 2},
		{2, 5, 3, 4, 4},
		{2, 3, 3, 9, 3},
		{2, 2, 3, 3, 0},
		{2, 5, 6, 9, 0},
		{4, 3, 2, 9, 0}, // an empty range
		{1, 1, 1, 1, 1},
	} {
		a, b := wire.Hello{Oldest: x.low, Protocol: x.high}, wire.Hello{Oldest: x.oldest, Protocol: x.latest}
		require.Equal(t, x.agreed, wire.AgreedProtocol(a, b), x)
		require.Equal(t, x.agreed, wire.AgreedProtocol(b, a), x)
	}
}

func TestCheck(t *testing.T) {
	for _, x := range []struct {
		change func(*wire.Hello)
		want   error
		says   string
	}{
		{func(h *wire.Hello) { h.Life++ }, nil, ""},
		{func(h *wire.Hello) { h.Protocol = 7 }, nil, ""},
		{func(h *wire.Hello) { h.Oldest = 0 }, nil, ""},
		{func(h *wire.Hello) { h.Protocol, h.Oldest = 8, 7 }, wire.ErrProtocol, "protocols 7 to 8, want one of 2 to 2"},
		{func(h *wire.Hello) { h.Oldest = 3 }, wire.ErrProtocol, "protocols 3 to 2, want one of 2 to 2"},
		{func(h *wire.Hello) { h.Cluster[0] = 0 }, wire.ErrCluster, "cluster 0031"},
		{func(h *wire.Hello) { h.Epoch = 3 }, nil, ""},
		{func(h *wire.Hello) { h.Codec = "json" }, wire.ErrCodec, `codec "json", want "cbor"`},
		{func(h *wire.Hello) { h.Codec, h.Codecs = "json", []string{"new", "cbor"} }, nil, ""},
		{func(h *wire.Hello) { h.Codecs = []string{"new", "json"} }, wire.ErrCodec, `codec "new, json", want "cbor"`},
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

// The sender's order decides, among the codecs that both sides read.
func TestAgreedCodec(t *testing.T) {
	offer := func(c wire.Codec) (h wire.Hello) {
		h.OfferCodecs(c)
		return h
	}
	only := func(name string) wire.Hello { return wire.Hello{Codec: name} }
	for _, x := range []struct {
		sender, receiver wire.Hello
		want             wire.Codec
	}{
		{offer(wire.Binary{}), offer(wire.JSON{}), wire.Binary{}},
		{offer(wire.JSON{}), offer(wire.Binary{}), wire.JSON{}},
		{offer(wire.CBOR{}), offer(wire.CBOR{}), wire.CBOR{}},
		{offer(wire.Binary{}), only("cbor"), wire.CBOR{}}, // an earlier build
		{only("cbor"), offer(wire.Binary{}), wire.CBOR{}},
		{offer(wire.JSON{}), only("cbor"), wire.CBOR{}},
		{only("json"), only("json"), wire.JSON{}},
		{only("json"), only("cbor"), nil},
		{only("new"), only("new"), nil}, // not of this build
		{wire.Hello{Codecs: []string{"new", "cbor"}}, offer(wire.Binary{}), wire.CBOR{}},
	} {
		require.Equal(t, x.want, wire.AgreedCodec(x.sender, x.receiver), "%+v", x)
	}
	require.Equal(t, "cbor", offer(wire.Binary{}).Codec, "for earlier builds")
	require.Equal(t, []string{"json", "binary", "cbor"}, offer(wire.JSON{}).Codecs)
}

// Any bytes decode as a Hello or are refused, and a decoded Hello is the same after
// another round trip.
func FuzzHello(f *testing.F) {
	f.Add(helloBytes(2, 2, helloFields...))
	f.Add(helloBytes(9, 2, append(helloFields, "\x81\x02hi")...))
	f.Add(helloBytes(2, 2, append(helloFields, codecsField)...))
	f.Add(helloBytes(9, 3, "and more"))
	f.Add([]byte("lockstep\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := wire.DecodeHello(b)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrHello)
			return
		}
		again, err := wire.DecodeHello(wire.AppendHello(nil, h))
		require.NoError(t, err)
		if wire.AgreedProtocol(wire.Hello{Oldest: wire.OldestProtocol, Protocol: wire.Protocol}, h) != 0 {
			require.Equal(t, h, again)
		}
	})
}
