package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"pgregory.net/rapid"
)

// hostileMessage draws a message in which each field is sound, and nothing else: the
// ballots are anybody's, up to the last round of all, the values contradict each
// other, and responses are to exchanges that the node may have begun.
func hostileMessage(t *rapid.T) node.Message {
	b := func(name string) node.Ballot {
		round := rapid.SampledFrom([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 1<<62 - 1, 1 << 62}).Draw(t, name+" round")
		return ballot(round, node.ID(rapid.IntRange(1, 3).Draw(t, name+" node")))
	}
	far := &node.Value{Version: 1 << 61, Serial: 1 << 62, State: "Running", StateBefore: "Init", Window: []node.Entry{{ID: "c9.9", To: "Running"}}}
	v := rapid.SampledFrom([]*node.Value{nil, value("c1.1"), value("c2.1"), value("c1.1", "c2.1"), value("c3.1", "c4.1", "c5.1"), far}).Draw(t, "value")
	accepted := b("accepted")
	if v == nil {
		accepted = node.Ballot{}
	}
	own := ballot(uint64(rapid.IntRange(1, 6).Draw(t, "own round")), 1) // the node's, if it has come to that round
	exchange := node.ReadID{Node: 1, Boot: 1, Seq: uint64(rapid.IntRange(1, 8).Draw(t, "exchange"))}
	phase := node.Phase(rapid.IntRange(int(node.Prepare), int(node.Accept)).Draw(t, "phase"))
	chosen := rapid.Bool().Draw(t, "chosen")
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0, 1:
		return &node.Proposal{Phase: phase, Key: key, Ballot: b("ballot"), Value: v, Next: b("next")}
	case 2, 3:
		return &node.Acknowledgment{Phase: phase, Key: key, Ballot: own, Accepted: accepted, Value: v}
	case 4:
		return &node.Reject{Phase: phase, Key: key, Ballot: own, Reason: node.StaleBallot, Promised: b("promised")}
	case 5:
		return &node.Commit{Key: key, Ballot: b("ballot"), Value: v}
	case 6:
		return &node.ReadReport{Key: key, Read: exchange, Accepted: accepted, Value: v}
	case 7:
		return &node.RepairValue{Key: key, Ballot: b("ballot"), Value: v, Chosen: chosen}
	case 8:
		return &node.RepairReport{
			Exchange: exchange, Digest: 7, Progress: 1 << 63, RangesAnswered: 1,
			Items: []node.RepairItem{{Key: key, Ballot: b("ballot"), Chosen: chosen}},
		}
	}
	return &node.Reply{
		Kind: node.Propose, Key: key, ID: "c1.1", Attempt: uint32(rapid.IntRange(0, 4).Draw(t, "attempt")), Final: chosen,
		Outcome: node.Outcome(rapid.IntRange(0, 5).Draw(t, "outcome")), Reason: node.Illegal,
	}
}

// The invariants are the node's own: peers that send whatever they like, in the middle
// of its work, break none of them, and make no node panic.
func TestHostilePeersBreakNoInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(3, func(c *node.Config) {
			c.RepairDelay, c.Queue, c.DedupWindow, c.Batch = 20*time.Millisecond, 4, 2, 2
			c.FirstRound = 1
		})
		for i := range rapid.IntRange(1, 60).Draw(t, "events") {
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				kind := rapid.SampledFrom([]node.Kind{node.Propose, node.Read, node.ReadLocal}).Draw(t, "request")
				w.request(1, &node.Request{Kind: kind, Key: key, ID: node.OpID(fmt.Sprintf("c1.%d", i)), To: "Running", Retry: rapid.Bool().Draw(t, "retry")})
			case 1:
				w.tick(time.Duration(rapid.IntRange(1, 200).Draw(t, "ms")) * time.Millisecond)
			case 2:
				w.deliverAll()
			default:
				w.hosts[1].step(node.Event{Kind: node.Receive, From: node.ID(rapid.IntRange(2, 3).Draw(t, "from")), Message: hostileMessage(t)})
			}
		}
	})
}
