package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// Equal nodes exchange two messages for each pair, whatever they hold: a digest and
// the response.
func TestEqualNodesExchangeOneDigest(t *testing.T) {
	x := newMesh(t, 3)
	x.run()
	x.load(0, 500, ballot(1, 1), 1, 2, 3)
	x.run()
	require.Equal(t, 3*2, x.messages)
}

// A node that restarts has lost only its knowledge of which values are chosen. It
// learns that again without a transfer of values.
func TestRestartedNodeLearnsWhatWasChosen(t *testing.T) {
	x := newMesh(t, 3)
	x.run()
	x.load(0, 500, ballot(3, 1), 1, 2, 3)
	x.run()
	cfg := config(3, 3)
	cfg.RepairDelay = time.Second
	x.start(cfg)
	require.Nil(t, x.nodes[3].Inspect("lifecycle/machine-7").Learnt)
	x.run()
	require.Equal(t, x.nodes[1].Inspect("lifecycle/machine-7").Learnt, x.nodes[3].Inspect("lifecycle/machine-7").Learnt)
	c := x.nodes[3].Counters()
	require.EqualValues(t, 500, c.Confirmed)
	require.Zero(t, c.Pulled)
}

// Each node has values that the others lack: all end with all values.
func TestMutualRepair(t *testing.T) {
	x := newMesh(t, 3)
	x.run()
	x.load(0, 100, ballot(1, 1), 1)
	x.load(100, 300, ballot(1, 1), 2)
	x.load(300, 350, ballot(1, 1), 3)
	x.load(50, 310, ballot(2, 1), 2)
	x.run()
	for i := range 350 {
		key := fmt.Sprintf("lifecycle/machine-%d", i)
		for _, n := range x.nodes[2:] {
			require.Equal(t, x.nodes[1].Inspect(key), n.Inspect(key))
		}
	}
}

// A node contacts an unreachable peer ever more rarely, and notices when it is back.
func TestUnreachablePeerIsAskedRarely(t *testing.T) {
	x := newMesh(t, 3)
	x.run()
	x.cut = 3
	x.load(0, 10, ballot(1, 1), 1, 2)
	x.runFor(time.Hour)
	require.Less(t, x.messages, 2*3600/32*2)
	x.cut = 0
	x.runFor(2 * time.Minute)
	require.EqualValues(t, 10, x.nodes[3].Counters().Pulled)
	x.messages = 0
	x.runFor(time.Hour)
	require.Zero(t, x.messages)
}

// Two nodes that always differ compare digests ever more rarely.
func TestLastingDifferenceIsLookedAtRarely(t *testing.T) {
	x := newMeshWith(t, 3, func(cfg *node.Config) {
		if cfg.ID == 3 {
			cfg.Definitions = []fsm.Definition{{Name: "other", States: []string{"Init"}, Initial: "Init"}}
		}
	})
	x.run()
	x.load(0, 10, ballot(1, 1), 1, 2)
	x.runFor(time.Hour)
	require.NotZero(t, x.nodes[3].Counters().Skipped)
	require.Less(t, x.messages, 3600/32*4*8, "both nodes of two pairs: a digest and what differs, every 32 s or more, and a look for the definition")
}

// A pull keeps to RepairRate.
func TestRepairKeepsToItsRate(t *testing.T) {
	const rate = 10_000
	x := newMeshWith(t, 3, func(cfg *node.Config) { cfg.RepairRate = rate })
	x.run()
	x.load(0, 1000, ballot(3, 1), 1, 2)
	begin := x.now
	end := x.run()
	require.Greater(t, end-begin, time.Duration(x.bytes)*time.Second/rate/2)
	require.EqualValues(t, 1000, x.nodes[3].Counters().Pulled)
}

