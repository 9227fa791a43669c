package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var codecs = []wire.Codec{wire.JSON{}, wire.CBOR{}, wire.Binary{}}

// samples returns messages of every type, with and without optional fields.
func samples() []node.Message {
	ballot, next := node.Ballot{Epoch: 1, Round: 7, Node: 2, Boot: 1}, node.Ballot{Epoch: 1, Round: 8, Node: 2, Boot: 1}
	foreign := node.Ballot{Epoch: 2, Round: 1 << 40, Node: 65535, Boot: 300}
	read := node.ReadID{Node: 2, Boot: 1, Seq: 9}
	v := valueWithWindow(2)
	return []node.Message{
		&node.Proposal{Phase: node.Prepare, Key: "lifecycle/a", Ballot: ballot, First: "c1.1"},
		&node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Ballot: ballot, Value: v, Next: next, First: "c1.2"},
		&node.Acknowledgment{Phase: node.Prepare, Key: "lifecycle/a", Ballot: next, Accepted: ballot, Value: v, First: "c1.2"},
		&node.Acknowledgment{Phase: node.Prepare, Key: "lifecycle/a", Ballot: next, Value: &node.Value{State: "Init"}, First: "c1.2"},
		&node.Acknowledgment{Phase: node.Accept, Key: "lifecycle/a", Ballot: ballot, First: "c1.2"},
		&node.Acknowledgment{Phase: node.Accept, Key: "lifecycle/a", Ballot: ballot, First: "c1.2", At: 1 << 40},
		&node.Reject{Phase: node.Prepare, Key: "lifecycle/a", Ballot: ballot, Reason: node.StaleBallot, Promised: foreign, First: "c1.2"},
		&node.Reject{Phase: node.Accept, Key: "other/ü<>", Ballot: ballot, Reason: node.UnknownDefinition, First: "c1.2"},
		&node.Commit{Key: "lifecycle/a", Ballot: ballot, Value: v, First: "c1.2"},
		&node.ReadRequest{Key: "lifecycle/a", Read: read, First: "c1.3"},
		&node.ReadReport{Key: "lifecycle/a", Read: read, Accepted: ballot, Value: v, First: "c1.3"},
		&node.ReadReport{Key: "lifecycle/a", Read: read, First: "c1.3"},
		&node.ReadReport{Key: "lifecycle/a", Read: read, First: "c1.3", At: 4242},
		&node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.2", Attempt: 2, To: "Running", Watermark: 4, Retry: true, Expects: true, Expect: 4},
		&node.Request{Kind: node.ReadLocal, Key: "lifecycle/a", ID: "c1.4"},
		&node.Reply{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.2", Attempt: 2, Outcome: node.Committed, State: "Running", Version: 5},
		&node.Reply{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.2", Outcome: node.Rejected, Reason: node.Illegal, State: "Stopped", Version: 5},
		&node.Reply{Kind: node.Read, Key: "lifecycle/a", ID: "c1.3", Outcome: node.Unknown, Reason: node.Timeout},
		&node.RepairRequest{Exchange: read, Digest: 1<<64 - 1, Progress: 15},
		&node.RepairRequest{Exchange: read, Digest: 7, Ranges: []node.HashRange{{}, {Path: 15, Depth: 1}, {Path: 1<<64 - 1, Depth: 16}}, Wants: []string{"lifecycle/a"}},
		&node.RepairReport{Exchange: read},
		&node.RepairReport{Exchange: read, Digest: 7, Progress: 15, RangesAnswered: 3, WantsAnswered: 1, Ranges: []node.HashRange{{Path: 0xf3, Depth: 2, Digest: 1 << 63}},
			Items: []node.RepairItem{{Key: "lifecycle/a", Ballot: ballot, Chosen: true}, {Key: "lifecycle/b", Ballot: foreign}}},
		&node.RepairValue{Key: "lifecycle/a", Ballot: ballot, Value: v, Chosen: true},
		&node.RepairValue{Key: "lifecycle/a", Ballot: ballot, Value: v},
		&node.Reply{Kind: node.Read, Key: "lifecycle/a", ID: "c1.4", Outcome: node.Rejected, Reason: node.Abstains},
		&member.Introduction{Incarnation: idFrom("A"), Boot: 1, Life: 7, Members: []member.Identity{{ID: 1}, {ID: 2}}},
		&member.Introduction{Incarnation: idFrom("A"), Boot: 1, Life: 7, Position: 9, Stage: member.Bound, Cluster: idFrom("both"),
			Members: []member.Identity{{ID: 1, Incarnation: idFrom("A")}, {ID: 2, Incarnation: idFrom("B")}}},
		&member.Introduction{Incarnation: idFrom("A"), Boot: 3, Life: 1<<64 - 1, Position: 1 << 40, Stage: member.Formed, Cluster: idFrom("both"),
			Members: []member.Identity{{ID: 1, Incarnation: idFrom("A")}, {ID: 65535}},
			Past:    []member.Life{{Boot: 1, ID: 7, End: 42}, {Boot: 2, ID: 1 << 63}},
			Known: []member.Testimony{
				{Of: 2, By: 1, Memory: member.Memory{Incarnation: idFrom("B"), Boot: 5, Life: 8, Position: 99}},
				{Of: 2, By: 3, Memory: member.Memory{Incarnation: idFrom("B")}},
			},
			Answer: true, Abstains: true, More: []byte{0, 1, 0xff}},
		&node.Commit{Key: "lifecycle/a", Ballot: ballot, First: "c1.5", Value: tombstoneValue()},
		&node.Reply{Kind: node.Propose, Key: "lifecycle/a", ID: "c1.5", Outcome: node.Rejected, Reason: node.IDConflict, Final: true, State: "Running", Version: 1, Serial: 1},
		&node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Ballot: ballot, Value: tombstoneValue(), Next: next, First: "c1.5"},
		&node.Acknowledgment{Phase: node.Prepare, Key: "lifecycle/a", Ballot: next, Accepted: ballot, Value: tombstoneValue(), First: "c1.5"},
		&node.ReadReport{Key: "lifecycle/a", Read: read, Accepted: ballot, Value: tombstoneValue(), First: "c1.6"},
		&node.RepairValue{Key: "lifecycle/a", Ballot: ballot, Value: tombstoneValue(), Chosen: true},
		&node.RepairRequest{Exchange: read, Digest: 7, Progress: 1, Ranges: []node.HashRange{{Path: 15, Depth: 1, Digest: 1 << 62}}},
		&node.Proposal{Phase: node.Prepare, Key: "lifecycle/a", Ballot: next, Known: ballot, First: "c1.1"},
		&node.Reject{Phase: node.Prepare, Key: "lifecycle/a", Ballot: ballot, Reason: node.QuotaReached, First: "c1.1"},
		&node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Ballot: next, Next: foreign, First: "c1.6", Extension: &node.Extension{Base: ballot, Dropped: 1,
			Entries: []node.Entry{{ID: "c1.6", Kind: node.EntryTombstone, Requested: "Init"}, {ID: "c1.7", To: "Stopped"}, {ID: "c1.8", To: "Init"}, {ID: "c1.9", To: "Stopped"}}}},
		&node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Ballot: next, Extension: &node.Extension{Base: ballot}},
		&node.Commit{Key: "lifecycle/a", Ballot: next, First: "c1.6"},
		&node.Reject{Phase: node.Accept, Key: "lifecycle/a", Ballot: next, Reason: node.BaseNotHeld, First: "c1.6"},
	}
}

