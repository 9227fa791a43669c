package wire_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// windowSamples returns commits of values with dedup windows that the binary codec
// encodes in different ways.
func windowSamples() (list []node.Message) {
	// value returns the value of a machine that began in A and has made the transitions to
	// some states. A state in lower case is one that a tombstone's operation requested.
	value := func(states ...string) *node.Value {
		v := &node.Value{State: "A", StateBefore: "A"}
		for i, s := range states {
			e := node.Entry{ID: node.OpID(fmt.Sprint("c.", i)), To: v.State}
			v.Serial++
			switch upper := strings.ToUpper(s); {
			case s == "-":
				e.Kind = node.EntryTombstoneIllegal
			case s != upper:
				e.Kind, e.Requested = node.EntryTombstone, upper
			default:
				v.Version++
				v.State, e.To = s, s
			}
			v.Window = append(v.Window, e)
		}
		return v
	}
	other := value("B", "C")
	other.State = "A"
	fewer := value("B")
	fewer.Serial = 0 // less than the version
	for _, v := range []*node.Value{
		value("A"), value("a"), value("B", "A", "B"), value("B", "a", "b", "x", "-", "A"),
		value("B", "C", "D", "E", "F", "G", "H", "A"), // as far back as a reference goes
		value("B", "C", "D", "E", "F", "G", "H", "I", "A"),
		value("B", "B", "A"), other, fewer,
	} {
		list = append(list, &node.Commit{Key: "d/m", Value: v, First: "c.0"})
	}
	return list
}

// A message has one encoding: any other bytes are refused, or are those of another
// message.
func TestBinaryIsCanonical(t *testing.T) {
	for _, m := range append(samples(), windowSamples()...) {
		b, err := wire.Binary{}.Append(nil, m)
		require.NoError(t, err)
		for n := range b {
			_, err := wire.Binary{}.Decode(b[:n])
			require.ErrorIs(t, err, wire.ErrMessage, "%v: %d bytes", m, n)
		}
		_, err = wire.Binary{}.Decode(append(b, 0))
		require.ErrorContains(t, err, "not a message: binary: 1 bytes after the message")
		for i := range b {
			sound := b[i]
			for b[i]++; b[i] != sound; b[i]++ {
				other, err := wire.Binary{}.Decode(b)
				if errors.Is(err, wire.ErrMessage) {
					continue
				}
				again, encodeErr := wire.Binary{}.Append(nil, other)
				if err != nil || encodeErr != nil || string(again) != string(b) {
					t.Fatalf("%x is %v, %v, and that is %x, %v", b, other, err, again, encodeErr)
				}
			}
		}
	}
}