// Repair skips machines with a definition that the node lacks, and requests the
// definition.
func TestUnknownDefinitionsArePassedOver(t *testing.T) {
	w := newWorld(3, func(cfg *node.Config) { cfg.RepairDelay = time.Second })
	n := w.hosts[1]
	w.tick(2 * time.Second)
	answer := func(change func(*node.RepairReport)) {
		for _, p := range w.take(-1, "1>") {
			if q, ok := p.message.(*node.RepairRequest); ok {
				r := &node.RepairReport{Exchange: q.Exchange, Digest: 1, Progress: 9, RangesAnswered: uint16(len(q.Ranges))}
				change(r)
				n.step(node.Event{Kind: node.Receive, From: p.to, Message: r})
			}
		}
	}
	answer(func(*node.RepairReport) {})
	answer(func(r *node.RepairReport) {
		r.Items = []node.RepairItem{{Key: "unheard-of/a", Ballot: ballot(1, 2), Chosen: true}}
	})
	require.EqualValues(t, 1, n.node.Counters().Skipped)
	require.NotContains(t, n.node.Keys(), "unheard-of/a")
}

// A false report of a peer ends the exchange, and has no other effect.
func TestReportsThatMakeNoSense(t *testing.T) {
	for name, lie := range map[string]func(*node.RepairReport){
		"more answers than questions": func(r *node.RepairReport) { r.RangesAnswered = 2 },
		"more values than wanted":     func(r *node.RepairReport) { r.WantsAnswered = 1 },
		"no answer at all":            func(r *node.RepairReport) { r.RangesAnswered = 0 },
		"parts of another range":      func(r *node.RepairReport) { r.Ranges = []node.HashRange{{Path: 1, Depth: 2, Digest: 1}} },
		"the whole as its own part":   func(r *node.RepairReport) { r.Ranges = []node.HashRange{{Digest: 1}} },
		"a range that is none":        func(r *node.RepairReport) { r.Ranges = []node.HashRange{{Path: 16, Depth: 1, Digest: 1}} },
		"items of no ballot":          func(r *node.RepairReport) { r.Items = []node.RepairItem{{Key: key, Chosen: true}} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, func(cfg *node.Config) { cfg.RepairDelay = time.Second })
			n := w.hosts[1]
			w.tick(2 * time.Second)
			for range 2 {
				for _, p := range w.take(-1, "1>") {
					q := p.message.(*node.RepairRequest)
					r := &node.RepairReport{Exchange: q.Exchange, Digest: 1, Progress: 9, RangesAnswered: uint16(len(q.Ranges))}
					if len(q.Ranges) > 0 {
						lie(r)
					}
					n.step(node.Event{Kind: node.Receive, From: p.to, Message: r})
				}
			}
			require.EqualValues(t, 1, n.node.Counters().Discarded)
			require.Zero(t, n.node.Inspect(key))
		})
	}
}

// Repair completes under load: values change all the time, so that digests are never
// equal when they are compared.
func TestRepairUnderLoad(t *testing.T) {
	const divergent, changes = 500, 2_000
	x := diverge(t, 2_000, divergent)
	for i := range changes {
		key, b := fmt.Sprintf("lifecycle/busy-%d", i%50), ballot(uint64(i+1), 1)
		at := x.now + time.Duration(i)*2*time.Millisecond
		for id := node.ID(1); id <= 3; id++ { // one after the other, as messages arrive
			late := at + time.Duration(id)*meshDelay
			x.push(scheduled{late, id, node.Event{Kind: node.Receive, From: 1,
				Message: &node.Proposal{Phase: node.Accept, Key: key, Ballot: b, Value: value("c1.1")}}})
			x.push(scheduled{late + 2*meshDelay, id, node.Event{Kind: node.Receive, From: 1,
				Message: &node.Commit{Key: key, Ballot: b, Value: value("c1.1")}}})
		}
	}
	x.runFor(changes * 2 * time.Millisecond)
	for i := range divergent {
		key := fmt.Sprintf("lifecycle/machine-%d", i)
		require.Equal(t, x.nodes[1].Inspect(key), x.nodes[3].Inspect(key))
	}
	require.Less(t, x.messages-2*changes, 2*divergent, "without the acknowledgments of the load")
}
