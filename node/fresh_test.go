package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// logged is how much each node has appended to its log since it booted.
func (w *world) logged() (bytes []uint64) {
	for _, h := range w.hosts[1:] {
		bytes = append(bytes, h.node.Use().Appended)
	}
	return bytes
}

// requireNothingLeft checks that no node keeps a machine, or has written since then.
func (w *world) requireNothingLeft(t *testing.T, logged []uint64) {
	t.Helper()
	require.Equal(t, logged, w.logged())
	for _, h := range w.hosts[1:] {
		require.Zero(t, h.node.MachineCount())
		require.Empty(t, h.node.LeftOver())
		require.Empty(t, h.node.PendingWork())
	}
}

// What makes no entry in the initial state is answered from it, and leaves nothing in the
// memory or the log of any node. The reports of a majority are enough.
func TestNoEntryNoCost(t *testing.T) {
	for name, c := range map[string]struct {
		request node.Request
		want    node.Reply
	}{
		"illegal":                 {node.Request{ID: "c1.1", To: "Stopped"}, node.Reply{Outcome: node.Rejected, Reason: node.Illegal, State: "Init"}},
		"illegal, without an id":  {node.Request{ID: "-c1.1", To: "Stopped"}, node.Reply{Outcome: node.Rejected, Reason: node.Illegal, State: "Init"}},
		"illegal at the version":  {node.Request{ID: "c1.1", To: "Stopped", Expects: true}, node.Reply{Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: "Init"}},
		"a retry of that":         {node.Request{ID: "c1.1", To: "Stopped", Expects: true, Retry: true}, node.Reply{Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: "Init"}},
		"a later version":         {node.Request{ID: "c1.1", To: "Running", Expects: true, Expect: 3}, node.Reply{Outcome: node.Rejected, Reason: node.VersionMismatch, State: "Init"}},
		"a retry of that, too":    {node.Request{ID: "c1.1", To: "Running", Expects: true, Expect: 3, Retry: true}, node.Reply{Outcome: node.Unknown, Reason: node.VersionMismatch, State: "Init"}},
		"a watermark of no entry": {node.Request{ID: node.Stamp(key, 7, "c1.1"), To: "Running"}, node.Reply{Outcome: node.Unknown, Reason: node.WatermarkAhead, State: "Init"}},
		"a claimed watermark":     {node.Request{ID: "c1.1", Watermark: 7, To: "Running"}, node.Reply{Outcome: node.Unknown, Reason: node.WatermarkAhead, State: "Init"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			before := w.logged()
			w.blockedLinks = []string{"3>", ">3"}
			r := c.request
			r.Kind, r.Key, r.Attempt = node.Propose, key, 1
			w.request(1, &r)
			w.deliverAll()
			require.Len(t, w.replies, 1)
			want := c.want
			want.Kind, want.Key, want.ID, want.Attempt = r.Kind, r.Key, r.ID, r.Attempt
			require.Equal(t, want, *w.replies[0])
			w.tick(10 * time.Second)
			w.requireNothingLeft(t, before)
		})
	}
}

// A retry that is illegal in the initial state costs an entry, its abort tombstone: an
// earlier attempt may wait elsewhere, for a state in which it is legal.
func TestARetryLeavesItsTombstone(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 2, Retry: true, To: "Stopped"})
	w.deliverAll()
	require.Len(t, w.replies, 1)
	require.True(t, w.replies[0].Final)
	require.EqualValues(t, 1, w.replies[0].Serial)
	require.Equal(t, 1, w.hosts[2].node.MachineCount())
}

// Without a majority nothing is known, and no promise is made to find out: neither for a
// machine, nor for a definition that may not exist.
func TestWithoutAMajorityNothingIsPromised(t *testing.T) {
	w := newWorld(3, nil)
	before := w.logged()
	w.blockedLinks = []string{"1>", ">1"}
	for i, r := range []node.Request{
		{Kind: node.Read, Key: key},
		{Kind: node.Propose, Key: key, To: "Stopped"},
		{Kind: node.Read, Key: "lifecycle/b"},
		{Kind: node.Propose, Key: "lifecycle/c", To: "Stopped"},
		{Kind: node.Propose, Key: "unheard-of/a", To: "on"},
		{Kind: node.Read, Key: "unheard-of/b"},
	} {
		r.ID, r.Attempt = node.OpID(fmt.Sprintf("c%d.1", i+1)), 1
		w.request(1, &r)
	}
	for range 30 {
		w.tick(100 * time.Millisecond)
	}
	require.Len(t, w.replies, 6)
	for _, r := range w.replies {
		require.Equal(t, node.Timeout, r.Reason, "%v", r)
		require.Equal(t, node.Rejected, r.Outcome)
	}
	w.requireNothingLeft(t, before)
}