func TestStrictBinary(t *testing.T) {
	const none = "" // marks a sound message
	text := func(s string) string { return fmt.Sprintf("%02x%x", len(s), s) }
	long := hex.EncodeToString([]byte(strings.Repeat("x", 258)))
	// commit is a commit without a key and a ballot, with the given flags and value.
	commit := func(flags, value string) string { return "04" + flags + "0000" + value }
	window := func(size string, entries ...string) string {
		return "0000" + size + text("A") + strings.Join(entries, "")
	}
	a := func(kind string) string { return text("a") + kind }
	for _, x := range []struct{ hex, want string }{
		{"", "0 bytes: want a type and flags"},
		{"05", "1 bytes: want a type and flags"},
		{"0000", "unknown type 0x0"},
		{"0e00", "unknown type 0xe"},
		{"0500" + "0301" + "612f6263" + "020109", none},
		{"0500" + "0301" + "612f6263" + "020109" + "00", "1 bytes after the message"},
		{"0501" + "0301" + "612f6263" + "020109", "flags: 0x1 is not known"},
		{"0500" + "0301" + "612f6263" + "0201", "read.sequence: cut off"},
		{"0500" + "0301" + "612f6263" + "02", "read.boot: cut off"},
		{"0500" + "0301" + "612f62", "first: cut off"},
		{"0500" + "0301" + "61", "key: cut off"},
		{"0500" + "03", "first: cut off"},
		{"0500" + "8302" + "00" + long, "key: cut off"},
		{"0500" + "8202" + "00" + long + "020109", "key: 258 bytes, at most 257"},
		{"0500" + "00" + "8202" + long + "020109", "first: 258 bytes, at most 64"},
		{"0500" + "ffffffffffffffffff01" + "01" + "61", "key: cut off"}, // the sum of the lengths is 0
		{"0500" + "01" + "ffffffffffffffffff01" + "61", "first: cut off"},
		{"0500" + "ffffffffffffffffffff01" + "00", "key: more than 64 bits"},
		{"0500" + "8300" + "01" + "612f6263" + "020109", "key: not its only form: longer than it needs"},
		{"0500" + "0301" + "612fff63" + "020109", `key: "a/\xff" is not UTF-8`},
		{"0500" + "0301" + "612f6263" + "8080040109", "read.node: 65536 is out of range"},
		{"0500" + "0301" + "612f6263" + "820001" + "09", "read.node: not its only form: longer than it needs"},

		{commit("00", ""), none},
		{commit("01", "01020301"), none},
		{commit("01", "010203"), "ballot.boot: cut off"},
		{commit("01", "00000000"), "ballot: not its only form: zeros, and not left out"},
		{commit("01", "8080808010020301"), "ballot.epoch: 4294967296 is out of range"},
		{commit("04", ""), "flags: 0x4 is not known"},
		{commit("80", ""), "flags: 0x80 is not known"},

		{commit("02", "00000000"), none},
		{commit("02", "000000"), "value.before: cut off"},
		{commit("02", window("02", a("00"+text("B")))), none},
		{commit("02", window("03", a("00"+text("B")), text("A"))), none},
		{commit("02", window("03", a("00"+text("B")), text("B"))), "value.state: not its only form: that of the last entry, and not left out"},
		{commit("02", window("03", a("00"+text("B")))), "value.state: cut off"},
		{commit("02", window("02", a("04"))), none},
		{commit("02", window("02", a("00"+text("A")))), `value.recent[0].to: not its only form: reference 0 for "A", want 1`},
		{commit("02", window("02", a("08"))), `value.recent[0].to: not its only form: reference 2 for "", want 0`},
		{commit("02", window("04", a("04"), a("08"))), `value.recent[1].to: not its only form: reference 2 for "A", want 1`},
		{commit("02", window("02", a("fc"))), `value.recent[0].to: not its only form: reference 63 for "", want 0`},
		{commit("02", window("02", a("03"+text("B")))), none},
		{commit("02", window("02", a("03"+text("")))), "value.recent[0].to: missing"},
		{commit("02", window("02", a("01"))), none},
		{commit("02", window("02", a("05"))), "value.recent[0].to: tombstone-illegal has none"},
		{commit("02", window("02", a("06"))), "value.recent[0].to: tombstone-mismatch has none"},
		{commit("02", window("02", text("a"))), "value.recent[0].kind: cut off"},
		{commit("02", window("02", "8202"+long+"04")), "value.recent[0].id: 258 bytes, at most 64"},
		{commit("02", window("02", a("03"+"8202"+long))), "value.recent[0].to: 258 bytes, at most 128"},
		{commit("02", window("8004", strings.Repeat(a("04"), 256))), none},
		{commit("02", window("8204", strings.Repeat(a("04"), 257))), "value.recent: 257 entries, at most 256"},
		{commit("02", window("80ffffffffffffff7f")), "value.recent: 4611686018427387840 entries, at most 256"},
		{commit("02", window("06", a("04"))), "value.recent[1].id: cut off"},
		{commit("02", "000040"+"01"), "value.recent: cut off"},

		{"0302" + "0000" + "01020301" + "00", none}, // a prepare without reason
		{"0302" + "0000" + "01020301" + "11", "reason: 17 is not known"},
		{"0300" + "0000" + "8002", "reason: 256 is out of range"},
		{"0700" + "0000" + "00" + "01000000", none},
		{"0700" + "0000" + "00" + "00000000", "kind: missing"},
		{"0700" + "0000" + "00" + "04000000", "kind: 4 is not known, 1 to 3 are"},
		{"0700" + "0000" + "00" + "01808080801000" + "00", "attempt: 4294967296 is out of range"},
		{"0704" + "0000" + "00" + "01000000", "flags: 0x4 is not known"},
		{"0800" + "0000" + "01" + "00" + "04" + "00000000", "outcome: 4 is not known, 1 to 3 are"},
		{"0800" + "0000" + "01" + "00" + "00" + "00000000", "outcome: missing"},

		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "00" + "00", none},
		{"0900" + "010101" + strings.Repeat("00", 7), "digest: cut off"},
		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "8104", "ranges: 513, at most 512"},
		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "05" + "00", "ranges: cut off"},
		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "01" + "1001" + strings.Repeat("00", 8) + "00", "ranges[0]: path 0x10 has more than 1 digits"},
		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "01" + "1001" + strings.Repeat("00", 7), "ranges[0].digest: cut off"},
		{"0900" + "010101" + strings.Repeat("00", 8) + "00" + "00" + "01" + "8202" + long, "wants[0]: 258 bytes, at most 257"},
		{"0a00" + "010101" + strings.Repeat("00", 8) + "00" + "0000" + "00" + "01" + "0200", none},
		{"0a00" + "010101" + strings.Repeat("00", 8) + "00" + "0000" + "00" + "01" + "0400", "items[0].flags: 0x4 is not known"},
		{"0a00" + "010101" + strings.Repeat("00", 8) + "00" + "0000" + "00" + "02" + "0000" + "01", "items[1].key: cut off"},
		{"0c00" + "00" + strings.Repeat("00", 8) + "0000" + "000000" + "00", none},
		{"0c01" + strings.Repeat("00", 16) + "00" + strings.Repeat("00", 8) + "0000" + "000000" + "00", "incarnation: not its only form: zeros, and not left out"},
		{"0c01" + strings.Repeat("01", 15), "incarnation: cut off"},
		{"0c00" + "00" + strings.Repeat("00", 8) + "0003" + "000000" + "00", "stage: 3: want 0 to 2"},
		{"0c00" + "00" + strings.Repeat("00", 8) + "0000" + "09" + strings.Repeat("0001", 9) + "0000" + "00", "members: 9, at most 8"},
		{"0c00" + "00" + strings.Repeat("00", 8) + "0000" + "01" + "0201" + "0000" + "00", "members[0].flags: 0x2 is not known"},
		{"0c00" + "00" + strings.Repeat("00", 8) + "0000" + "000000" + "8150" + strings.Repeat("ff", 10241), "more: 10241 bytes, at most 10240"},
	} {
		b, err := hex.DecodeString(x.hex)
		require.NoError(t, err, x.hex)
		m, err := wire.Binary{}.Decode(b)
		about := fmt.Sprintf("%.100s", x.hex)
		if x.want == none {
			require.NoError(t, err, about)
			again, err := wire.Binary{}.Append(nil, m)
			require.NoError(t, err, about)
			require.Equal(t, x.hex, hex.EncodeToString(again))
			continue
		}
		require.ErrorIs(t, err, wire.ErrMessage, about)
		require.EqualError(t, err, "not a message: binary: "+x.want, about)
		require.Nil(t, m)
	}
}

