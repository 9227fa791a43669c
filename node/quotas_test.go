package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// quotas makes a change of a configuration.
func quotas(change func(*node.Quotas)) func(*node.Config) {
	return func(cfg *node.Config) { change(&cfg.Quotas) }
}

// machineQuota gives the nodes quotas of machines, in the order of their ids.
func machineQuota(perNode ...uint64) func(*node.Config) {
	return func(cfg *node.Config) { cfg.Quotas.Machines = perNode[cfg.ID-1] }
}

// run delivers the messages in flight, and lets time pass until nothing happens any more.
func (w *world) run() {
	for range 40 {
		w.deliverAll()
		w.tick(100 * time.Millisecond)
	}
}

// propose requests a transition, and returns the reply.
func (w *world) propose(t *testing.T, to int, r node.Request) node.Reply {
	t.Helper()
	w.replies = nil
	r.Kind, r.Attempt = node.Propose, 1
	w.request(to, &r)
	w.run()
	require.Len(t, w.replies, 1)
	return *w.replies[0]
}

func (w *world) used(id int) (list [4]uint64) {
	for i, q := range w.hosts[id].node.QuotaUse() {
		list[i] = q.Used
	}
	return list
}

// At its quota a node creates no machine, and writes nothing. What exists goes on, and
// an operation that is illegal in the initial state is refused as that.
func TestAFullNodeCreatesNothing(t *testing.T) {
	w := newWorld(3, machineQuota(2, 9, 9))
	for i := range 2 {
		require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: fmt.Sprintf("lifecycle/m%d", i), ID: "c1.1", To: "Running"}).Outcome)
	}
	before := w.logged()
	r := w.propose(t, 1, node.Request{Key: "lifecycle/m2", ID: "c1.1", To: "Running"})
	require.Equal(t, node.Rejected, r.Outcome)
	require.Equal(t, node.QuotaReached, r.Reason)
	require.False(t, r.Final, "there may be room one day")
	r = w.propose(t, 1, node.Request{Key: "lifecycle/m2", ID: "c1.1", To: "Running", Retry: true})
	require.Equal(t, node.Unknown, r.Outcome, "an earlier attempt may wait elsewhere")
	require.Equal(t, node.QuotaReached, r.Reason)
	require.Equal(t, node.Illegal, w.propose(t, 1, node.Request{Key: "lifecycle/m2", ID: "c1.1", To: "Stopped"}).Reason)
	require.Equal(t, before, w.logged())
	require.Equal(t, 2, w.hosts[1].node.MachineCount())

	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/m1", ID: "c1.2", To: "Stopped"}).Outcome)
	require.Equal(t, node.Committed, w.propose(t, 2, node.Request{Key: "lifecycle/m2", ID: "c2.1", To: "Running"}).Outcome, "two of three have room")
	require.EqualValues(t, 3, w.used(1)[0], "it accepts what a majority has created")
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/m2", ID: "c1.3", To: "Stopped"}).Outcome)
}

// A node that is full, and does not know a machine that the others have, finds it.
func TestAFullNodeFindsWhatExists(t *testing.T) {
	w := newWorld(3, machineQuota(1, 9, 9))
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/a", ID: "c1.1", To: "Running"}).Outcome)
	w.blockedLinks = []string{"1>", ">1"}
	require.Equal(t, node.Committed, w.propose(t, 2, node.Request{Key: "lifecycle/b", ID: "c2.1", To: "Running"}).Outcome)
	w.blockedLinks, w.inFlight = nil, nil
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/b", ID: "c1.2", To: "Stopped"}).Outcome)
}

// Where a majority is full, no node creates. A node that has learnt that makes no more promises
// for a while, and then tries again.
func TestAFullMajorityCreatesNothing(t *testing.T) {
	w := newWorld(3, machineQuota(9, 1, 1))
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/a", ID: "c1.1", To: "Running"}).Outcome)
	w.replies = nil
	before := w.logged()
	for i := range 5 {
		w.request(1, &node.Request{Kind: node.Propose, Key: fmt.Sprintf("lifecycle/b%d", i), ID: "c1.2", Attempt: 1, To: "Running"})
		for range 10 {
			w.deliverAll()
			w.tick(10 * time.Millisecond)
		}
	}
	require.Len(t, w.replies, 5)
	for _, r := range w.replies {
		require.Equal(t, node.QuotaReached, r.Reason, "%v", r)
		require.Equal(t, node.Rejected, r.Outcome)
	}
	after := w.logged()
	require.Equal(t, before[1:], after[1:], "who has no room writes nothing")
	require.EqualValues(t, 2, w.used(1)[0], "the first one was promised, at its own node")

	w.run() // the others may have room again
	require.Equal(t, node.QuotaReached, w.propose(t, 1, node.Request{Key: "lifecycle/c", ID: "c1.3", To: "Running"}).Reason)
	require.EqualValues(t, 3, w.used(1)[0], "it has asked again")
}

