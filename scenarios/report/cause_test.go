package report

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// explained is a run of three nodes with eight events, a nanosecond apart, whose violation
// shows in the last one.
func explained(v Violation, changes ...Change) *Run {
	r := &Run{Violation: &v, States: &States{Changes: changes}}
	for id := sim.ID(1); id <= 3; id++ {
		r.Lanes = append(r.Lanes, Lane{id, "node", "node"})
	}
	for i := range 8 {
		r.Events = append(r.Events, Event{N: uint64(i + 1), At: Time(i), Lane: 1, Kind: "receive"})
	}
	v.Event = 7
	r.Violation.Event = 7
	return r
}

func set(event int, lane sim.ID, path, value string) Change {
	return Change{Event: event, Lane: lane, Set: map[string]string{path: value}}
}

// The causes of a violation are the last changes of the values that it is about: two at the
// node that broke the property, and none of other objects or other values.
func TestCausesAreTheChangesOfTheValues(t *testing.T) {
	r := explained(Violation{Property: "promises", Sentence: "Node 1 goes back", Object: "lamp/a", Lane: 1},
		set(1, 1, "lamp/a/promised", "1"), set(2, 1, "lamp/a/promised", "2"), set(3, 1, "lamp/a/promised", "3"), set(4, 1, "lamp/a/promised", "1"),
		set(5, 1, "lamp/b/promised", "9"), set(5, 1, "lamp/a/rounds", "9"), set(5, 2, "lamp/a/promised", "9"))
	r.explain(scenarios.Expectation{Sentence: "It goes up", State: []string{"promised"}, Changed: true})
	require.Equal(t, "It goes up", r.Violation.Expected)
	require.Equal(t, []Cause{{Event: new(3), Lane: 1, Text: "promised: 2 → 3"}, {Event: new(4), Lane: 1, Text: "promised: 3 → 1"}}, r.Violation.Causes)
	require.Equal(t, 4, *r.Violation.Wrong, "it shows later")
}

// Of nodes that do not agree at the end, the first wrong step is the one from which on they
// never did again.
func TestNodesPartForGood(t *testing.T) {
	r := explained(Violation{Property: "convergence", Sentence: "Node 1 holds 2, and node 2 1", Object: "lamp/a"},
		set(1, 1, "lamp/a/value", "1"), set(2, 2, "lamp/a/value", "1"), set(3, 1, "lamp/a/rounds", "7"), set(4, 1, "lamp/a/value", "2"), set(5, 1, "lamp/a/rounds", "8"))
	r.explain(scenarios.Expectation{State: []string{"value"}})
	require.Equal(t, 4, *r.Violation.Wrong)
}

// An operation that never ended was lost where a node last had to do with the attempt that the
// sentence names. No client is to blame: without such an event there is no earlier step.
func TestWhereAnOperationWasLost(t *testing.T) {
	r := explained(Violation{Property: "liveness", Sentence: "Node 1 has not answered attempt 1 of c1.2"})
	r.Operations = []Operation{{ID: "c1.2", Lane: 101, CallEvent: new(0), Contradicts: true}}
	r.Events[0].Lane = 101
	r.Events[1].Text = "request c1.2 attempt 1"
	r.Marks = []Mark{{Event: 2, Lane: 1, Text: "a round for c1.2, and nothing else"}}
	r.Events[3].Lane, r.Events[3].Text = 2, "reject c1.2" // at another node
	r.Events[4].Text = "reject c1.22"                     // of another operation
	r.Events[5].Lane = 101
	r.Messages = []Message{{From: 101, To: 1, Sent: 5, Text: "request c1.2 attempt 2"}}
	r.Events[6].Text = "request c1.2 attempt 2"
	r.States.Changes = []Change{set(1, 1, "round", "of c1.2"), {Event: 2, Lane: 1, Unset: []string{"round"}}, set(6, 1, "round", "of c1.3")}
	r.explain(scenarios.Expectation{State: []string{"round"}})
	require.Equal(t, 2, *r.Violation.Wrong)
	require.Equal(t, []Cause{{Event: new(2), Lane: 1, Text: "round: of c1.2 is gone"}}, r.Violation.Causes, "what it did later did not lead to it")

	r.Events[1].Text, r.Marks, r.Violation.Wrong = "", nil, nil
	r.explain(scenarios.Expectation{})
	require.Nil(t, r.Violation.Wrong)
}

