package node_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// No message can make a node panic, or accept a value that was not chosen. Each of
// these is counted, as discarded or as rejected for a reason, and the node works on
// as if it had not come.
func TestMessagesThatMakeNoSense(t *testing.T) {
	one, huge := ballot(1, 2), ballot(math.MaxUint64, 2)
	other := one
	other.Epoch = 9
	longer := value(make([]node.OpID, node.MaxDedupWindow+1)...)
	fat := value(node.OpID(strings.Repeat("x", 1<<25)))
	alien := &node.Value{Version: 8, Serial: 9, State: "Flying", StateBefore: "Flying", Window: []node.Entry{{ID: "c9.9", To: "Flying", Kind: node.EntryTombstoneIllegal}}}
	propose := func(change func(*node.Request)) *node.Request {
		r := &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"}
		change(r)
		return r
	}
	for name, m := range map[string]node.Message{
		"nothing at all":                          nil,
		"prepare without a key":                   &node.Proposal{Phase: node.Prepare, Ballot: one},
		"prepare with half a key":                 &node.Proposal{Phase: node.Prepare, Key: "lifecycle", Ballot: one},
		"prepare with a bad name":                 &node.Proposal{Phase: node.Prepare, Key: "lifecycle/a b", Ballot: one},
		"prepare of another definition":           &node.Proposal{Phase: node.Prepare, Key: "unheard-of/a", Ballot: one},
		"prepare in another epoch":                &node.Proposal{Phase: node.Prepare, Key: key, Ballot: other},
		"prepare without a ballot":                &node.Proposal{Phase: node.Prepare, Key: key},
		"prepare in the last round of all":        &node.Proposal{Phase: node.Prepare, Key: key, Ballot: huge},
		"prepare by nobody":                       &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1, 9)},
		"no phase":                                &node.Proposal{Key: key, Ballot: one, Value: value("c1.1")},
		"another phase":                           &node.Proposal{Phase: 7, Key: key, Ballot: one, Value: value("c1.1")},
		"accept without a value":                  &node.Proposal{Phase: node.Accept, Key: key, Ballot: one},
		"accept that extends nothing":             &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Extension: &node.Extension{}},
		"accept that extends itself":              &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Extension: &node.Extension{Base: one}},
		"accept with a value and an extension":    &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(2, 2), Value: value("c1.1"), Extension: &node.Extension{Base: one}},
		"accept of too many entries":              &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Value: longer},
		"accept of more than the log can hold":    &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Value: fat},
		"accept of a state that there is not":     &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Value: alien},
		"commit of a state that there is not":     &node.Commit{Key: key, Ballot: one, Value: alien},
		"accept in the last round of all":         &node.Proposal{Phase: node.Accept, Key: key, Ballot: huge, Value: value("c1.1")},
		"accept that wants all rounds promised":   &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Value: value("c1.1"), Next: huge},
		"accept that wants an epoch promised":     &node.Proposal{Phase: node.Accept, Key: key, Ballot: one, Value: value("c1.1"), Next: other},
		"acknowledgment of nothing":               &node.Acknowledgment{Key: key},
		"acknowledgment without a key":            &node.Acknowledgment{Phase: node.Prepare, Ballot: one},
		"acknowledgment that hides a value":       &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1), Accepted: one},
		"acknowledgment of a lie":                 &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1), Accepted: one, Value: longer},
		"acknowledgment with a value of no round": &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1), Value: value("c9.9")},
		"reject of nothing":                       &node.Reject{Key: key},
		"reject without a key":                    &node.Reject{Phase: node.Prepare, Ballot: one},
		"reject with the last round of all":       &node.Reject{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1), Reason: node.StaleBallot, Promised: huge},
		"commit of no round":                      &node.Commit{Key: key, Value: value("c9.9")},
		"commit in the last round of all":         &node.Commit{Key: key, Ballot: huge, Value: value("c9.9")},
		"commit in another epoch":                 &node.Commit{Key: key, Ballot: other, Value: value("c9.9")},
		"commit of a lie":                         &node.Commit{Key: key, Ballot: one, Value: longer},
		"read request without a key":              &node.ReadRequest{Read: node.ReadID{Node: 2, Boot: 1, Seq: 1}},
		"read report without a key":               &node.ReadReport{Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}},
		"read report of no exchange":              &node.ReadReport{Key: key},
		"read report that hides a value":          &node.ReadReport{Key: key, Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}, Accepted: one},
		"read report of a lie":                    &node.ReadReport{Key: key, Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}, Accepted: one, Value: longer},
		"repair request in another's name":        &node.RepairRequest{Exchange: node.ReadID{Node: 1, Boot: 1, Seq: 1}},
		"repair report of no exchange":            &node.RepairReport{Digest: 1},
		"repair of nothing":                       &node.RepairValue{Key: key, Ballot: one},
		"repair without a key":                    &node.RepairValue{Ballot: one, Value: value("c9.9")},
		"repair of no round":                      &node.RepairValue{Key: key, Value: value("c9.9"), Chosen: true},
		"repair in the last round of all":         &node.RepairValue{Key: key, Ballot: huge, Value: value("c9.9"), Chosen: true},
		"repair in another epoch":                 &node.RepairValue{Key: key, Ballot: other, Value: value("c9.9"), Chosen: true},
		"repair of a lie":                         &node.RepairValue{Key: key, Ballot: one, Value: longer, Chosen: true},
		"request of no kind":                      propose(func(r *node.Request) { r.Kind = 0 }),
		"request of another kind":                 propose(func(r *node.Request) { r.Kind = 9 }),
		"request without an id":                   propose(func(r *node.Request) { r.ID = "" }),
		"request with a long id":                  propose(func(r *node.Request) { r.ID = node.OpID(strings.Repeat("x", node.MaxOpID+1)) }),
		"request with another machine's id":       propose(func(r *node.Request) { r.ID = node.Stamp("lifecycle/b", 0, "c9.9") }),
		"request with a changed base":             propose(func(r *node.Request) { r.ID = "9" + node.Stamp(key, 0, "c9.9")[1:] }),
		"request of no machine":                   propose(func(r *node.Request) { r.Key = "" }),
		"request of no state":                     propose(func(r *node.Request) { r.To = "" }),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			n := w.hosts[1].node
			// A round and a read are under way, so that responses could count.
			w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c2.1", To: "Running"})
			w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c3.1"})
			before := discarded(n)
			for _, from := range []node.ID{2, 3} {
				require.NotPanics(t, func() {
					w.hosts[1].step(node.Event{Kind: node.Receive, From: from, Message: m})
				})
			}
			require.Equal(t, before+2, discarded(n), "counted as failed or rejected")
			require.Zero(t, n.Inspect(key).Learnt)
			if m != nil {
				require.NotPanics(t, func() { _ = m.String() })
			}

			w.deliverAll()
			w.tick(config(1, 3).ConsensusTimeout / 4)
			w.deliverAll()
			require.Equal(t, value("c2.1"), n.Inspect(key).Learnt, "the node works")
		})
	}
}

