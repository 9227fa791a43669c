package node_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const key = "lifecycle/a"

// modelAcceptor is rule 1 of docs/PROTOCOL.md, and no more.
type modelAcceptor struct {
	promised, accepted node.Ballot
	value              *node.Value
}

// acknowledges returns whether r acknowledges p, and r's state after it.
func (r modelAcceptor) acknowledges(p *node.Proposal) (bool, modelAcceptor) {
	b := p.Ballot
	if p.Phase == node.Prepare {
		if !r.promised.Less(b) || !r.accepted.Less(b) {
			return false, r
		}
		return true, modelAcceptor{b, r.accepted, r.value}
	}
	if r.accepted == b {
		if !r.value.Equal(p.Value) {
			return false, r
		}
		return true, modelAcceptor{highest(r.promised, p.Next), r.accepted, r.value}
	}
	if b.Less(r.promised) || !r.accepted.Less(b) {
		return false, r
	}
	return true, modelAcceptor{highest(b, p.Next), b, p.Value}
}

func highest(ballots ...node.Ballot) node.Ballot {
	return slices.MaxFunc(ballots, node.Ballot.Compare)
}

// An acceptor follows rule 1, proposal by proposal, also with restarts in between.
// Its promises and accepted ballots only grow, and one ballot has one value.
func TestAcceptorAgainstItsRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(3, nil)
		h := w.hosts[2]
		var twin modelAcceptor
		values := map[node.Ballot]*node.Value{}
		for range rapid.IntRange(1, 40).Draw(t, "proposals") {
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				h.crash()
				h.start()
			}
			p := drawProposal(t)
			ok, next := twin.acknowledges(p)
			h.step(node.Event{Kind: node.Receive, From: p.Ballot.Node, Message: p})

			require.Len(t, w.inFlight, 1)
			require.Equal(t, answer(p, ok, twin), w.inFlight[0].message)
			w.inFlight = nil

			was, now := twin, h.node.Inspect(key)
			twin = next
			require.Equal(t, twin, modelAcceptor{now.Promised, now.Accepted, now.Value})
			require.False(t, now.Promised.Less(was.promised), "promised went back")
			require.False(t, now.Accepted.Less(was.accepted), "accepted went back")
			if v := values[now.Accepted]; v != nil {
				require.True(t, v.Equal(now.Value), "one ballot, two values")
			}
			values[now.Accepted] = now.Value
		}
	})
}

// drawProposal draws a proposal from few ballots, so that ballots collide.
func drawProposal(t *rapid.T) *node.Proposal {
	ballot := rapid.Custom(func(t *rapid.T) node.Ballot {
		return node.Ballot{
			Epoch: 1, Round: rapid.Uint64Range(1, 4).Draw(t, "round"),
			Node: rapid.SampledFrom([]node.ID{1, 3}).Draw(t, "node"), Boot: rapid.Uint64Range(1, 2).Draw(t, "boot"),
		}
	})
	p := &node.Proposal{
		Phase: rapid.SampledFrom([]node.Phase{node.Prepare, node.Accept}).Draw(t, "phase"),
		Key:   key, Ballot: ballot.Draw(t, "ballot"), First: "c1.1",
	}
	if p.Phase == node.Accept {
		p.Value = rapid.SampledFrom([]*node.Value{
			{State: "Init", StateBefore: "Init"}, value("c1.1"), value("c2.1"), value("c1.1", "c2.1"), value("c1.1", "c2.1", "c1.2"),
		}).Draw(t, "value")
		p.Next = p.Ballot
		p.Next.Round++
	}
	return p
}

// value is the value of a lifecycle machine after some operations.
func value(ids ...node.OpID) *node.Value {
	states := []string{"Init", "Running", "Stopped"}
	v := &node.Value{Version: uint64(len(ids)), Serial: uint64(len(ids)), State: states[len(ids)%3], StateBefore: "Init"}
	for i, id := range ids {
		v.Window = append(v.Window, node.Entry{ID: id, To: states[(i+1)%3]})
	}
	return v
}

// answer is the response to p of an acceptor in state r.
func answer(p *node.Proposal, ok bool, r modelAcceptor) node.Message {
	switch {
	case !ok && p.Phase == node.Accept && p.Ballot == r.accepted:
		return &node.Reject{Phase: p.Phase, Key: key, Ballot: p.Ballot, Reason: node.Malformed, First: p.First}
	case !ok:
		return &node.Reject{
			Phase: p.Phase, Key: key, Ballot: p.Ballot, Reason: node.StaleBallot,
			Promised: highest(r.promised, r.accepted), First: p.First,
		}
	case p.Phase == node.Prepare:
		return &node.Acknowledgment{Phase: p.Phase, Key: key, Ballot: p.Ballot, Accepted: r.accepted, Value: r.value, First: p.First}
	}
	return &node.Acknowledgment{Phase: p.Phase, Key: key, Ballot: p.Ballot, First: p.First}
}

