package node_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// lamp is a user's definition.
func lamp() fsm.Definition {
	return fsm.Definition{
		Name: "lamp", States: []string{"off", "on", "broken"}, Initial: "off", Terminal: []string{"broken"},
		Transitions: []fsm.Transition{{From: "off", To: "on"}, {From: "on", To: "off"}, {From: "on", To: "broken"}},
	}
}

func text(t *testing.T, d fsm.Definition) string {
	s, err := d.Text()
	require.NoError(t, err)
	return s
}

// ask proposes a transition as a client, or reads if to is empty, and returns the
// reply.
func (w *world) ask(t *testing.T, id int, op node.OpID, key, to string) *node.Reply {
	r := &node.Request{Kind: node.Propose, Key: key, ID: op, Attempt: 1, To: to}
	if to == "" {
		r.Kind = node.Read
	}
	w.replies = nil
	w.request(id, r)
	for range 20 {
		w.deliverAll()
		if len(w.replies) > 0 {
			break
		}
		w.tick(config(1, 3).ResendTimeout)
	}
	require.Len(t, w.replies, 1)
	require.Equal(t, op, w.replies[0].ID)
	return w.replies[0]
}

// A definition in a node's own log is not a machine that clients can reach.
func TestNotesAreNoMachinesToClients(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	for _, kind := range []node.Kind{node.ReadLocal, node.Read, node.Propose} {
		w.replies = nil
		w.request(1, &node.Request{Kind: kind, Key: "#definition/lamp", ID: "c1.2", Attempt: 1, To: fsm.Retired})
		require.Len(t, w.replies, 1, "at once")
		require.Equal(t, node.Rejected, w.replies[0].Outcome)
		require.Equal(t, node.UnknownDefinition, w.replies[0].Reason)
	}
}

// A definition is created once and used on every node, also on one that has not
// learnt it, and in every later life.
func TestDefinitionsOfUsers(t *testing.T) {
	w := newWorld(3, nil)
	r := w.ask(t, 1, "c1.1", "lamp/hall", "on")
	require.Equal(t, node.UnknownDefinition, r.Reason)
	require.Equal(t, node.Rejected, r.Outcome)

	w.hosts[3].crash() // it misses this
	r = w.ask(t, 1, "c1.2", "definition/lamp", text(t, lamp()))
	require.Equal(t, node.Committed, r.Outcome)
	w.hosts[3].start()
	require.Equal(t, node.Committed, w.ask(t, 3, "c3.1", "lamp/hall", "on").Outcome)
	require.Equal(t, node.Illegal, w.ask(t, 2, "c2.1", "lamp/hall", "on").Reason)

	for id := 1; id <= 3; id++ {
		w.hosts[id].crash()
		w.hosts[id].start()
	}
	require.Equal(t, node.Committed, w.ask(t, 2, "c2.2", "lamp/hall", "broken").Outcome)
	require.Equal(t, node.Illegal, w.ask(t, 1, "c1.3", "lamp/hall", "on").Reason)
	for id := 1; id <= 3; id++ {
		require.Equal(t, []fsm.Definition{lamp(), fsm.Lifecycle()}, w.hosts[id].node.Definitions(), "node %d", id)
		keys := w.hosts[id].node.Keys()
		require.Subset(t, []string{"definition/lamp", "lamp/hall"}, keys)
		require.Contains(t, keys, "lamp/hall")
		require.Equal(t, len(keys), w.hosts[id].node.MachineCount())
	}
}

// Definitions do not change, have the name of their key, and are valid.
func TestWhatIsNoDefinition(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	other := lamp()
	other.States = append(other.States, "dim")
	r := w.ask(t, 2, "c2.1", "definition/lamp", text(t, other))
	require.Equal(t, node.Illegal, r.Reason)
	require.Equal(t, text(t, lamp()), r.State)
	require.Equal(t, node.UnknownState, w.ask(t, 2, "c2.2", "definition/lump", text(t, lamp())).Reason)
	require.Equal(t, node.UnknownState, w.ask(t, 2, "c2.3", "definition/lump", "{}").Reason)
	require.Equal(t, node.UnknownState, w.ask(t, 2, "c2.4", "definition/lump", text(t, lamp())+" ").Reason)
	require.Equal(t, node.Illegal, w.ask(t, 2, "c2.5", "definition/lamp", fsm.Retired).Reason)
	require.Equal(t, fsm.Undefined, w.ask(t, 2, "c2.6", "definition/lump", "").State)
	require.NotContains(t, w.hosts[2].node.Keys(), "definition/lump")
}

// A proposal on a machine with an unknown definition makes the acceptor look the
// definition up: the proposer's next attempt succeeds.
func TestPeerWithoutTheDefinition(t *testing.T) {
	w := newWorld(3, nil)
	w.hosts[3].crash()
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	w.hosts[3].start()
	w.hosts[2].crash() // node 1 needs node 3
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.2", "lamp/hall", "on").Outcome)
	require.Len(t, w.hosts[3].node.Definitions(), 2)
}

