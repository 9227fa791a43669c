package etcdraft

import (
	"io"
	"log"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The timers of a node. Those from lostSnapshot on are one for each peer.
const (
	heartbeat    = iota + 1 // of the leader
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
	members *pb.ConfState
	machine *machine
	saving  bool // a Ready is on its way to the disk: the next one waits
	late    []*pb.Entry
	clients clients
}

// Step implements sim.Process.
func (n *node) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	n.StepAll(now, []sim.Event{*ev}, out)
}

// StepAll implements sim.BatchProcess. As a server's loop does, it takes the Ready of all
// events at once.
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
		case packet:
			n.receive(now, out, m.message())
		case *aliased:
			n.receive(now, out, m.Message)
		}
	}
	return nil
}

// start begins to take part, with what the log has.
func (n *node) start(now sim.Duration, out *sim.Effects, records [][]byte) {
	n.storage.recover(n.config.members, records)
	snapshot, err := n.storage.Snapshot()
	must(err)
	n.members = snapshot.GetMetadata().GetConfState()
	n.restore(out, snapshot)
	n.raw, err = raft.NewRawNode(&raft.Config{
		ID: uint64(n.id), Storage: n.storage, Applied: n.machine.Index,
		HeartbeatTick: 1, ElectionTick: n.config.electionTicks(),
		MaxSizePerMsg: n.config.maxBytes, MaxCommittedSizePerReady: math.MaxUint64, MaxInflightMsgs: n.config.maxInflight,
		CheckQuorum: n.config.checkQuorum, PreVote: n.config.preVote,
		DisableProposalForwarding: true,
	})
	must(err)
	n.timers.Every(now, out, heartbeat, n.config.heartbeat)
	n.waitForLeader(now, out)
}

// waitForLeader begins the election timeout anew.
//
// raft's own is random, from crypto/rand, and no function of the seed. It counts in calls
// of Tick by a follower or candidate; so only leaders have such calls, for heartbeats and
// CheckQuorum, in which nothing is random, and the timeout is a timer here. ForgetLeader
// does the other thing that ticks do for followers: with CheckQuorum they vote for nobody
// while they know a leader.
func (n *node) waitForLeader(now sim.Duration, out *sim.Effects) {
	n.timers.Cancel(election)
	n.timers.After(now, out, patience, n.config.election)
}