// An acceptor checks that a value is consistent in itself. It does not check the
// transition against its own value, which may be old.
func TestAcceptorRefusesValuesThatContradictThemselves(t *testing.T) {
	entry := func(id node.OpID, to string) node.Entry { return node.Entry{ID: id, To: to} }
	tombstone := func(id node.OpID, to string) node.Entry {
		return node.Entry{ID: id, To: to, Kind: node.EntryTombstoneIllegal}
	}
	after := func(operations int) *node.Value {
		var ids []node.OpID
		for i := range operations {
			ids = append(ids, node.OpID(fmt.Sprint("c1.", i)))
		}
		return value(ids...)
	}
	for name, c := range map[string]struct {
		value *node.Value
		sound bool
	}{
		"untouched":                           {&node.Value{State: "Init", StateBefore: "Init"}, true},
		"one entry":                           {value("c1.1"), true},
		"early entries gone":                  {&node.Value{Version: 9, Serial: 9, State: "Stopped", StateBefore: "Running", Window: []node.Entry{entry("c1.9", "Stopped")}}, true},
		"as many entries as any dedup window": {after(node.MaxDedupWindow), true},
		"an abort tombstone":                  {&node.Value{Version: 1, Serial: 2, State: "Running", StateBefore: "Init", Window: []node.Entry{entry("a", "Running"), tombstone("b", "Running")}}, true},
		"abort tombstones only":               {&node.Value{Serial: 1, State: "Init", StateBefore: "Init", Window: []node.Entry{tombstone("b", "Init")}}, true},
		"retired":                             {&node.Value{Version: 5, Serial: 7, State: fsm.Retired, StateBefore: "Init", Window: []node.Entry{entry("a", fsm.Retired)}}, true},
		"more":                                {after(node.MaxDedupWindow + 1), false},
		"no value":                            {nil, false},
		"no state":                            {&node.Value{}, false},
		"untouched in another state":          {&node.Value{State: "Running", StateBefore: "Running"}, false},
		"a version without entries":           {&node.Value{Version: 1, Serial: 1, State: "Running", StateBefore: "Running"}, false},
		"more entries than counted":           {&node.Value{Version: 1, Serial: 1, State: "Stopped", StateBefore: "Init", Window: value("a", "b").Window}, false},
		"an uncounted transition":             {&node.Value{Version: 1, Serial: 2, State: "Stopped", StateBefore: "Init", Window: value("a", "b").Window}, false},
		"a transition too many":               {&node.Value{Version: 3, Serial: 2, State: "Stopped", StateBefore: "Init", Window: value("a", "b").Window}, false},
		"an entry at version 0":               {&node.Value{State: "Running", StateBefore: "Init", Window: value("a").Window}, false},
		"a state that no entry led to":        {&node.Value{Version: 1, Serial: 1, State: "Stopped", StateBefore: "Init", Window: value("a").Window}, false},
		"a first entry from nowhere":          {&node.Value{Version: 1, Serial: 1, State: "Stopped", StateBefore: "Running", Window: []node.Entry{entry("a", "Stopped")}}, false},
		"an illegal entry":                    {&node.Value{Version: 1, Serial: 1, State: "Stopped", StateBefore: "Init", Window: []node.Entry{entry("a", "Stopped")}}, false},
		"an abort tombstone that moves":       {&node.Value{Serial: 1, State: "Running", StateBefore: "Init", Window: []node.Entry{tombstone("a", "Running")}}, false},
		"something after the end":             {&node.Value{Version: 5, Serial: 7, State: "Init", StateBefore: fsm.Retired, Window: []node.Entry{entry("a", "Init")}}, false},
		"an entry of no kind":                 {&node.Value{Serial: 1, State: "Init", StateBefore: "Init", Window: []node.Entry{{ID: "a", To: "Init", Kind: 3}}}, false},
		"an entry without an id":              {value(""), false},
		"an id too long":                      {value(node.OpID(make([]byte, node.MaxOpID+1))), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			w.hosts[2].step(node.Event{Kind: node.Receive, From: 1, Message: &node.Proposal{
				Phase: node.Accept, Key: key, Ballot: ballot(1, 1), Value: c.value, Next: ballot(2, 1),
			}})
			require.Len(t, w.inFlight, 1)
			if c.sound {
				require.IsType(t, &node.Acknowledgment{}, w.inFlight[0].message)
				return
			}
			require.IsType(t, &node.Reject{}, w.inFlight[0].message)
			require.Equal(t, node.Malformed, w.inFlight[0].message.(*node.Reject).Reason)
			require.Zero(t, w.hosts[2].node.Inspect(key))
		})
	}
}

// ballot is a ballot of a node's first boot.
func ballot(round uint64, id node.ID) node.Ballot {
	return node.Ballot{Epoch: 1, Round: round, Node: id, Boot: 1}
}

// Ballots are totally ordered by epoch, round, node and boot; the zero Ballot is
// the lowest.
func TestBallotsAreInOneOrder(t *testing.T) {
	few := rapid.Custom(func(t *rapid.T) node.Ballot {
		n := rapid.Uint64Range(0, 2)
		return node.Ballot{
			Epoch: uint32(n.Draw(t, "epoch")), Round: n.Draw(t, "round"),
			Node: node.ID(n.Draw(t, "node")), Boot: n.Draw(t, "boot"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := few.Draw(t, "a"), few.Draw(t, "b"), few.Draw(t, "c")
		require.Equal(t, a.Compare(b), -b.Compare(a))
		require.Equal(t, a == b, a.Compare(b) == 0)
		require.Equal(t, a.Less(b), a.Compare(b) < 0)
		if a.Less(b) && b.Less(c) {
			require.True(t, a.Less(c))
		}
		require.Equal(t, !a.IsZero(), (node.Ballot{}).Less(a))
		if a.Epoch != b.Epoch {
			require.Equal(t, a.Epoch < b.Epoch, a.Less(b))
		} else if a.Round != b.Round {
			require.Equal(t, a.Round < b.Round, a.Less(b))
		} else if a.Node != b.Node {
			require.Equal(t, a.Node < b.Node, a.Less(b))
		}
	})
}

func TestBallotText(t *testing.T) {
	for want, b := range map[string]node.Ballot{
		"-":        {},
		"7.2.1":    {Epoch: 1, Round: 7, Node: 2, Boot: 1},
		"e3:7.2.1": {Epoch: 3, Round: 7, Node: 2, Boot: 1},
		"e0:1.0.0": {Round: 1},
	} {
		require.Equal(t, want, b.String())
	}
}
