package etcdraft

import (
	"io"
	"log"
	"math"
	"math/rand/v2"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The timers of a node. Those from lostSnapshot on are one for each peer.
const (
	heartbeat    = iota + 1 // a leader's, and all that ticks
	patience                // no leader was heard of for the election timeout
	election                // and for a random time more
	lateApply               // of AdvancesFirst
	lostSnapshot            // a snapshot that was sent to a peer may be lost
)

// node is a member of the cluster: a raft.RawNode, its storage and its machine.
type node struct {
	config  config
	id      sim.ID
	random  *rand.Rand // of this life: see waitForLeader
	timers  kit.Timers
	storage storage
	raw     *raft.RawNode // nil: the log is not read yet, or has failed
	machine *machine
	members *pb.ConfState
	saving  bool        // a Ready is on its way to the disk: the next one waits
	late    []*pb.Entry // of AdvancesFirst
	clients clients
}

// Step implements sim.Process.
func (n *node) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	n.StepAll(now, []sim.Event{*ev}, out)
}

// StepAll implements sim.BatchProcess. As a server's loop does, it takes one Ready of all
// events.
func (n *node) StepAll(now sim.Duration, evs []sim.Event, out *sim.Effects) {
	for i := range evs {
		if err := n.take(now, &evs[i], out); err != nil {
			n.raw = nil
			out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: evs[i].Kind == sim.Boot})
		}
	}
	for n.raw != nil && !n.saving && n.raw.HasReady() {
		n.save(now, out, n.raw.Ready())
	}
}

func (n *node) take(now sim.Duration, ev *sim.Event, out *sim.Effects) (err error) {
	if ev.Kind == sim.Boot {
		n.storage.log, err = kit.OpenLog("raft", ev.Disk, out, n.start)
		return err
	}
	if mine, err := n.storage.log.Step(now, ev, out); mine || n.raw == nil {
		return err
	}
	if name, ok := n.timers.Fired(now, ev, out); ok {
		n.timer(now, out, name)
	}
	if ev.Kind == sim.Receive {
		switch m := kit.Body(ev.Message).(type) {
		case request:
			n.request(out, ev.From, m)
		case interface{ message() *pb.Message }:
			n.receive(now, out, m.message())
		}
	}
	return nil
}

// start takes part from now on, with the records that the log has.
func (n *node) start(now sim.Duration, out *sim.Effects, records [][]byte) {
	n.storage.recover(n.config.members, records)
	n.restore(out, get(n.storage.Snapshot()))
	n.raw = get(raft.NewRawNode(&raft.Config{
		ID: uint64(n.id), Storage: n.storage, Applied: n.machine.Index,
		HeartbeatTick: 1, ElectionTick: n.config.electionTicks(), CheckQuorum: n.config.checkQuorum, PreVote: n.config.preVote,
		MaxSizePerMsg: n.config.maxBytes, MaxCommittedSizePerReady: math.MaxUint64, MaxInflightMsgs: n.config.maxInflight,
		DisableProposalForwarding: true,
	}))
	n.timers.Every(now, out, heartbeat, n.config.heartbeat)
	n.waitForLeader(now, out)
}

// waitForLeader begins the election timeout anew.
//
// raft's own is random, from crypto/rand, so no function of the seed. It counts the ticks
// of followers and candidates; here only leaders tick, for heartbeats and CheckQuorum, in
// which nothing is random, and the timeout is a timer. ForgetLeader does the other thing
// for which followers tick: with CheckQuorum none votes while it knows a leader.
func (n *node) waitForLeader(now sim.Duration, out *sim.Effects) {
	n.timers.Cancel(election)
	n.timers.After(now, out, patience, n.config.election)
}

func (n *node) timer(now sim.Duration, out *sim.Effects, name uint64) {
	switch name {
	case heartbeat:
		if n.config.bug == OwnRandomness || n.leads() {
			n.raw.Tick()
		}
	case patience:
		must(n.raw.ForgetLeader())
		n.timers.After(now, out, election, sim.Duration(n.random.Int64N(int64(n.config.jitter)+1)))
	case election:
		if n.config.bug != OwnRandomness {
			must(n.raw.Campaign())
		}
		n.waitForLeader(now, out)
	case lateApply:
		n.applyLate(out)
	default:
		n.raw.ReportSnapshot(name-lostSnapshot, raft.SnapshotFailure)
	}
}

