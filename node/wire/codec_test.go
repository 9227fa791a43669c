package wire_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRoundTripThroughFramesInChunks(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := rapid.SliceOfN(messages(), 1, 5).Draw(t, "messages")
				most := rapid.SampledFrom([]int{1, 3, 40, 1500}).Draw(t, "most")
				payloads, buffered, err := decodeIn(framed(t, c, want...), func() int { return rapid.IntRange(1, most).Draw(t, "chunk") })
				require.NoError(t, err)
				require.Zero(t, buffered)
				require.Len(t, payloads, len(want))
				for i, p := range payloads {
					b := []byte(p)
					got, err := c.Decode(b)
					require.NoError(t, err)
					clear(b) // the message shares no memory with it
					require.Equal(t, want[i], got)
				}
			})
		})
	}
}

func TestByName(t *testing.T) {
	for _, c := range codecs {
		got, err := wire.ByName(c.Name())
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
	_, err := wire.ByName("JSON")
	require.EqualError(t, err, `codec "JSON": want binary, cbor or json`)
}

func TestEmptyListsDecodeAsNil(t *testing.T) {
	for _, c := range codecs {
		b, err := c.Append(nil, &node.Commit{Value: &node.Value{Window: []node.Entry{}}})
		require.NoError(t, err)
		got, err := c.Decode(b)
		require.NoError(t, err)
		require.Equal(t, &node.Commit{Value: &node.Value{}}, got)
	}
}

func TestTheLargestMessageFitsInAFrame(t *testing.T) {
	worst := func(n int) string { return strings.Repeat("\x01", n) } // six bytes each in JSON
	v := &node.Value{Version: 1<<64 - 1, Serial: 1<<64 - 1, State: worst(fsm.MaxText), StateBefore: worst(fsm.MaxText)}
	for range node.MaxDedupWindow {
		v.Window = append(v.Window, node.Entry{ID: node.OpID(worst(64)), To: worst(128)})
	}
	v.Window[7].To = worst(fsm.MaxText)
	ballot := node.Ballot{Epoch: 1<<32 - 1, Round: 1<<64 - 1, Node: 1<<16 - 1, Boot: 1<<64 - 1}
	read := node.ReadID{Node: 1<<16 - 1, Boot: 1<<64 - 1, Seq: 1<<64 - 1}
	request := &node.RepairRequest{Exchange: read, Digest: 1<<64 - 1, Progress: 1<<64 - 1}
	report := &node.RepairReport{Exchange: read, Digest: 1<<64 - 1, Progress: 1<<64 - 1, RangesAnswered: 1<<16 - 1, WantsAnswered: 1<<16 - 1}
	for range node.MaxRepairList {
		request.Wants = append(request.Wants, worst(wire.MaxKey))
		request.Ranges = append(request.Ranges, node.HashRange{Path: 1<<64 - 1, Depth: 16, Digest: 1<<64 - 1})
		report.Items = append(report.Items, node.RepairItem{Key: worst(wire.MaxKey), Ballot: ballot, Chosen: true})
	}
	report.Ranges = request.Ranges
	most := &member.Introduction{Incarnation: idFrom("A"), Boot: 1<<64 - 1, Life: 1<<64 - 1, Position: 1<<64 - 1, Stage: member.Formed, Cluster: idFrom("all"),
		Answer: true, Abstains: true, More: bytes.Repeat([]byte{0xff}, member.MaxMore)}
	for range node.MaxParticipants {
		most.Members = append(most.Members, member.Identity{ID: 1<<16 - 1, Incarnation: idFrom("B")})
	}
	for range member.MaxPast {
		most.Past = append(most.Past, member.Life{Boot: 1<<64 - 1, ID: 1<<64 - 1, End: 1<<64 - 1})
	}
	for range member.MaxKnown {
		most.Known = append(most.Known, member.Testimony{Of: 1<<16 - 1, By: 1<<16 - 1,
			Memory: member.Memory{Incarnation: idFrom("B"), Boot: 1<<64 - 1, Life: 1<<64 - 1, Position: 1<<64 - 1}})
	}
	for _, m := range []node.Message{
		&node.Proposal{Phase: node.Accept, Key: worst(wire.MaxKey), Ballot: ballot, Value: v, Next: ballot, First: node.OpID(worst(64))},
		request, report, most,
	} {
		for _, c := range codecs {
			stream := framed(t, c, m)
			t.Logf("%T %s: %d bytes", m, c.Name(), len(stream))
			got, err := c.Decode(stream[8:])
			require.NoError(t, err)
			require.Equal(t, m, got)
		}
	}
}

type unknownMessage struct{ node.Message }

// Append refuses the messages that Decode would refuse, and leaves dst unchanged.
func TestAppendRefuses(t *testing.T) {
	long, longer := strings.Repeat("x", 300), strings.Repeat("x", 16500)
	for want, m := range map[string]node.Message{
		"unknown type <nil>":                               nil,
		"unknown type wire_test.unknownMessage":            unknownMessage{},
		"phase: missing":                                   &node.Proposal{},
		"phase: 3 is not known, 1 to 2 are":                &node.Acknowledgment{Phase: 3},
		"kind: 4 is not known, 1 to 3 are":                 &node.Request{Kind: 4},
		"outcome: missing":                                 &node.Reply{Kind: node.Read},
		`reason: "bored" is not known`:                     &node.Reject{Phase: node.Accept, Reason: "bored"},
		"key: 300 bytes, at most 257":                      &node.Commit{Key: long},
		"first: 300 bytes, at most 64":                     &node.ReadRequest{First: node.OpID(long)},
		"id: 300 bytes, at most 64":                        &node.Request{Kind: node.Read, ID: node.OpID(long)},
		"to: 16500 bytes, at most 16384":                   &node.Request{Kind: node.Propose, To: longer},
		"state: 16500 bytes, at most 16384":                &node.Reply{Kind: node.Read, Outcome: node.Committed, State: longer},
		"value.state: 16500 bytes, at most 16384":          &node.Commit{Value: &node.Value{State: longer}},
		"value.before: 16500 bytes, at most 16384":         &node.Commit{Value: &node.Value{StateBefore: longer}},
		"value.recent[0].kind: 4 is not known, 0 to 3 are": &node.Commit{Value: &node.Value{Window: []node.Entry{{Kind: 4}}}},
		"value.recent[0].to: missing":                      &node.Commit{Value: &node.Value{Window: []node.Entry{{Kind: node.EntryTombstone}}}},
		"value.recent[0].to: 300 bytes, at most 128":       &node.Commit{Value: &node.Value{Window: []node.Entry{{Kind: node.EntryTombstone, Requested: long}}}},
		"value.recent: 257 entries, at most 256":           &node.Commit{Value: valueWithWindow(257)},
		"value.recent[1].to: 300 bytes, at most 128":       &node.ReadReport{Value: &node.Value{Window: []node.Entry{{To: long}, {To: long}}}},
		`key: "a\xff" is not UTF-8`:                        &node.ReadRequest{Key: "a\xff"},
		"wants: 513, at most 512":                          &node.RepairRequest{Wants: make([]string, 513)},
		"ranges: 513, at most 512":                         &node.RepairReport{Ranges: make([]node.HashRange, 513)},
		"items: 513, at most 512":                          &node.RepairReport{Items: make([]node.RepairItem, 513)},
		"items[1].key: 300 bytes, at most 257":             &node.RepairReport{Items: []node.RepairItem{{}, {Key: long}}},
		"stage: 3: want 0 to 2":                            &member.Introduction{Stage: 3},
		"members: 9, at most 8":                            &member.Introduction{Members: make([]member.Identity, 9)},
		"past: 33, at most 32":                             &member.Introduction{Past: make([]member.Life, 33)},
		"known: 15, at most 14":                            &member.Introduction{Known: make([]member.Testimony, 15)},
		"more: 10241 bytes, at most 10240":                 &member.Introduction{More: make([]byte, 10241)},
	} {
		for _, c := range codecs {
			before := []byte("before")
			after, err := c.Append(before, m)
			require.ErrorIs(t, err, wire.ErrMessage)
			require.EqualError(t, err, "not a message: "+c.Name()+": "+want)
			require.Equal(t, "before", string(after))
			after, err = wire.AppendMessage(before, c, m)
			require.ErrorIs(t, err, wire.ErrMessage)
			require.Equal(t, "before", string(after))
		}
	}
}

// The register of the configuration has a long text in each entry of its window.
func TestEntriesOfTheConfigurationAreLong(t *testing.T) {
	v := &node.Value{State: "x", Version: 2, Serial: 2}
	for i := range 16 {
		v.Window = append(v.Window, node.Entry{ID: node.OpID(fmt.Sprint("(epoch)", i)), Kind: node.EntryTransition, To: strings.Repeat("c", 2000)})
	}
	for _, m := range []node.Message{
		&node.Proposal{Phase: node.Accept, Key: configuration.Key, Value: v}, &node.Commit{Key: configuration.Key, Value: v},
		&node.Proposal{Phase: node.Accept, Key: configuration.Key, Extension: &node.Extension{Entries: v.Window}},
		&node.RepairValue{Key: configuration.Key, Value: v},
	} {
		for _, c := range codecs {
			data, err := c.Append(nil, m)
			require.NoError(t, err)
			got, err := c.Decode(data)
			require.NoError(t, err)
			require.Equal(t, m, got)
		}
	}
}
