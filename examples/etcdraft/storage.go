package etcdraft

import (
	"errors"
	"math"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// storage is the raft.Storage of a node: raft's own in memory, of which each change is a
// record of a log on the disk. A record is a pb.Message, which has the fields that are
// needed: term, vote and commit, entries, and a snapshot.
type storage struct {
	*raft.MemoryStorage
	log *kit.Log
	bug Bug
}

// recover builds the storage from the records of a log, and from the first members.
func (s *storage) recover(members []uint64, records [][]byte) {
	s.MemoryStorage = raft.NewMemoryStorage()
	first := snapshotAt(1, 1, &pb.ConfState{Voters: members}, nil)
	must(s.ApplySnapshot(first))
	for _, r := range records {
		m := unmarshal(r)
		if !raft.IsEmptySnap(m.GetSnapshot()) {
			if s.bug == ConfStateLost {
				m.Snapshot.Metadata.ConfState = nil
			}
			s.applySnapshot(m.GetSnapshot())
		}
		must(s.Append(m.GetEntries()))
		if m.Term != nil {
			must(s.SetHardState(&pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}))
		}
	}
}

// save stores the parts of rd in memory, and returns the record that makes them durable;
// nil: there is nothing to save.
func (s *storage) save(rd *raft.Ready) []byte {
	m := &pb.Message{Entries: rd.Entries}
	if !raft.IsEmptySnap(rd.Snapshot) {
		m.Snapshot = rd.Snapshot
		s.applySnapshot(rd.Snapshot)
	}
	must(s.Append(rd.Entries))
	if !raft.IsEmptyHardState(rd.HardState) {
		m.Term, m.Vote, m.Commit = rd.Term, rd.Vote, rd.Commit
		must(s.SetHardState(rd.HardState))
		if s.bug == VoteNotSaved {
			m.Vote = nil
		}
	}
	if m.Snapshot == nil && m.Term == nil && len(m.Entries) == 0 {
		return nil
	}
	return marshal(m)
}

func (s *storage) applySnapshot(snapshot *pb.Snapshot) {
	if s.bug == LogKept {
		return
	}
	if err := s.ApplySnapshot(snapshot); !errors.Is(err, raft.ErrSnapOutOfDate) {
		must(err)
	}
}

// compact replaces the log up to an index by a snapshot of the state there, but for the
// last few entries, which spare followers that lag a little a snapshot.
func (s *storage) compact(out *sim.Effects, index uint64, keep uint64, members *pb.ConfState, data []byte) {
	old, err := s.Snapshot()
	must(err)
	snapshot, err := s.CreateSnapshot(index, members, data)
	must(err)
	if first, _ := s.FirstIndex(); index >= first+keep {
		must(s.Compact(index - keep))
	}
	hard, _, err := s.InitialState()
	must(err)
	m := &pb.Message{Snapshot: snapshot, Term: hard.Term, Vote: hard.Vote, Commit: hard.Commit}
	if s.bug == VoteNotSaved {
		m.Vote = nil
	}
	if last, _ := s.LastIndex(); last > index {
		m.Entries, err = s.Entries(index+1, last+1, math.MaxUint64)
		must(err)
	}
	if s.bug == IndexBeforeData { // two writes, where one is needed
		meta := snapshot.GetMetadata()
		m.Snapshot = snapshotAt(meta.GetIndex(), meta.GetTerm(), meta.GetConfState(), old.GetData())
		s.log.Rewrite(out, [][]byte{marshal(m)}, nil)
	}
	m.Snapshot = snapshot
	s.log.Rewrite(out, [][]byte{marshal(m)}, nil)
}

func snapshotAt(index, term uint64, members *pb.ConfState, data []byte) *pb.Snapshot {
	return &pb.Snapshot{Data: data, Metadata: &pb.SnapshotMetadata{Index: &index, Term: &term, ConfState: members}}
}

// must panics on an error of raft's storage in memory, which is a broken invariant.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