func (n *node) leads() bool { return n.raw.BasicStatus().RaftState == raft.StateLeader }

// receive hands a message to raft, which ignores those that make no sense to it.
func (n *node) receive(now sim.Duration, out *sim.Effects, m *pb.Message) {
	_ = n.raw.Step(m)
	if s := n.raw.BasicStatus(); s.Lead != raft.None && m.GetFrom() == s.Lead && m.GetTerm() == s.GetTerm() {
		n.waitForLeader(now, out)
	}
}

// save makes a Ready durable, and finishes it then: at once, if MustSync is false. But
// MustSync is silent about snapshots, which the leader counts on as on entries.
func (n *node) save(now sim.Duration, out *sim.Effects, rd raft.Ready) {
	n.saving = true
	observeLeader(out, n.raw.BasicStatus(), &rd)
	if rd.SoftState != nil && rd.Lead != raft.None || rd.MustSync && len(rd.Entries) == 0 { // a leader, a vote, or a new term
		n.waitForLeader(now, out)
	}
	if n.config.bug == SendsFirst {
		n.send(now, out, &rd)
	}
	record := n.storage.save(&rd)
	if (rd.MustSync || !raft.IsEmptySnap(rd.Snapshot)) && n.config.bug != MustSyncIgnored {
		n.storage.log.Append(out, record, func(now sim.Duration, out *sim.Effects) { n.finish(now, out, &rd) })
		return
	}
	if record != nil {
		n.storage.log.Append(out, record, nil)
	}
	n.finish(now, out, &rd)
}

// finish does what a durable Ready allows: its messages leave, what is committed is
// applied, and raft hears of both.
func (n *node) finish(now sim.Duration, out *sim.Effects, rd *raft.Ready) {
	out.Observe(kit.Fact(stored{get(n.storage.LastIndex())}))
	n.send(now, out, rd)
	if !raft.IsEmptySnap(rd.Snapshot) {
		n.restore(out, rd.Snapshot)
	}
	if !n.misapply(now, out, rd) {
		n.apply(out, rd.CommittedEntries)
	}
	n.raw.Advance(*rd)
	n.saving = false
	n.answerReads(out, rd.ReadStates)
	n.compact(out)
}

func (n *node) send(now sim.Duration, out *sim.Effects, rd *raft.Ready) {
	for _, m := range rd.Messages {
		out.Send(sim.ID(m.GetTo()), kit.Message(n.config.bug.packet(m)))
		if m.GetType() == pb.MsgSnap && n.config.bug != SnapshotSilent {
			n.timers.After(now, out, lostSnapshot+m.GetTo(), n.config.election)
		}
	}
	rd.Messages = nil
}

func (n *node) restore(out *sim.Effects, s *pb.Snapshot) {
	n.members = s.GetMetadata().GetConfState()
	n.machine = restore(s.GetData(), s.GetMetadata().GetIndex())
	out.Observe(kit.Fact(restored{n.machine.Index, n.machine.Digest}))
}

func (n *node) apply(out *sim.Effects, entries []*pb.Entry) {
	for _, e := range entries {
		var done result
		switch {
		case isCommand(e):
			c := decodeCommand(e.GetData())
			done = n.applyOnce(c)
			n.clients.answer(out, c.ID, done)
		case e.GetType() == pb.EntryConfChange:
			n.changeMembers(e.GetData())
		}
		n.machine.advance(e.GetIndex(), e.GetTerm(), e.GetData(), done)
		out.Observe(kit.Fact(applied{e.GetIndex(), e.GetTerm(), n.machine.Digest, n.raw.BasicStatus().GetTerm()}))
		n.proposeMembers(e.GetIndex())
	}
}

func (n *node) compact(out *sim.Effects) {
	if index := n.raw.BasicStatus().Applied; index >= n.storage.snapshotAt+n.config.snapshotEvery {
		n.storage.compact(out, index, n.config.catchUp, n.members, n.machine.snapshot())
	}
}

// raft has one log for all nodes, and it goes nowhere. Where raft finds an invariant
// broken, it panics.
func init() { raft.SetLogger(&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}) }