// Missing things are told: the messages that a node needed and had not, with the fates of
// the sent ones.
func TestWhatWasMissing(t *testing.T) {
	r := explained(Violation{Property: "durability", Sentence: "Node 1 takes a value at 2.1.1 of lamp/a for chosen", Object: "lamp/a", Lane: 1})
	arrived := func(event int) []Arrival { return []Arrival{{Event: new(event)}} }
	r.Messages = []Message{
		{From: 2, To: 1, Sent: 1, Address: "2>1 ack lamp/a c1.1 #1", Kind: "ack", Text: "ack 1.1.1", Arrivals: arrived(2)}, // of another ballot
		{From: 2, To: 1, Sent: 3, Address: "2>1 ack lamp/a c1.1 #2", Kind: "ack", Text: "ack 2.1.1", Fate: dropped, Cause: "cut"},
	}
	r.explain(scenarios.Expectation{Needs: []string{"ack"}})
	require.Equal(t, []Cause{
		{Event: new(3), Lane: 1, Text: "has not received from node 2, lost: cut: ack 2.1.1", Missing: true},
		{Lane: 1, Text: "no ack about lamp/a at 2.1.1 was sent to it by node 3", Missing: true},
	}, r.Violation.Causes)

	r.Messages[1].Arrivals = arrived(4)
	r.explain(scenarios.Expectation{Needs: []string{"ack"}})
	require.Equal(t, Cause{Event: new(4), Lane: 1, Text: "from node 2: ack 2.1.1"}, r.Violation.Causes[0])
}

// A sync that has not ended is missing where one was needed, and the last that had ended is
// named.
func TestWhichSyncWasMissing(t *testing.T) {
	r := explained(Violation{Property: "durability", Sentence: "Node 1 sends too soon", Lane: 1})
	r.Marks = []Mark{{Event: 1, Lane: 1, Kind: "sync", Text: "sync log"}, {Event: 5, Lane: 1, Kind: "sync", Text: "sync log"}}
	r.Events[3].Kind, r.Events[3].Request = "disk", new(0)
	need := scenarios.Expectation{Needs: []string{scenarios.Synced}}
	r.explain(need)
	require.Equal(t, []Cause{{Event: new(5), Lane: 1, Text: "no sync of its disk ended since event 4: it has asked for one, “sync log”, and not heard of its end", Missing: true}}, r.Violation.Causes)

	r.Marks = r.Marks[:1]
	r.explain(need)
	require.Equal(t, []Cause{{Lane: 1, Text: "no sync of its disk ended since event 4, and it had asked for none", Missing: true}}, r.Violation.Causes)
}

// Only the rows of the glossary that a document has words of are on its page.
func TestThePageHasTheWordsThatItUses(t *testing.T) {
	words := wordsOf(`{"text":"node 1 promises a Ballot"}`)
	require.Contains(t, words, "<dt>ballot</dt><dd>a totally ordered number of a round: epoch, round, node, boot</dd>")
	require.Contains(t, words, "<dt>promise</dt>")
	require.NotContains(t, words, "tombstone")

	words = wordsOf(`{"text":"write wal-mark: 48 bytes at 0", "value": "Running v0+1", "fault": "roll back [1]"}`)
	for _, term := range []string{"high-water mark, wal-mark", "version, serial, v", "roll back, wipe", "write-ahead log"} {
		require.Contains(t, words, "<dt>"+term)
	}
}