// A full acceptor takes part in what exists: the proposer tells that it does, as soon as
// it knows. So no quota makes a machine unavailable that was chosen.
func TestAFullAcceptorServesWhatExists(t *testing.T) {
	w := newWorld(5, machineQuota(9, 9, 1, 9, 9))
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/a", ID: "c1.1", To: "Running"}).Outcome)
	w.blockedLinks = []string{"1>", ">1", "3>", ">3"} // 2, 4 and 5 have b
	require.Equal(t, node.Committed, w.propose(t, 2, node.Request{Key: "lifecycle/b", ID: "c2.1", To: "Running"}).Outcome)
	w.inFlight = nil
	w.blockedLinks = []string{"4>", ">4", "5>", ">5"} // of 1, 2 and 3 only 2 has it, and 3 is full
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/b", ID: "c1.2", To: "Stopped"}).Outcome)
	require.EqualValues(t, 2, w.used(3)[0])
}

// Bytes count like machines: what exists may grow, and nothing new begins.
func TestAQuotaOfBytes(t *testing.T) {
	w := newWorld(3, quotas(func(q *node.Quotas) { q.MachineBytes = 50 }))
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/a", ID: "c1.1", To: "Running"}).Outcome)
	require.Greater(t, w.used(1)[1], uint64(50))
	require.Equal(t, node.QuotaReached, w.propose(t, 1, node.Request{Key: "lifecycle/b", ID: "c1.1", To: "Running"}).Reason)
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lifecycle/a", ID: "c1.2", To: "Stopped"}).Outcome)
}

// Created definitions have quotas of their own. One counts once, though it is in the
// machine that holds it and in the node's own log. A node that is full uses those that
// others create.
func TestQuotasOfDefinitions(t *testing.T) {
	w := newWorld(3, func(cfg *node.Config) { cfg.Quotas.Definitions, cfg.Quotas.Machines = 10, 1 })
	w.hosts[1].crash()
	w.hosts[1].cfg.Quotas.Definitions = 1
	w.hosts[1].start()
	sent := 0
	define := func(to int, name string) node.Reply {
		d := lamp()
		d.Name = name
		sent++
		return w.propose(t, to, node.Request{Key: "definition/" + name, ID: node.OpID(fmt.Sprintf("c1.%d", sent)), To: text(t, d)})
	}
	require.Equal(t, node.Committed, define(1, "lamp").Outcome)
	require.EqualValues(t, 1, w.used(1)[2])
	require.Positive(t, w.used(1)[3])
	require.Equal(t, node.QuotaReached, define(1, "torch").Reason)
	require.Equal(t, node.Illegal, define(1, "lamp").Reason, "it exists")
	require.Equal(t, node.Committed, define(2, "torch").Outcome)
	require.EqualValues(t, 2, w.used(1)[2])
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "torch/hall", ID: "c2.1", To: "on"}).Outcome)
	require.EqualValues(t, 1, w.used(1)[0], "a definition is no machine")
}

// A restart counts the machines of the log.
func TestARestartCountsAgain(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "definition/lamp", ID: "c1.1", To: text(t, lamp())}).Outcome)
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lamp/hall", ID: "c1.2", To: "on"}).Outcome)
	require.Equal(t, node.Committed, w.propose(t, 1, node.Request{Key: "lamp/yard", ID: "c1.3", To: "on"}).Outcome)
	before := w.used(1)
	require.EqualValues(t, []uint64{2, 1}, []uint64{before[0], before[2]})
	w.hosts[1].crash()
	w.hosts[1].start()
	require.Equal(t, before, w.used(1))
}

func TestQuotasMustBePositive(t *testing.T) {
	for name, change := range map[string]func(*node.Quotas){
		"machines":         func(q *node.Quotas) { q.Machines = 0 },
		"machine_bytes":    func(q *node.Quotas) { q.MachineBytes = 0 },
		"definitions":      func(q *node.Quotas) { q.Definitions = 0 },
		"definition_bytes": func(q *node.Quotas) { q.DefinitionBytes = 0 },
	} {
		cfg := config(1, 3)
		cfg.Definitions = []fsm.Definition{fsm.Lifecycle()}
		change(&cfg.Quotas)
		require.ErrorIs(t, cfg.Validate(), node.ErrConfig)
		require.ErrorContains(t, cfg.Validate(), "quota of "+name+": 0: want 1 or more")
	}
}