// tombstoneValue returns a value whose last entry is a tombstone.
func tombstoneValue() *node.Value {
	return &node.Value{
		Version: 1, Serial: 2, State: "Running", StateBefore: "Init",
		Window: []node.Entry{{ID: "0@x3_kc1.2", To: "Running"}, {ID: "c1.5", To: "Running", Requested: "Init", Kind: node.EntryTombstone}},
	}
}

// idFrom returns an id of readable characters.
func idFrom(name string) (id [16]byte) {
	copy(id[:], name)
	return id
}

// valueWithWindow returns a value with n entries in its dedup window.
func valueWithWindow(n int) *node.Value {
	states := []string{"Init", "Running", "Stopped"}
	v := &node.Value{Version: uint64(n + 3), Serial: uint64(n + 4), State: states[n%3], StateBefore: "Init"}
	for i := range n {
		v.Window = append(v.Window, node.Entry{ID: node.OpID(fmt.Sprintf("client-%d.%d", i%3, 1000+i)), To: states[(i+1)%3]})
	}
	return v
}

// accept returns a message of the most frequent kind.
func accept() node.Message {
	ballot, next := node.Ballot{Epoch: 1, Round: 1007, Node: 2, Boot: 3}, node.Ballot{Epoch: 1, Round: 1008, Node: 2, Boot: 3}
	return &node.Proposal{Phase: node.Accept, Key: "lifecycle/web-1", Ballot: ballot, Value: valueWithWindow(16), Next: next, First: "client-1.1015"}
}

func framed(t require.TestingT, c wire.Codec, messages ...node.Message) []byte {
	var stream []byte
	for _, m := range messages {
		var err error
		stream, err = wire.AppendMessage(stream, c, m)
		require.NoError(t, err)
	}
	return stream
}