// A look that was lost is made again, with the operations that have come meanwhile.
func TestALookIsMadeAgain(t *testing.T) {
	w := newWorld(3, nil)
	before := w.logged()
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 1, To: "Stopped"})
	require.Len(t, w.take(-1, "1>"), 2, "lost")
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c2.1", Attempt: 1, To: "Stopped"})
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c3.1", Attempt: 1})
	require.Empty(t, w.inFlight, "they wait for the next one")
	require.Equal(t, node.Waiting{Queue: 2, ReadQueue: 1}, w.hosts[1].node.Waiting(key))
	w.tick(100 * time.Millisecond)
	w.deliverAll()
	require.Len(t, w.replies, 3)
	w.requireNothingLeft(t, before)
}

// Reads that come during an exchange have one of their own when it ends, at once.
func TestReadsWaitForTheNextExchange(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c1.1", Attempt: 1})
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c2.1", Attempt: 1})
	require.Equal(t, node.Waiting{ReadQueue: 1, Reads: 1}, w.hosts[1].node.Waiting(key))
	w.deliverAll()
	require.Len(t, w.replies, 2)
}

// An operation that makes an entry takes along the ones that wait for a look, in their
// order: none overtakes another.
func TestNothingOvertakesALook(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 1, To: "Stopped"})
	w.take(-1, "1>") // lost
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c2.1", Attempt: 1, To: "Running"})
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c3.1", Attempt: 1, To: "Stopped"})
	w.tick(100 * time.Millisecond)
	w.deliverAll()
	require.Len(t, w.replies, 3)
	for i, want := range []struct {
		id      node.OpID
		outcome node.Outcome
	}{{"c1.1", node.Rejected}, {"c2.1", node.Committed}, {"c3.1", node.Committed}} {
		require.Equal(t, want.id, w.replies[i].ID)
		require.Equal(t, want.outcome, w.replies[i].Outcome)
	}
}

// A machine that a majority has is found by a look, and the operation goes on to a round.
// Where one member alone has a value, a round decides.
func TestALookFindsTheMachine(t *testing.T) {
	t.Run("of a majority", func(t *testing.T) {
		w := newWorld(3, nil)
		w.blockedLinks = []string{"3>", ">3"}
		require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", key, "Running").Outcome)
		w.blockedLinks, w.inFlight, w.replies = nil, nil, nil
		require.Equal(t, node.Committed, w.ask(t, 3, "c2.1", key, "Stopped").Outcome)
	})
	t.Run("of one member", func(t *testing.T) {
		w := newWorld(3, nil)
		w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 1, To: "Running"})
		for range 2 { // prepare, and its acknowledgment
			for _, p := range w.take(1, "1>2", "2>1") {
				w.deliver(p)
			}
		}
		w.hosts[1].crash() // it alone has accepted
		w.hosts[1].start()
		w.inFlight = nil
		w.request(3, &node.Request{Kind: node.Propose, Key: key, ID: "c2.1", Attempt: 1, To: "Stopped"})
		w.blockedLinks = []string{"2>", ">2"}
		for range 10 { // node 2 may have something to report; then a round comes upon node 1's promise
			w.deliverAll()
			w.tick(100 * time.Millisecond)
		}
		require.Len(t, w.replies, 1)
		require.Equal(t, node.Committed, w.replies[0].Outcome, "after the value that node 1 had accepted")
	})
}

// A malformed commit makes no machine. Nor does a rejection of an operation that this
// life has not proposed keep one.
func TestMalformedMessagesMakeNoMachine(t *testing.T) {
	w := newWorld(3, nil)
	before := w.logged()
	ballot := node.Ballot{Epoch: 1, Round: 9, Node: 2, Boot: 1}
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c1.1", Attempt: 1})
	for _, m := range []node.Message{
		&node.Commit{Key: "lifecycle/a0", Ballot: ballot},
		&node.Commit{Key: "lifecycle/a1", Ballot: ballot, Value: &node.Value{Version: 3, Serial: 1, State: "Running"}},
		&node.Commit{Key: "lifecycle/a2", Value: &node.Value{State: "Init", StateBefore: "Init"}},
		&node.RepairValue{Key: "lifecycle/a3", Ballot: ballot},
		&node.RepairValue{Key: "lifecycle/a4", Ballot: ballot, Value: &node.Value{State: "Dim", StateBefore: "Init"}},
		&node.Proposal{Phase: node.Accept, Key: "lifecycle/a5", Ballot: ballot, Value: &node.Value{State: "Dim"}},
		&node.Proposal{Phase: node.Prepare, Key: "lifecycle/a6"},
		&node.Reject{Phase: node.Prepare, Key: key, Ballot: ballot, Reason: node.StaleBallot, Promised: ballot},
	} {
		w.deliver(packet{2, 1, m})
	}
	w.deliverAll()
	w.requireNothingLeft(t, before)
}