// discarded counts the messages that a node could not use.
func discarded(n *node.Node) uint64 {
	c := n.Counters()
	sum := c.Discarded + c.Skipped
	for _, r := range []node.Reason{node.StaleBallot, node.StaleEpoch, node.UnknownDefinition, node.UnknownState, node.Malformed, node.BadRequest} {
		sum += c.Rejects[r]
	}
	return sum
}

// Only members take part.
func TestNonMembersAreIgnored(t *testing.T) {
	for _, m := range []node.Message{
		&node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1, 2)},
		&node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 2), Value: value("c9.9")},
		&node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1)},
		&node.Reject{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1)},
		&node.Commit{Key: key, Ballot: ballot(1, 2), Value: value("c9.9")},
		&node.ReadRequest{Key: key},
		&node.ReadReport{Key: key, Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}},
		&node.RepairRequest{}, &node.RepairReport{},
		&node.RepairValue{Key: key, Ballot: ballot(1, 2), Value: value("c9.9"), Chosen: true},
	} {
		w := newWorld(3, nil)
		for _, from := range []node.ID{0, 4, 101, math.MaxUint16} {
			w.hosts[1].step(node.Event{Kind: node.Receive, From: from, Message: m})
		}
		n := w.hosts[1].node
		require.EqualValues(t, 4, n.Counters().Discarded)
		require.Zero(t, n.Inspect(key))
		require.Empty(t, w.inFlight)
		require.Empty(t, w.replies)
	}
}

// A value with more entries than this node keeps, from a member with another
// configuration, is accepted and cut down.
func TestLongerDedupWindowIsCutDown(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.DedupWindow, c.Batch = 2, 2 })
	long, id := value("c1.1", "c1.2", "c1.3", "c1.4"), node.Stamp(key, 4, "c2.1")
	for id := 1; id <= 2; id++ {
		w.hosts[id].step(node.Event{Kind: node.Receive, From: 3, Message: &node.Proposal{
			Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: long,
		}})
	}
	w.inFlight = nil
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: id, To: "Stopped"})
	require.NotPanics(t, w.deliverAll)
	w.tick(config(1, 3).ResendTimeout)
	require.NotPanics(t, w.deliverAll)
	require.Equal(t, &node.Value{Version: 5, Serial: 5, State: "Stopped", StateBefore: "Init", Window: []node.Entry{
		{ID: "c1.4", To: "Running"}, {ID: id, To: "Stopped"},
	}}, w.hosts[1].node.Inspect(key).Learnt)
}

// A peer that asks on and on while the disk is stuck gets no more responses than a
// bound. When the disk goes on, so does the node.
func TestQuestionsWhileTheDiskIsStuck(t *testing.T) {
	for name, ask := range map[string]func(i int) node.Message{
		"reads": func(i int) node.Message {
			return &node.ReadRequest{Key: key, Read: node.ReadID{Node: 3, Boot: 1, Seq: uint64(i)}}
		},
		"prepares": func(i int) node.Message {
			return &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(uint64(i+1), 3)}
		},
		"repair": func(i int) node.Message {
			return &node.RepairRequest{Exchange: node.ReadID{Node: 3, Boot: 1, Seq: uint64(i)}, Ranges: []node.HashRange{{}}, Wants: []string{key}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, func(c *node.Config) { c.RepairDelay = time.Second; c.Backlog = 64 << 20 })
			h := w.hosts[1]
			h.from(3, &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: value("c1.1")})
			h.slow = true
			h.from(3, &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(2, 3)}) // its record is not synced
			w.inFlight = nil
			for i := range 100_000 {
				h.from(3, ask(i+2))
			}
			require.Empty(t, w.inFlight)
			h.slow = false
			h.sync()
			require.Positive(t, len(w.inFlight))
			require.LessOrEqual(t, len(w.inFlight), 1<<16)
			w.inFlight = nil
			w.request(1, &node.Request{Kind: node.Propose, Key: "lifecycle/b", ID: "c2.1", To: "Running"})
			w.deliverAll()
			require.Equal(t, value("c2.1"), h.node.Inspect("lifecycle/b").Learnt)
		})
	}
}