func textUpTo(most int) *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringN(-1, -1, most),
		rapid.SampledFrom([]string{"", "Init", "lifecycle/a", `"\`, "null", "\x00\x1f\u2028", strings.Repeat("\x01", most)}).
			Filter(func(s string) bool { return len(s) <= most }),
	)
}

func opID(t *rapid.T, label string) node.OpID {
	return node.OpID(textUpTo(node.MaxOpID).Draw(t, label))
}

func anyBallot(t *rapid.T, label string) node.Ballot {
	if rapid.Bool().Draw(t, label+" is zero") {
		return node.Ballot{}
	}
	return node.Ballot{
		Epoch: rapid.OneOf(rapid.Just(uint32(1)), rapid.Uint32()).Draw(t, label+" epoch"),
		Round: rapid.Uint64().Draw(t, label+" round"),
		Node:  node.ID(rapid.Uint16().Draw(t, label+" node")),
		Boot:  rapid.Uint64().Draw(t, label+" boot"),
	}
}

func anyValue(t *rapid.T) *node.Value {
	if rapid.Bool().Draw(t, "no value") {
		return nil
	}
	v := &node.Value{
		Version: rapid.Uint64().Draw(t, "version"), Serial: rapid.Uint64().Draw(t, "serial"),
		State: textUpTo(128).Draw(t, "state"), StateBefore: textUpTo(128).Draw(t, "before"),
	}
	v.Window = anyEntries(t, v.StateBefore)
	return v
}

func anyExtension(t *rapid.T) *node.Extension {
	return &node.Extension{Base: anyBallot(t, "base"), Dropped: rapid.Uint16().Draw(t, "dropped"), Entries: anyEntries(t, "")}
}

// anyEntries returns entries that begin in a state.
func anyEntries(t *rapid.T, state string) (entries []node.Entry) {
	for range rapid.SampledFrom([]int{0, 1, 2, 16, node.MaxDedupWindow}).Draw(t, "entries") {
		if len(entries) > 4 { // more entries of the same kind
			e := entries[len(entries)-5]
			e.Kind, e.Requested, state = node.EntryTransition, "", e.To
			entries = append(entries, e)
			continue
		}
		e := node.Entry{ID: opID(t, "id"), To: state, Kind: node.EntryKind(rapid.IntRange(0, 3).Draw(t, "kind"))}
		switch e.Kind {
		case node.EntryTransition:
			e.To = textUpTo(128).Draw(t, "to")
		case node.EntryTombstone:
			e.Requested = "x" + textUpTo(100).Draw(t, "asked")
		}
		state = e.To
		entries = append(entries, e)
	}
	return entries
}

// messages generates all messages that codecs accept.
func messages() *rapid.Generator[node.Message] {
	return rapid.Custom(func(t *rapid.T) node.Message {
		key, first := textUpTo(wire.MaxKey).Draw(t, "key"), opID(t, "first")
		phase := rapid.SampledFrom([]node.Phase{node.Prepare, node.Accept}).Draw(t, "phase")
		kind := rapid.SampledFrom([]node.Kind{node.Propose, node.Read, node.ReadLocal}).Draw(t, "kind")
		reason := rapid.SampledFrom([]node.Reason{"", node.StaleBallot, node.StaleEpoch, node.UnknownDefinition, node.Malformed,
			node.Illegal, node.Overloaded, node.Timeout, node.UnknownState, node.VersionMismatch, node.WindowExpired, node.WatermarkAhead, node.IDConflict, node.BadRequest, node.Abstains, node.QuotaReached, node.BaseNotHeld}).Draw(t, "reason")
		read := node.ReadID{Node: node.ID(rapid.Uint16().Draw(t, "reader")), Boot: rapid.Uint64().Draw(t, "boot"), Seq: rapid.Uint64().Draw(t, "seq")}
		attempt, number := rapid.Uint32().Draw(t, "attempt"), rapid.Uint64().Draw(t, "number")
		state := textUpTo(128).Draw(t, "state")
		switch rapid.IntRange(1, 12).Draw(t, "type") {
		case 1:
			p := &node.Proposal{Phase: phase, Key: key, Ballot: anyBallot(t, "ballot"), Value: anyValue(t), First: first}
			if other := anyBallot(t, "next or known"); phase == node.Accept {
				p.Next = other
			} else {
				p.Known = other
			}
			if phase == node.Accept && p.Value == nil && rapid.Bool().Draw(t, "extends") {
				p.Extension = anyExtension(t)
			}
			return p
		case 2:
			return &node.Acknowledgment{Phase: phase, Key: key, Ballot: anyBallot(t, "ballot"), Accepted: anyBallot(t, "accepted"), Value: anyValue(t), First: first, At: number}
		case 3:
			return &node.Reject{Phase: phase, Key: key, Ballot: anyBallot(t, "ballot"), Reason: reason, Promised: anyBallot(t, "promised"), First: first}
		case 4:
			return &node.Commit{Key: key, Ballot: anyBallot(t, "ballot"), Value: anyValue(t), First: first}
		case 5:
			return &node.ReadRequest{Key: key, Read: read, First: first}
		case 6:
			return &node.ReadReport{Key: key, Read: read, Accepted: anyBallot(t, "accepted"), Value: anyValue(t), First: first, At: number}
		case 7:
			return &node.Request{Kind: kind, Key: key, ID: first, Attempt: attempt, To: state, Watermark: number, Retry: rapid.Bool().Draw(t, "retry"),
				Expects: rapid.Bool().Draw(t, "expects"), Expect: number}
		case 9:
			return &node.RepairRequest{Exchange: read, Digest: number, Progress: number, Ranges: anyRanges(t), Wants: anyKeys(t)}
		case 10:
			m := &node.RepairReport{Exchange: read, Digest: number, Progress: number, RangesAnswered: uint16(attempt), WantsAnswered: uint16(number), Ranges: anyRanges(t)}
			for _, key := range anyKeys(t) {
				m.Items = append(m.Items, node.RepairItem{Key: key, Ballot: anyBallot(t, "ballot"), Chosen: rapid.Bool().Draw(t, "chosen")})
			}
			return m
		case 11:
			return &node.RepairValue{Key: key, Ballot: anyBallot(t, "ballot"), Value: anyValue(t), Chosen: rapid.Bool().Draw(t, "chosen")}
		case 12:
			return anyIntroduction(t)
		}
		outcome := rapid.SampledFrom([]node.Outcome{node.Committed, node.Rejected, node.Unknown}).Draw(t, "outcome")
		return &node.Reply{Kind: kind, Key: key, ID: first, Attempt: attempt, Outcome: outcome, Reason: reason, State: state, Version: number, Serial: number / 2,
			Final: rapid.Bool().Draw(t, "final")}
	})
}

func anyIntroduction(t *rapid.T) *member.Introduction {
	m := &member.Introduction{
		Incarnation: anyID(t, "incarnation"), Boot: rapid.Uint64().Draw(t, "boot"), Life: rapid.Uint64().Draw(t, "life"),
		Position: rapid.Uint64().Draw(t, "position"), Stage: member.Stage(rapid.IntRange(0, 2).Draw(t, "stage")), Cluster: anyID(t, "cluster"),
		Answer: rapid.Bool().Draw(t, "answer"), Abstains: rapid.Bool().Draw(t, "abstains"),
	}
	if more := rapid.SampledFrom([]int{0, 1, member.MaxMore}).Draw(t, "more"); more > 0 {
		m.More = rapid.SliceOfN(rapid.Byte(), more, more).Draw(t, "bytes")
	}
	for range rapid.IntRange(0, node.MaxParticipants).Draw(t, "members") {
		m.Members = append(m.Members, member.Identity{ID: anyNode(t), Incarnation: anyID(t, "incarnation")})
	}
	for range rapid.SampledFrom([]int{0, 1, member.MaxPast}).Draw(t, "past") {
		m.Past = append(m.Past, member.Life{Boot: rapid.Uint64().Draw(t, "boot"), ID: rapid.Uint64().Draw(t, "id"), End: rapid.Uint64().Draw(t, "end")})
	}
	for range rapid.SampledFrom([]int{0, 1, member.MaxKnown}).Draw(t, "known") {
		m.Known = append(m.Known, member.Testimony{Of: anyNode(t), By: anyNode(t), Memory: member.Memory{Incarnation: anyID(t, "incarnation"),
			Boot: rapid.Uint64().Draw(t, "boot"), Life: rapid.Uint64().Draw(t, "life"), Position: rapid.Uint64().Draw(t, "position")}})
	}
	return m
}

func anyNode(t *rapid.T) node.ID { return node.ID(rapid.Uint16().Draw(t, "node")) }

func anyID(t *rapid.T, label string) (id [16]byte) {
	if rapid.Bool().Draw(t, label+" is known") {
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
	}
	return id
}

func anyRanges(t *rapid.T) (list []node.HashRange) {
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		depth := rapid.Uint8Range(0, 16).Draw(t, "depth")
		most := uint64(1)<<(4*depth) - 1 // at depth 16 the shift leaves 0, so this is all bits
		list = append(list, node.HashRange{Path: rapid.Uint64Max(most).Draw(t, "path"), Depth: depth, Digest: rapid.Uint64().Draw(t, "digest")})
	}
	return list
}

func anyKeys(t *rapid.T) (list []string) {
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		list = append(list, textUpTo(wire.MaxKey).Draw(t, "key"))
	}
	return list
}

func TestSamplesHoldEveryType(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range samples() {
		seen[fmt.Sprintf("%T", m)] = true
	}
	require.Len(t, seen, 12)
}
