package etcdraft

import (
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Bug is a misuse of raft, or None. The documentation of raft.Ready, raft.Config and
// raft.Storage forbids each; a campaign over System of it shows the consequence.
type Bug string

// The misuses.
const (
	None Bug = ""

	SendsFirst      Bug = "sends-first"       // messages leave before the Ready that they belong to is durable
	VoteNotSaved    Bug = "vote-not-saved"    // the HardState on the disk lacks its vote
	MustSyncIgnored Bug = "must-sync-ignored" // no Ready waits for its sync
	AppliesEarly    Bug = "applies-early"     // entries are applied when they are appended, before they are committed
	ReadsLocally    Bug = "reads-locally"     // reads are answered from the state of any node
	IndexBeforeData Bug = "index-before-data" // a snapshot's applied index becomes durable before its data
	LogKept         Bug = "log-kept"          // a snapshot that arrives is applied, and the log before it stays
	ConfStateLost   Bug = "conf-state-lost"   // a restart forgets the members
	AdvancesFirst   Bug = "advances-first"    // Advance is called before the entries are applied
	SnapshotSilent  Bug = "snapshot-silent"   // raft is not told that a snapshot may be lost
	NoDedup         Bug = "no-dedup"          // an operation that is proposed again is applied again

	OwnRandomness Bug = "own-randomness" // raft draws its election timeouts itself: no run can be repeated
	Aliased       Bug = "aliased"        // messages are sent and received without a copy, and raft changes them
)

// Bugs are the misuses that a campaign finds as violations of the oracle. The other two
// are found by the guard.
func Bugs() []Bug {
	return []Bug{
		SendsFirst, VoteNotSaved, MustSyncIgnored, AppliesEarly, ReadsLocally, IndexBeforeData, LogKept, ConfStateLost, AdvancesFirst,
		SnapshotSilent, NoDedup,
	}
}

// omitVote returns m as it is written to the disk.
func (b Bug) omitVote(m *pb.Message) *pb.Message {
	if b == VoteNotSaved {
		m.Vote = nil
	}
	return m
}

// forget returns m as it is read from the disk.
func (b Bug) forget(m *pb.Message) *pb.Message {
	if b == ConfStateLost && !raft.IsEmptySnap(m.GetSnapshot()) {
		m.Snapshot.Metadata.ConfState = nil
	}
	return m
}

// withData returns m with other data in its snapshot.
func withData(m *pb.Message, data []byte) *pb.Message {
	m = proto.Clone(m).(*pb.Message)
	m.Snapshot.Data = data
	return m
}

// misapply applies a Ready as AppliesEarly and AdvancesFirst do.
func (n *node) misapply(now sim.Duration, out *sim.Effects, rd *raft.Ready) bool {
	switch n.config.bug {
	case AppliesEarly:
		for _, e := range append(rd.CommittedEntries, rd.Entries...) {
			if e.GetIndex() > n.machine.Index {
				n.apply(out, []*pb.Entry{e})
			}
		}
	case AdvancesFirst:
		if n.late = append(n.late, rd.CommittedEntries...); len(n.late) > 0 && !n.timers.Armed(lateApply) {
			n.timers.After(now, out, lateApply, n.config.heartbeat/2)
		}
	default:
		return false
	}
	return true
}

// applyLate applies what AdvancesFirst has put off.
func (n *node) applyLate(out *sim.Effects) {
	n.apply(out, n.late)
	n.late = nil
}

// packet returns the body of a message to another node.
func (b Bug) packet(m *pb.Message) any {
	if b == Aliased {
		return &aliased{m}
	}
	return newPacket(m)
}

// aliased is a message of raft as it is: see Aliased.
type aliased struct{ *pb.Message }

func (a *aliased) message() *pb.Message { return a.Message }

// FateKey implements sim.Message.
func (a *aliased) FateKey() uint64 { return kit.Message(newPacket(a.Message)).FateKey() }

// FateName implements sim.Message.
func (a *aliased) FateName() string { return kit.Message(newPacket(a.Message)).FateName() }

// Digest implements sim.Message.
func (a *aliased) Digest() uint64 { return kit.Message(newPacket(a.Message)).Digest() }

func (a *aliased) String() string { return newPacket(a.Message).String() }
