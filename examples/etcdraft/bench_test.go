package etcdraft_test

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// BenchmarkSeeds is a campaign with everything on: seeds, messages and commits a second
// of one core.
func BenchmarkSeeds(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // as the fuzz command does
	c := campaignOf(etcdraft.None, 0, uint64(b.N))
	c.Workers = 1
	begin := cpuSeconds()
	sum, err := c.Run(b.Context(), nil)
	if err != nil || sum.Failed > 0 {
		b.Fatal(sum.Failed, err)
	}
	seconds := cpuSeconds() - begin
	b.ReportMetric(float64(b.N)/seconds, "seeds/core-s")
	b.ReportMetric(float64(sum.Messages)/seconds, "messages/core-s")
	b.ReportMetric(float64(sum.Outcomes.Committed)/seconds, "commits/core-s")
}

// BenchmarkBareLoop is the same library without a world: three nodes in memory, one
// operation at a time, messages handed over as they are, no disk, clock, fault or check.
func BenchmarkBareLoop(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600))
	nodes := map[uint64]*bareNode{}
	for id := uint64(1); id <= 3; id++ {
		nodes[id] = newBareNode(b, id)
	}
	messages := 0
	settle := func() {
		for busy := true; busy; {
			busy = false
			for id := uint64(1); id <= 3; id++ {
				for nodes[id].raw.HasReady() {
					busy = true
					messages += nodes[id].handle(b, nodes)
				}
			}
		}
	}
	_ = nodes[1].raw.Campaign()
	settle()
	messages = 0
	begin := cpuSeconds()
	for range b.N {
		if err := nodes[1].raw.Propose([]byte("c1.1 write k1 value")); err != nil {
			b.Fatal(err)
		}
		settle()
	}
	seconds := cpuSeconds() - begin
	b.ReportMetric(float64(messages)/seconds, "messages/core-s")
	b.ReportMetric(float64(b.N)/seconds, "commits/core-s")
}

type bareNode struct {
	raw     *raft.RawNode
	storage *raft.MemoryStorage
}

func newBareNode(b *testing.B, id uint64) *bareNode {
	s := raft.NewMemoryStorage()
	first := &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(uint64(1)), Term: new(uint64(1)), ConfState: &pb.ConfState{Voters: []uint64{1, 2, 3}}}}
	if err := s.ApplySnapshot(first); err != nil {
		b.Fatal(err)
	}
	raw, err := raft.NewRawNode(&raft.Config{
		ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: s, Applied: 1,
		MaxSizePerMsg: math.MaxUint64, MaxInflightMsgs: 256,
	})
	if err != nil {
		b.Fatal(err)
	}
	return &bareNode{raw, s}
}

// handle handles a Ready, and returns the number of its messages.
func (n *bareNode) handle(b *testing.B, nodes map[uint64]*bareNode) int {
	rd := n.raw.Ready()
	if err := n.storage.Append(rd.Entries); err != nil {
		b.Fatal(err)
	}
	if !raft.IsEmptyHardState(rd.HardState) {
		_ = n.storage.SetHardState(rd.HardState)
	}
	for _, m := range rd.Messages {
		_ = nodes[m.GetTo()].raw.Step(m)
	}
	n.raw.Advance(rd)
	return len(rd.Messages)
}
