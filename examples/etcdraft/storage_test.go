package etcdraft

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// life opens the storage on a disk, has do change it, and completes all requests.
func life(t *testing.T, d *disk.Model, bug Bug, do func(s *storage, out *sim.Effects)) *storage {
	s := &storage{bug: bug}
	var out sim.Effects
	var err error
	s.log, err = kit.OpenLog("raft", d, &out, func(_ sim.Duration, out *sim.Effects, records [][]byte) {
		s.recover([]uint64{1, 2, 3}, records)
		do(s, out)
	})
	require.NoError(t, err)
	for {
		requests := out.DiskRequests()
		out = sim.Effects{}
		for _, r := range requests {
			d.Submit(r)
		}
		if d.InFlight() == 0 {
			return s
		}
		for d.InFlight() > 0 {
			token, err := d.Complete()
			require.NoError(t, err)
			if d.InFlight() == 0 { // all but the last of a group are quiet
				_, err = s.log.Step(0, &sim.Event{Kind: sim.DiskDone, Token: token}, &out)
				require.NoError(t, err)
			}
		}
	}
}

func readOf(term, vote, commit uint64, terms ...uint64) *raft.Ready {
	rd := &raft.Ready{HardState: &pb.HardState{Term: &term, Vote: &vote, Commit: &commit}}
	for i, t := range terms {
		rd.Entries = append(rd.Entries, &pb.Entry{Term: &t, Index: new(uint64(firstIndex + 1 + i))})
	}
	return rd
}

func keep(rd *raft.Ready) func(*storage, *sim.Effects) {
	return func(s *storage, out *sim.Effects) { s.log.Append(out, s.save(rd), nil) }
}

func nothing(*storage, *sim.Effects) {}

// state is what raft finds after a restart.
func state(s *storage) (hard *pb.HardState, first, last uint64, members []uint64) {
	hard, conf, err := s.InitialState()
	must(err)
	return hard, get(s.FirstIndex()), get(s.LastIndex()), conf.GetVoters()
}

func TestStorageRecovers(t *testing.T) {
	d := disk.NewModel(0)
	_, first, last, members := state(life(t, d, None, nothing))
	require.Equal(t, []uint64{2, 1}, []uint64{first, last}, "an empty log")
	require.Equal(t, []uint64{1, 2, 3}, members)

	life(t, d, None, keep(readOf(1, 2, 2, 1, 1, 1)))
	life(t, d, None, keep(readOf(2, 3, 3, 1, 2))) // another leader replaces entries 3 and 4
	hard, _, last, _ := state(life(t, d, None, nothing))
	require.Equal(t, []uint64{2, 3, 3}, []uint64{hard.GetTerm(), hard.GetVote(), hard.GetCommit()})
	require.EqualValues(t, 3, last)

	life(t, d, None, func(s *storage, out *sim.Effects) {
		s.compact(out, 2, 5, &pb.ConfState{Voters: []uint64{1, 2}, Learners: []uint64{3}}, []byte("state"))
		require.EqualValues(t, 2, get(s.FirstIndex()), "entries stay in memory for followers that lag")
	})
	s := life(t, d, None, nothing)
	_, first, last, members = state(s)
	require.Equal(t, []uint64{3, 3}, []uint64{first, last})
	require.Equal(t, []uint64{1, 2}, members)
	require.Equal(t, "state", string(get(s.Snapshot()).GetData()))
	require.EqualValues(t, 2, get(s.Term(3)))
}

func TestASnapshotReplacesTheLog(t *testing.T) {
	d := disk.NewModel(0)
	rd := readOf(3, 0, 9)
	rd.Snapshot = &pb.Snapshot{Data: []byte("state"), Metadata: &pb.SnapshotMetadata{
		Index: new(uint64(9)), Term: new(uint64(2)), ConfState: &pb.ConfState{Voters: []uint64{1}},
	}}
	life(t, d, None, keep(readOf(1, 0, 1, 1, 1, 1)))
	life(t, d, None, keep(rd))
	_, first, last, members := state(life(t, d, None, nothing))
	require.Equal(t, []uint64{10, 9}, []uint64{first, last})
	require.Equal(t, []uint64{1}, members)
	_, _, _, members = state(life(t, d, ConfStateLost, nothing))
	require.Empty(t, members)
}

func TestNothingToSaveIsNoRecord(t *testing.T) {
	life(t, disk.NewModel(0), None, func(s *storage, _ *sim.Effects) { require.Nil(t, s.save(&raft.Ready{})) })
}