// A node keeps values for long, and drops the messages that brought them. So the texts of
// a value share memory that holds no other text, and states that come again are the same
// memory. A request's id goes into a value: it has memory of its own.
func TestDecodedTextsKeepLittleAlive(t *testing.T) {
	decoded := func(m node.Message) node.Message {
		b, err := wire.Binary{}.Append(nil, m)
		require.NoError(t, err)
		m, err = wire.Binary{}.Decode(b)
		require.NoError(t, err)
		return m
	}
	place := func(s string) int { return int(uintptr(unsafe.Pointer(unsafe.StringData(s)))) }

	sent := accept().(*node.Proposal)
	m := decoded(sent).(*node.Proposal)
	v := m.Value
	total := len(v.StateBefore)
	for _, e := range v.Window {
		total += len(e.ID) + 2
	}
	states := map[string]int{v.StateBefore: place(v.StateBefore)}
	for _, e := range v.Window {
		if at, ok := states[e.To]; ok {
			require.Equal(t, at, place(e.To), e.To)
			continue
		}
		states[e.To] = place(e.To)
		total += len(e.To) + 1
	}
	begin, end := place(v.StateBefore), place(v.StateBefore)+total
	for _, e := range v.Window {
		require.True(t, begin < place(string(e.ID)) && place(string(e.ID)) < end)
		require.True(t, begin <= place(e.To) && place(e.To) < end)
	}
	for _, s := range []string{m.Key, string(m.First)} {
		require.False(t, begin <= place(s) && place(s) < end)
	}
	require.Equal(t, place(m.Key)+len(m.Key), place(string(m.First)), "one string for both")

	r := decoded(&node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.2", To: "Running"}).(*node.Request)
	require.Equal(t, place(r.Key)+len(r.Key), place(r.To), "one string for both")
	require.NotEqual(t, place(r.To)+len(r.To), place(string(r.ID)))
}

// The same message goes to several peers, each with a goroutine of its own: encoding does
// not write to it, as the race detector would see.
func TestAMessageIsEncodedSeveralTimesAtOnce(t *testing.T) {
	for _, m := range append(samples(), windowSamples()...) {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				_, err := wire.Binary{}.Append(nil, m)
				assert.NoError(t, err)
			})
		}
		both.Wait()
	}
}
