package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelItems is the content of a node as a simple map.
type modelItems map[string]node.RepairItem

// repairNode is one node of three; the test lets it accept and learn values.
type repairNode struct {
	t *rapid.T
	w *world
}

func newHolder(t *rapid.T) *repairNode {
	return &repairNode{t, newWorld(3, func(cfg *node.Config) { cfg.RepairDelay = 1e9 })}
}

func (h *repairNode) receives(m node.Message) {
	h.w.hosts[1].step(node.Event{Kind: node.Receive, From: 2, Message: m})
}

func (h *repairNode) take(i node.RepairItem) {
	v := value("c1.1")
	h.receives(&node.Proposal{Phase: node.Accept, Key: i.Key, Ballot: i.Ballot, Value: v})
	if i.Chosen {
		h.receives(&node.Commit{Key: i.Key, Ballot: i.Ballot, Value: v})
	}
	h.w.inFlight = nil
}

// ask requests the report on some ranges.
func (h *repairNode) ask(ranges ...node.HashRange) *node.RepairReport {
	h.receives(&node.RepairRequest{Exchange: node.ReadID{Node: 2, Boot: 1, Seq: 1}, Ranges: ranges})
	h.w.tick(0)
	report := h.w.inFlight[0].message.(*node.RepairReport)
	h.w.inFlight = nil
	return report
}

// walk requests all items of a range, and checks that its parts add up to it.
func (h *repairNode) walk(r node.HashRange) (items []node.RepairItem) {
	report := h.ask(node.HashRange{Path: r.Path, Depth: r.Depth})
	require.EqualValues(h.t, 1, report.RangesAnswered)
	if len(report.Ranges) == 0 {
		return report.Items
	}
	require.Empty(h.t, report.Items)
	sum := uint64(0)
	for _, part := range report.Ranges {
		sum += part.Digest
		items = append(items, h.walk(part)...)
	}
	require.Equal(h.t, r.Digest, sum)
	return items
}

// In any order of accepts and learns, a node's ranges hold just these values, large
// ranges are split and add up, and the digest depends on nothing else. After a
// restart it holds the same, but no longer knows which values were chosen.
func TestDigestAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, twin := newHolder(t), modelItems{}
		machines := rapid.SampledFrom([]int{3, 64, 65, 400}).Draw(t, "machines")
		for i := range machines + rapid.IntRange(0, 50).Draw(t, "changes") {
			key := fmt.Sprintf("lifecycle/m%d", i)
			if i >= machines {
				key = fmt.Sprintf("lifecycle/m%d", rapid.IntRange(0, machines-1).Draw(t, "machine"))
			}
			next := node.RepairItem{Key: key, Ballot: ballot(twin[key].Ballot.Round+1, 2), Chosen: rapid.Bool().Draw(t, "chosen")}
			twin[key] = next
			h.take(next)
		}

		digest := h.ask().Digest
		require.Equal(t, twin.sorted(), sorted(h.walk(node.HashRange{Digest: digest})))

		other := newHolder(t)
		list := twin.sorted()
		slices.Reverse(list)
		for _, i := range list {
			other.take(i)
		}
		require.Equal(t, digest, other.ask().Digest)
		other.take(node.RepairItem{Key: "lifecycle/m0", Ballot: ballot(1000, 2)})
		require.NotEqual(t, digest, other.ask().Digest)

		h.w.hosts[1].crash()
		h.w.hosts[1].start()
		for key, i := range twin {
			twin[key] = node.RepairItem{Key: i.Key, Ballot: i.Ballot}
		}
		require.Equal(t, twin.sorted(), sorted(h.walk(node.HashRange{Digest: h.ask().Digest})))
	})
}

func (s modelItems) sorted() (list []node.RepairItem) {
	for _, i := range s {
		list = append(list, i)
	}
	return sorted(list)
}

func sorted(list []node.RepairItem) []node.RepairItem {
	slices.SortFunc(list, func(a, b node.RepairItem) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// A node that holds more reports more progress, also if rounds begin where a sum of them wraps: else
// each of two nodes would let the other one pull first.
func TestProgressGrowsWithWhatANodeHolds(t *testing.T) {
	for _, first := range []uint64{1, node.MaxFirstRound} {
		w := newWorld(3, func(cfg *node.Config) { cfg.RepairDelay, cfg.FirstRound = 1e9, first })
		last := uint64(0)
		for i := range 10 { // two transitions of each machine
			key, to := fmt.Sprintf("lifecycle/m%d", i/2), []string{"Running", "Stopped"}[i%2]
			w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: node.OpID("c1." + key + to), Attempt: 1, To: to})
			w.deliverAll()
			w.hosts[1].step(node.Event{Kind: node.Receive, From: 2, Message: &node.RepairRequest{Exchange: node.ReadID{Node: 2, Boot: 1, Seq: uint64(i + 1)}}})
			w.tick(0)
			at := slices.IndexFunc(w.inFlight, func(p packet) bool { _, ok := p.message.(*node.RepairReport); return ok })
			require.GreaterOrEqual(t, at, 0)
			progress := w.inFlight[at].message.(*node.RepairReport).Progress
			require.Greater(t, progress, last, "%d transitions, rounds from %d", i+1, first)
			last, w.inFlight = progress, nil
		}
	}
}

// A round of a later epoch may have a lower number than those before it: a node that has missed it
// pulls it at once, and does not count as the one that holds more.
func TestProgressGrowsWithEpochs(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.RepairDelay = 100 * time.Millisecond })
	w.blockedLinks = []string{">3"}
	for i, to := range []string{"Running", "Stopped", "Init"} {
		w.request(1, proposal(node.OpID(fmt.Sprintf("c1.%d", i)), to))
		w.deliverAll()
	}
	w.inFlight, w.blockedLinks = nil, []string{">1", "1>"}
	w.reconfigure(node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}}, []node.ID{1, 2, 3}, 1, 2, 3)
	w.request(3, proposal("c2.1", "Running"))
	w.deliverAll()
	low, high := w.hosts[3].node.Inspect("lifecycle/m").Accepted, w.hosts[1].node.Inspect("lifecycle/m").Accepted
	require.True(t, low.Round < high.Round && high.Less(low), "%v and %v", low, high)

	w.inFlight, w.blockedLinks = nil, nil
	for range 4 {
		w.deliverAll()
		w.tick(100 * time.Millisecond)
	}
	require.Equal(t, low, w.hosts[1].node.Inspect("lifecycle/m").Accepted)
}
