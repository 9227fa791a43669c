package etcdraft

import (
	"math"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// storage is the raft.Storage of a node: raft's own in memory, and a log on the disk with
// a record of each change. A record is a pb.Message, which has the fields that it needs:
// term, vote and commit; entries; and a snapshot, which replaces all before it.
type storage struct {
	*raft.MemoryStorage
	log        *kit.Log
	snapshotAt uint64 // index of the last snapshot
	bug        Bug
}

// recover builds the storage from the first members and the records of the log.
func (s *storage) recover(members []uint64, records [][]byte) {
	s.MemoryStorage = raft.NewMemoryStorage()
	first := &pb.SnapshotMetadata{Index: new(uint64(firstIndex)), Term: new(uint64(1)), ConfState: &pb.ConfState{Voters: members}}
	s.replay(&pb.Message{Snapshot: &pb.Snapshot{Metadata: first}})
	for _, r := range records {
		s.replay(s.bug.forget(unmarshal(r)))
	}
}

func (s *storage) replay(m *pb.Message) {
	if !raft.IsEmptySnap(m.GetSnapshot()) {
		must(s.ApplySnapshot(m.GetSnapshot()))
		s.snapshotAt = m.GetSnapshot().GetMetadata().GetIndex()
	}
	must(s.Append(m.GetEntries()))
	if m.Term != nil {
		must(s.SetHardState(&pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}))
	}
}

// save stores what a Ready has in memory, and returns the record that makes it durable;
// nil: there is nothing to save.
func (s *storage) save(rd *raft.Ready) []byte {
	m := &pb.Message{Entries: rd.Entries}
	if !raft.IsEmptySnap(rd.Snapshot) && s.bug != LogKept {
		m.Snapshot = rd.Snapshot
	}
	if !raft.IsEmptyHardState(rd.HardState) {
		m.Term, m.Vote, m.Commit = rd.Term, rd.HardState.Vote, rd.Commit
	}
	if m.Snapshot == nil && m.Term == nil && len(m.Entries) == 0 {
		return nil
	}
	s.replay(m)
	return marshal(s.bug.omitVote(m))
}

// compact replaces the log up to an index by a snapshot of the state there. In memory the
// last few entries stay, for followers that lag a little.
func (s *storage) compact(out *sim.Effects, index, keep uint64, members *pb.ConfState, data []byte) {
	old := get(s.Snapshot())
	m := &pb.Message{Snapshot: get(s.CreateSnapshot(index, members, data))}
	s.snapshotAt = index
	if index >= get(s.FirstIndex())+keep {
		must(s.Compact(index - keep))
	}
	if last := get(s.LastIndex()); last > index {
		m.Entries = get(s.Entries(index+1, last+1, math.MaxUint64))
	}
	hard, _, err := s.InitialState()
	must(err)
	m.Term, m.Vote, m.Commit = hard.Term, hard.Vote, hard.Commit
	if s.bug == IndexBeforeData { // two writes, where there may only be one
		s.log.Rewrite(out, [][]byte{marshal(withData(m, old.GetData()))}, nil)
	}
	s.log.Rewrite(out, [][]byte{marshal(s.bug.omitVote(m))}, nil)
}
