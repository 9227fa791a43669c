package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// A read of a definition answers only the requests that were there when it began: a
// later one may follow the creation, which the read does not show.
func TestALookupAnswersOnlyEarlierRequests(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: "lamp/hall", ID: "c1.1", Attempt: 1, To: "on"})
	for _, p := range w.take(1, "1>2") {
		w.deliver(p)
	}
	report := w.take(1, "2>1")
	require.Len(t, report, 1)

	w.blockedLinks = []string{"1>", ">1"}
	w.request(2, &node.Request{Kind: node.Propose, Key: "definition/lamp", ID: "c2.1", Attempt: 1, To: text(t, lamp())})
	w.deliverAll()
	require.Len(t, w.replies, 1)
	require.Equal(t, node.Committed, w.replies[0].Outcome)

	w.request(1, &node.Request{Kind: node.Propose, Key: "lamp/hall", ID: "c3.1", Attempt: 1, To: "on"})
	w.take(-1, "2>1", "3>1") // lost: the commit, too
	w.deliver(report[0])
	require.Len(t, w.replies, 2, "for the first request")
	require.Equal(t, node.OpID("c1.1"), w.replies[1].ID)
	require.Equal(t, node.UnknownDefinition, w.replies[1].Reason)

	w.blockedLinks = nil
	w.deliverAll()
	require.Len(t, w.replies, 3)
	require.Equal(t, node.Committed, w.replies[2].Outcome, "%v", w.replies[2])
}

// While a member names definitions that there are not, and a client does, 64 of each, a
// node finds a definition for another client. (For another member: TestLookupsAreFair.)
func TestUnknownDefinitionsKeepNobodyFromLookups(t *testing.T) {
	w := newWorld(3, nil)
	w.blockedLinks = []string{"1>", ">1"} // node 1 learns nothing of the lamp
	w.request(2, &node.Request{Kind: node.Propose, Key: "definition/lamp", ID: "c2.1", Attempt: 1, To: text(t, lamp())})
	w.deliverAll()
	w.take(-1, "2>1", "3>1")
	for i := range 64 { // the lookups last: nobody answers node 1
		w.hosts[1].step(node.Event{Kind: node.Receive, From: 2, Message: &node.Proposal{
			Phase: node.Prepare, Key: fmt.Sprintf("ghost-%d/a", i), First: "c9.1", Ballot: node.Ballot{Epoch: 1, Round: 1, Node: 2, Boot: 1},
		}})
		w.request(1, &node.Request{Kind: node.Read, Key: fmt.Sprintf("phantom-%d/a", i), ID: node.OpID(fmt.Sprintf("c7.%d", i)), Attempt: 1})
	}
	w.replies = nil
	w.request(1, &node.Request{Kind: node.Propose, Key: "lamp/hall", ID: "c3.1", Attempt: 1, To: "on"})
	require.Empty(t, w.replies, "it waits, and is not refused")

	w.blockedLinks = nil
	w.deliverAll()
	outcomes := map[string]int{}
	for _, r := range w.replies {
		outcomes[string(r.ID[:2])+" "+r.Outcome.String()]++
	}
	require.Equal(t, map[string]int{"c3 committed": 1, "c7 rejected": 64}, outcomes)
}

// A request that is wrong by itself is rejected before any node is asked for a definition.
func TestBadRequestsCauseNoLookup(t *testing.T) {
	w := newWorld(3, nil)
	for i, r := range []node.Request{
		{Kind: node.Propose, Key: "lamp", ID: "c1.1", To: "on"},
		{Kind: node.Propose, Key: "la mp/hall", ID: "c1.1", To: "on"},
		{Kind: node.Read, Key: "lamp/" + strings.Repeat("x", 200), ID: "c1.1"},
		{Kind: node.Propose, Key: "lamp/hall", ID: "17@wronc1.1", To: "on"},
		{Kind: node.Propose, Key: "lamp/hall", ID: node.OpID("c1." + strings.Repeat("1", node.MaxOpID)), To: "on"},
		{Kind: node.ReadLocal, Key: "lamp/hall", ID: "c1.1"},
	} {
		w.replies = nil
		r.Attempt = 1
		w.request(1, &r)
		require.Len(t, w.replies, 1, i)
		require.True(t, w.replies[0].Final, "%v", w.replies[0])
		require.Empty(t, w.inFlight)
	}
}
