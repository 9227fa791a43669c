package node_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// forwardedOp is a world in which node 2 has just forwarded an operation to node 3. It
// returns the request in flight, and the number of replies to clients so far.
func forwardedOp(t *testing.T, retry bool) (w *world, r *node.Request, replies int) {
	t.Helper()
	w = newWorld(3, nil)
	propose := func(to int, id, state string, base uint64) {
		w.request(to, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, base, id), Attempt: 1, To: state})
	}
	propose(1, "c1.1", "Running", 0)
	w.deliverAll()
	propose(1, "c1.2", "Stopped", 1) // a duel, which node 3 wins
	propose(2, "c2.1", "Running", 1)
	propose(3, "c3.1", "Init", 1)
	w.deliverAll()
	w.request(2, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 4, "c2.2"), Attempt: 7, To: "Stopped", Retry: retry})
	require.Len(t, w.inFlight, 1)
	r, _ = w.inFlight[0].message.(*node.Request)
	require.NotNil(t, r, "%v", w.inFlight[0].message)
	require.Equal(t, node.ID(3), w.inFlight[0].to)
	return w, r, len(w.replies)
}

// A node accepts no other reply as the response to an operation that it has forwarded.
func TestResponsesToWhatWasNotForwarded(t *testing.T) {
	for name, test := range map[string]struct {
		from node.ID
		edit func(r *node.Reply)
	}{
		"of another node":      {1, func(*node.Reply) {}},
		"to another attempt":   {3, func(r *node.Reply) { r.Attempt++ }},
		"to the client's":      {3, func(r *node.Reply) { r.Attempt = 7 }},
		"about another one":    {3, func(r *node.Reply) { r.ID = node.Stamp(key, 4, "c2.3") }},
		"with another base":    {3, func(r *node.Reply) { r.ID = node.Stamp(key, 3, "c2.2") }},
		"of another machine":   {3, func(r *node.Reply) { r.Key = "lifecycle/b" }},
		"of no machine at all": {3, func(r *node.Reply) { r.Key = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			w, r, replies := forwardedOp(t, false)
			forged := &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.Illegal}
			test.edit(forged)
			w.hosts[2].step(node.Event{Kind: node.Receive, From: test.from, Message: forged})
			require.Len(t, w.replies, replies, "a client was answered")
			w.deliverAll()
			require.Len(t, w.replies, replies+1)
			last := w.replies[replies]
			require.Equal(t, node.Committed, last.Outcome)
			require.Equal(t, uint32(7), last.Attempt)
		})
	}
}

// The flag for earlier attempts in the forwarded request decides whether a response is
// final.
func TestWhatIsPassedOnOfAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		retry  bool
		answer node.Reply
		passed bool
	}{
		"a commit":                         {false, node.Reply{Outcome: node.Committed, State: "Stopped", Version: 5, Serial: 5}, true},
		"a commit of a retry":              {true, node.Reply{Outcome: node.Committed, State: "Stopped", Version: 5, Serial: 5}, true},
		"illegal":                          {false, node.Reply{Outcome: node.Rejected, Reason: node.Illegal}, true},
		"another version than expected":    {false, node.Reply{Outcome: node.Rejected, Reason: node.VersionMismatch}, true},
		"illegal for good, of a retry":     {true, node.Reply{Outcome: node.Rejected, Reason: node.Illegal, Final: true}, true},
		"illegal, but of a retry":          {true, node.Reply{Outcome: node.Rejected, Reason: node.Illegal}, false},
		"forgotten":                        {false, node.Reply{Outcome: node.Rejected, Reason: node.WindowExpired}, false},
		"overtaken":                        {false, node.Reply{Outcome: node.Rejected, Reason: node.StaleBallot}, false},
		"too busy":                         {false, node.Reply{Outcome: node.Rejected, Reason: node.Overloaded}, false},
		"unknown for want of time":         {false, node.Reply{Outcome: node.Unknown, Reason: node.Timeout}, false},
		"unknown, since there was no room": {true, node.Reply{Outcome: node.Unknown, Reason: node.Illegal}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, r, replies := forwardedOp(t, test.retry)
			a := test.answer
			a.Kind, a.Key, a.ID, a.Attempt = r.Kind, r.Key, r.ID, r.Attempt
			w.hosts[2].step(node.Event{Kind: node.Receive, From: 3, Message: &a})
			require.Len(t, w.replies, replies+map[bool]int{true: 1}[test.passed])
		})
	}
}