func (n *node) timer(now sim.Duration, out *sim.Effects, name uint64) {
	switch name {
	case heartbeat:
		if n.config.bug == OwnRandomness || n.raw.BasicStatus().RaftState == raft.StateLeader {
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
		n.apply(out, n.late)
		n.late = nil
	default:
		n.raw.ReportSnapshot(name-lostSnapshot, raft.SnapshotFailure)
	}
}

// receive hands a message to raft, which ignores what it does not like.
func (n *node) receive(now sim.Duration, out *sim.Effects, m *pb.Message) {
	if err := n.raw.Step(m); err != nil {
		return
	}
	s := n.raw.BasicStatus()
	if m.GetFrom() == s.Lead && m.GetTerm() == s.GetTerm() {
		n.waitForLeader(now, out)
	}
}

// save makes a Ready durable, and then finishes it. Only if MustSync allows it, it does
// not wait. MustSync is silent about snapshots, which other nodes count on as well.
func (n *node) save(now sim.Duration, out *sim.Effects, rd raft.Ready) {
	n.saving = true
	n.elected(now, out, &rd)
	if n.config.bug == SendsFirst {
		n.send(now, out, rd.Messages)
		rd.Messages = nil
	}
	record := n.storage.save(&rd)
	wait := rd.MustSync || !raft.IsEmptySnap(rd.Snapshot) && n.config.bug != SnapshotUnsynced
	switch {
	case wait && n.config.bug != MustSyncIgnored:
		n.storage.log.Append(out, record, func(now sim.Duration, out *sim.Effects) { n.finish(now, out, rd) })
		return
	case record != nil:
		n.storage.log.Append(out, record, nil)
	}
	n.finish(now, out, rd)
}

// elected has a vote, a new term and another role begin the election timeout anew, and
// reports that the node leads.
func (n *node) elected(now sim.Duration, out *sim.Effects, rd *raft.Ready) {
	if term := n.raw.BasicStatus().GetTerm(); rd.SoftState != nil && rd.RaftState == raft.StateLeader {
		own := slices.IndexFunc(rd.Entries, func(e *pb.Entry) bool { return e.GetTerm() == term })
		out.Observe(kit.Fact(elected{term, rd.Entries[own].GetIndex()}))
	}
	if rd.SoftState != nil && rd.Lead != raft.None || rd.MustSync && len(rd.Entries) == 0 {
		n.waitForLeader(now, out)
	}
}

// finish does what a durable Ready allows: its messages leave, what is committed is
// applied, and raft hears of both.
func (n *node) finish(now sim.Duration, out *sim.Effects, rd raft.Ready) {
	n.send(now, out, rd.Messages)
	if !raft.IsEmptySnap(rd.Snapshot) {
		n.members = rd.Snapshot.GetMetadata().GetConfState()
		n.restore(out, rd.Snapshot)
	}
	switch n.config.bug {
	case AdvancesFirst:
		if n.late = append(n.late, rd.CommittedEntries...); len(n.late) > 0 && !n.timers.Armed(lateApply) {
			n.timers.After(now, out, lateApply, n.config.heartbeat/2)
		}
	case AppliesEarly:
		n.apply(out, append(rd.CommittedEntries, rd.Entries...))
	default:
		n.apply(out, rd.CommittedEntries)
	}
	n.raw.Advance(rd)
	n.saving = false
	n.answerReads(out, rd.ReadStates)
	n.compact(out)
}

func (n *node) send(now sim.Duration, out *sim.Effects, messages []*pb.Message) {
	for _, m := range messages {
		to := sim.ID(m.GetTo())
		if n.config.bug == Aliased {
			out.Send(to, kit.Message(&aliased{m}))
			continue
		}
		out.Send(to, kit.Message(newPacket(m)))
		if m.GetType() == pb.MsgSnap && n.config.bug != SnapshotSilent {
			n.timers.After(now, out, lostSnapshot+m.GetTo(), n.config.election)
		}
	}
}

func (n *node) restore(out *sim.Effects, s *pb.Snapshot) {
	n.machine = restore(s.GetData(), s.GetMetadata().GetIndex())
	out.Observe(kit.Fact(restored{n.machine.Index, n.machine.Digest}))
}

func (n *node) apply(out *sim.Effects, entries []*pb.Entry) {
	for _, e := range entries {
		if e.GetIndex() <= n.machine.Index && n.config.bug == AppliesEarly {
			continue
		}
		var done result
		switch {
		case len(e.GetData()) > 0:
			c, err := decodeCommand(e.GetData())
			must(err)
			done = n.machine.apply(c, n.config.bug != NoDedup)
			n.clients.answer(out, c.ID, done)
		}
		n.machine.advance(e.GetIndex(), e.GetTerm(), e.GetData(), done)
		out.Observe(kit.Fact(applied{e.GetIndex(), e.GetTerm(), n.machine.Digest}))
	}
}

func (n *node) compact(out *sim.Effects) {
	snapshot, err := n.storage.Snapshot()
	must(err)
	if index := n.raw.BasicStatus().Applied; index >= snapshot.GetMetadata().GetIndex()+n.config.snapshotEvery {
		n.storage.compact(out, index, n.config.catchUp, n.members, n.machine.snapshot())
	}
}

// raft has one logger for all nodes, and a campaign has no use for what it says.
func init() { raft.SetLogger(quiet{&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}}) }

// quiet is raft's log without an output. It panics where raft finds an invariant broken.
type quiet struct{ *raft.DefaultLogger }

func (quiet) Debugf(string, ...any)   {}
func (quiet) Infof(string, ...any)    {}
func (quiet) Warningf(string, ...any) {}
func (quiet) Errorf(string, ...any)   {}
func (quiet) Error(...any)            {}
