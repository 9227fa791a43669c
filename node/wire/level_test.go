package wire_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

// The files of testdata/levels were written by the last builds of each level, and never
// change. Of the latest level there are the other golden files.
var goldenLevels = []struct {
	level node.Level
	codec wire.Codec
	file  string
}{
	{node.LevelCBOR, wire.CBOR{}, "testdata/levels/1.cbor.txt"},
	{node.LevelBinary, wire.Binary{}, "testdata/levels/2.binary.txt"},
	{node.LevelExtensions, wire.Binary{}, "testdata/levels/3.binary.txt"},
}

// payloads returns the bytes of the messages in a golden file.
func payloads(t *testing.T, file string) (list [][]byte) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "# ") {
			b, err := hex.DecodeString(lines[i+1])
			require.NoError(t, err)
			list = append(list, b)
		}
	}
	return list
}

// Every message of an earlier build is read, and this build sends the same bytes to one.
func TestGoldenLevels(t *testing.T) {
	for _, x := range goldenLevels {
		list := payloads(t, x.file)
		require.Greater(t, len(list), 30)
		for _, b := range list {
			m, err := x.codec.Decode(b)
			require.NoError(t, err, "%v: %x", x.level, b)
			if in, ok := m.(*member.Introduction); ok && x.level < node.LevelMembers {
				in.More = nil // for later levels
				b, err = x.codec.Append(nil, m)
				require.NoError(t, err)
			}
			sent, err := x.codec.Append(nil, wire.AtLevel(m, x.level))
			require.NoError(t, err)
			require.Equal(t, b, sent, "%v: %v", x.level, m)
			require.NoError(t, beyond(x.level, m))
		}
	}
}

// beyond returns an error if builds of a level refuse a message. It repeats AtLevel on
// purpose, from the side of the receiver.
func beyond(l node.Level, m node.Message) error {
	reads := func(reason node.Reason) bool {
		return l >= node.LevelExtensions || reason != node.QuotaReached && reason != node.BaseNotHeld
	}
	key, _ := m.About()
	ok := key != configuration.Key || l >= node.LevelMembers
	switch m := m.(type) {
	case *node.Proposal:
		ok = ok && (m.Extension == nil || l >= node.LevelExtensions)
	case *node.Commit:
		ok = ok && (m.Value != nil || l >= node.LevelExtensions)
	case *node.Reject:
		ok = ok && reads(m.Reason)
	case *node.Reply:
		ok = ok && reads(m.Reason)
	case *member.Introduction:
		ok = ok && (len(m.More) <= 1024 && len(m.Members) <= 7 || l >= node.LevelMembers)
	}
	if !ok {
		return errBeyond
	}
	return nil
}

var errBeyond = errorText("not of that level")

type errorText string

func (e errorText) Error() string { return string(e) }

// A message in the form for a receiver is of its level, says the same, and shares nothing
// that was changed with the message, which others receive as well.
func TestAtLevel(t *testing.T) {
	ballot := node.Ballot{Epoch: 1, Round: 7, Node: 2, Boot: 1}
	v := valueWithWindow(2)
	commit := &node.Commit{Key: "lifecycle/a", Ballot: ballot, Value: v, First: "c1.2"}
	register := &node.Proposal{Phase: node.Accept, Key: configuration.Key, Ballot: ballot, Value: v}
	reject := func(r node.Reason) *node.Reject {
		return &node.Reject{Phase: node.Accept, Key: "lifecycle/a", Ballot: ballot, Reason: r}
	}
	reply := func(r node.Reason) *node.Reply {
		return &node.Reply{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.2", Attempt: 3, Outcome: node.Rejected, Reason: r}
	}
	introduction := func(members int, more []byte) *member.Introduction {
		return &member.Introduction{Boot: 1, Life: 7, Members: make([]member.Identity, members), More: more}
	}
	for name, x := range map[string]struct {
		m     node.Message
		since node.Level   // from which on m is sent as it is
		want  node.Message // in place of it; nil: nothing
	}{
		"a commit with its value":      {commit, node.LevelCBOR, nil},
		"a commit without its value":   {commit.WithoutValue(), node.LevelExtensions, commit},
		"a reason of all levels":       {reject(node.StaleBallot), node.LevelCBOR, nil},
		"a quota":                      {reject(node.QuotaReached), node.LevelExtensions, reject(node.Overloaded)},
		"a quota for a client":         {reply(node.QuotaReached), node.LevelExtensions, reply(node.Overloaded)},
		"another reply":                {reply(node.Timeout), node.LevelCBOR, nil},
		"a base that is not held":      {reject(node.BaseNotHeld), node.LevelExtensions, nil},
		"the register":                 {register, node.LevelMembers, nil},
		"an introduction":              {introduction(7, nil), node.LevelCBOR, nil},
		"one that shows a joining log": {introduction(0, []byte{4, 0}), node.LevelMembers, introduction(0, nil)},
		"one of eight members":         {introduction(8, nil), node.LevelMembers, nil},
	} {
		for l := node.LevelCBOR; l <= node.LatestLevel+1; l++ {
			before, err := wire.JSON{}.Append(nil, x.m)
			require.NoError(t, err)
			got := wire.AtLevel(x.m, l)
			if want := x.want; l >= x.since {
				require.Equal(t, x.m, got, "%s, %v", name, l)
			} else if want == nil {
				require.Nil(t, got, "%s, %v", name, l)
			} else {
				require.Equal(t, want, got, "%s, %v", name, l)
			}
			if got != nil {
				require.NoError(t, beyond(l, got), "%s, %v", name, l)
			}
			after, err := wire.JSON{}.Append(nil, x.m)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after), name)
		}
	}
}

// Both sides come to the same level, whatever the other one adds to it.
func TestAgreedLevel(t *testing.T) {
	at := func(b ...byte) node.Level {
		h, err := wire.DecodeHello(b)
		require.NoError(t, err)
		return h.Level
	}
	sound := helloBytes(2, 2, helloFields...)
	list := append([]byte(nil), append(sound, codecsField...)...)
	require.Equal(t, node.LevelCBOR, at(sound...))
	require.Equal(t, node.LevelBinary, at(list...))
	require.Equal(t, node.LevelExtensions, at(append(list, "\x81\x00"...)...))
	require.Equal(t, node.LevelExtensions, at(append(list, "\x81\x01\x01"...)...), "the field says so much")
	require.Equal(t, node.LevelMembers, at(append(list, "\x81\x01\x04"...)...))
	require.Equal(t, node.Level(9), at(append(list, "\x81\x03\x09ab"...)...), "a later build")

	for _, x := range [][3]node.Level{{0, 4, 1}, {1, 4, 1}, {2, 3, 2}, {4, 4, 4}, {4, 9, 4}} {
		a, b := wire.Hello{Level: x[0]}, wire.Hello{Level: x[1]}
		require.Equal(t, x[2], wire.AgreedLevel(a, b))
		require.Equal(t, x[2], wire.AgreedLevel(b, a))
	}
}