// A retired machine keeps one entry, and nothing follows.
func TestRetire(t *testing.T) {
	w := newWorld(3, nil)
	for i, to := range []string{"Running", "Stopped", "Init"} {
		require.Equal(t, node.Committed, w.ask(t, 1, node.OpID(fmt.Sprintf("c1.%d", i+1)), key, to).Outcome)
	}
	r := w.ask(t, 2, "c2.1", key, fsm.Retired)
	require.Equal(t, node.Committed, r.Outcome)
	require.Equal(t, uint64(4), r.Version)
	for id := 1; id <= 3; id++ {
		require.Equal(t, &node.Value{
			Version: 4, Serial: 4, State: fsm.Retired, StateBefore: "Init", Window: []node.Entry{{ID: "c2.1", To: fsm.Retired}},
		}, w.hosts[id].node.Inspect(key).Value)
	}
	w.request(3, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 4, "c3.1"), Attempt: 1, To: "Running"})
	w.request(3, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 4, "c3.2"), Attempt: 2, To: "Running", Retry: true})
	w.request(3, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 2, To: "Running", Retry: true})
	w.replies = nil
	w.deliverAll()
	w.tick(config(1, 3).ResendTimeout)
	w.deliverAll()
	require.Len(t, w.replies, 3)
	for _, r := range w.replies {
		if r.ID == "c1.1" { // its entry has left the window, so its outcome is unknown
			require.Equal(t, node.Unknown, r.Outcome)
			continue
		}
		require.Equal(t, node.Rejected, r.Outcome)
		require.Equal(t, node.Illegal, r.Reason)
		require.Equal(t, r.ID.Name() == "c3.2", r.Final)
	}
	require.Equal(t, uint64(4), w.hosts[3].node.Inspect(key).Value.Serial) // no tombstones
}

// A definition in a node's own log is out of reach of all messages of peers.
func TestNotedDefinitionsAreOutOfReach(t *testing.T) {
	const noted = "#definition/lamp"
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	before := w.hosts[1].node.Inspect(noted)
	require.NotNil(t, before.Value)

	other := lamp()
	other.Name = "lump"
	v := &node.Value{Version: 1, Serial: 1, State: text(t, other), StateBefore: fsm.Undefined, Window: []node.Entry{{ID: "c9.9", To: text(t, other)}}}
	for _, m := range []node.Message{
		&node.Proposal{Phase: node.Prepare, Key: noted, Ballot: ballot(8, 2)},
		&node.Proposal{Phase: node.Accept, Key: noted, Ballot: ballot(9, 2), Value: v},
		&node.Acknowledgment{Phase: node.Prepare, Key: noted, Ballot: ballot(9, 2)},
		&node.Reject{Phase: node.Prepare, Key: noted, Ballot: ballot(9, 2), Reason: node.StaleBallot, Promised: ballot(9, 2)},
		&node.Commit{Key: noted, Ballot: ballot(9, 2), Value: v},
		&node.ReadRequest{Key: noted, Read: node.ReadID{Node: 2, Boot: 1, Seq: 1}},
		&node.ReadReport{Key: noted, Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}},
		&node.RepairValue{Key: noted, Ballot: ballot(9, 2), Value: v, Chosen: true},
	} {
		failed := discarded(w.hosts[1].node)
		w.hosts[1].step(node.Event{Kind: node.Receive, From: 2, Message: m})
		require.Equal(t, before, w.hosts[1].node.Inspect(noted), m)
		require.Empty(t, w.take(9, "1>2"), m)
		require.Equal(t, failed+1, discarded(w.hosts[1].node), m)
	}
	w.hosts[1].crash()
	w.hosts[1].start()
	require.Equal(t, []fsm.Definition{lamp(), fsm.Lifecycle()}, w.hosts[1].node.Definitions())
}

// A definition may be configured after it was created: then it is listed once. It
// must be configured as it was created.
func TestADefinitionIsConfiguredLater(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.2", "lamp/hall", "on").Outcome)
	h := w.hosts[1]
	h.crash()
	h.cfg.Definitions = append(h.cfg.Definitions, lamp())
	h.start()
	require.Equal(t, []fsm.Definition{lamp(), fsm.Lifecycle()}, h.node.Definitions())
	require.Equal(t, len(h.node.Keys()), h.node.MachineCount())
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.3", "lamp/hall", "off").Outcome)

	other := lamp()
	other.Transitions = other.Transitions[:2]
	h.crash()
	h.cfg.Definitions = []fsm.Definition{fsm.Lifecycle(), other}
	w.takeTranscript()
	h.start()
	require.False(t, h.node.Ready())
	require.Contains(t, w.takeTranscript(), `definition "lamp": it is configured otherwise than it was created`)
}

// A definition that is configured before the node learns of its creation is none that it
// discards. It is logged, so that the node needs the configuration no longer.
func TestAConfiguredDefinitionIsCreated(t *testing.T) {
	w := newWorld(3, nil)
	h := w.hosts[1]
	h.crash()
	h.cfg.Definitions = append(h.cfg.Definitions, lamp())
	h.start()
	require.Equal(t, node.Committed, w.ask(t, 2, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.2", "lamp/hall", "on").Outcome)
	require.Zero(t, h.node.Counters().Discarded)

	h.crash()
	h.cfg.Definitions = h.cfg.Definitions[:1]
	h.start()
	require.Equal(t, []fsm.Definition{lamp(), fsm.Lifecycle()}, h.node.Definitions())
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.3", "lamp/hall", "off").Outcome)
}

// A retired machine does not retain the memory of its earlier entries.
func TestARetiredMachineIsSmall(t *testing.T) {
	w := newWorld(1, nil)
	for i := range 30 {
		w.ask(t, 1, node.Stamp(key, uint64(i), fmt.Sprintf("c1.%d", i)), key, []string{"Running", "Stopped", "Init"}[i%3])
	}
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 30, "c1.99"), To: fsm.Retired})
	v := w.hosts[1].node.Inspect(key).Value
	require.Equal(t, fsm.Retired, v.State)
	require.Len(t, v.Window, 1)
	require.LessOrEqual(t, cap(v.Window), 2)
}

// A read of an unknown machine ends with the second report. The third is late, but
// not an error.
func TestALateReportIsNoFailure(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", key, "").Outcome)
	w.deliverAll()
	require.Zero(t, w.hosts[1].node.MachineCount())
	require.Zero(t, w.hosts[1].node.Counters().Discarded)
}
