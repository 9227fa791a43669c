// Package etcdraft runs go.etcd.io/raft/v3 in the harness: a replicated key-value store of
// three to five nodes, on RawNode, with its log on the simulated disk.
package etcdraft

import (
	"math/rand/v2"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// firstIndex is the index at which the log begins: see storage.recover.
const firstIndex = 1

const ms = int64(netmodel.Millisecond)

// The knobs. Times are around a trip: a message, a sync, and the answer.
var (
	heartbeatKnob = scenarios.Knob{
		Name: "heartbeat", About: "period of a leader's heartbeats", Unit: scenarios.Time, Min: ms / 10, Max: 1000 * ms, Default: 5 * ms,
		Draw: func(c scenarios.Choices, p *scenarios.Plan) int64 {
			return int64(p.Trip()) * int64(c.Between("trips", 1, 4))
		},
	}
	electionKnob = scenarios.Knob{
		Name: "election", About: "time without a leader until a follower may campaign", Unit: scenarios.Time, Min: ms, Max: 10_000 * ms, Default: 25 * ms,
		Draw: func(c scenarios.Choices, p *scenarios.Plan) int64 {
			return int64(p.Trip()) * int64(c.Between("trips", 10, 24))
		},
	}
	jitterKnob = scenarios.Knob{
		Name: "jitter", About: "percent of the election timeout that it is randomly longer, at most", Min: 1, Max: 200, Default: 100,
		Draw: func(c scenarios.Choices, _ *scenarios.Plan) int64 { return []int64{100, 50}[c.Choose("jitter", 2)] },
	}
	snapshotKnob = scenarios.Knob{Name: "snapshot_every", About: "entries between snapshots", Min: 1, Max: 1_000_000, Default: 10_000, Draw: oneOf("entries", 10_000, 20, 8, 3)}
	catchUpKnob  = scenarios.Knob{Name: "catch_up", About: "entries before a snapshot that stay in the log", Min: 0, Max: 1_000_000, Default: 0, Draw: oneOf("entries", 0, 2, 10)}
	inflightKnob = scenarios.Knob{Name: "max_inflight", About: "appends to a follower without an answer", Min: 1, Max: 10_000, Default: 256, Draw: oneOf("messages", 256, 1, 4)}
	sizeKnob     = scenarios.Knob{Name: "max_bytes", About: "bytes of entries of an append; 0: one entry", Min: 0, Max: 1 << 20, Default: 1 << 20, Draw: oneOf("bytes", 1<<20, 0, 100)}
	membersKnob  = scenarios.Knob{Name: "reconfigure_every", About: "entries between changes of the voters; 0: none", Min: 0, Max: 1_000_000, Default: 0, Draw: oneOf("entries", 0, 0, 20, 6)}
	quorumKnob   = scenarios.Knob{Name: "check_quorum", About: "1: a leader that hears of no quorum steps down", Min: 0, Max: 1, Default: 1, Draw: oneOf("on", 1, 0)}
	preVoteKnob  = scenarios.Knob{Name: "pre_vote", About: "1: a candidate asks first whether it could win", Min: 0, Max: 1, Default: 1, Draw: oneOf("on", 1, 0)}
)

func oneOf(label string, values ...int64) func(scenarios.Choices, *scenarios.Plan) int64 {
	return func(c scenarios.Choices, _ *scenarios.Plan) int64 {
		return values[c.Choose(label, uint64(len(values)))]
	}
}

// System is a key-value store on etcd's raft, with a misuse or None.
func System(bug Bug) scenarios.System {
	name, about := "etcdraft", "a key-value store on go.etcd.io/raft/v3"
	if bug != None {
		name, about = name+"-"+string(bug), about+", with a misuse of it"
	}
	return scenarios.System{
		Name:     name,
		About:    about,
		Workload: workload.KV(),
		Knobs: []scenarios.Knob{
			heartbeatKnob, electionKnob, jitterKnob, snapshotKnob, catchUpKnob, inflightKnob, sizeKnob, membersKnob, quorumKnob, preVoteKnob,
		},
		Times:       scenarios.Times{FaultPhase: 200 * netmodel.Millisecond},
		Without:     scenarios.FamiliesOfLoss(),
		Adjust:      adjust,
		Majority:    true,
		Batches:     true,
		Connections: true,
		Marks:       markNames,
		New:         func(p *scenarios.Plan) scenarios.Run { return newRun(p, bug) },
	}
}

// adjust has clients and the heal phase wait for a few elections. With a learner among the
// members, fewer of them may be excluded. Nodes that were paused for the whole of the heal
// phase get and answer some thousand messages at once, for which steps must be short.
func adjust(_ scenarios.Choices, p *scenarios.Plan) {
	term := 2 * scenarios.Duration(electionKnob.Of(p)) // with its jitter
	p.Knobs.ClientTimeout = max(p.Knobs.ClientTimeout, 5*term)
	p.Heal.Within = 100 * term * scenarios.Duration(len(p.Machines()))
	p.Heal.Settle = 4*term + 4*(p.Disk.Write.Max+p.Disk.Sync.Max)
	if membersKnob.Of(p) != 0 && p.Nodes > 1 {
		p.Heal.Excluded = p.Heal.Excluded[:min(len(p.Heal.Excluded), (p.Nodes-2)/2)]
	}
	if p.Heal.Exclusion == scenarios.StayPaused {
		p.Steps.Time = min(p.Steps.Time, scenarios.Duration(heartbeatKnob.Of(p)/500))
	}
	if len(p.Heal.Excluded) == 0 {
		p.Heal.Excluded, p.Heal.Exclusion = nil, scenarios.DownAtFirst
	}
}

// config is the configuration of a node.
type config struct {
	bug                         Bug
	marks                       *marks
	members                     []uint64
	heartbeat, election, jitter sim.Duration
	snapshotEvery, catchUp      uint64
	reconfigureEvery            uint64
	maxInflight                 int
	maxBytes                    uint64
	checkQuorum, preVote        bool
}

// electionTicks is the time after which a leader that hears of no quorum steps down.
func (c *config) electionTicks() int { return max(2, int(c.election/c.heartbeat)) }

type run struct {
	systemkit.Observer
	*oracle
	plan   *scenarios.Plan
	config config
}

func newRun(p *scenarios.Plan, bug Bug) *run {
	c := config{
		bug:              bug,
		heartbeat:        scenarios.Duration(heartbeatKnob.Of(p)),
		election:         scenarios.Duration(electionKnob.Of(p)),
		snapshotEvery:    uint64(snapshotKnob.Of(p)),
		catchUp:          uint64(catchUpKnob.Of(p)),
		reconfigureEvery: uint64(membersKnob.Of(p)),
		maxInflight:      int(inflightKnob.Of(p)),
		maxBytes:         uint64(sizeKnob.Of(p)),
		checkQuorum:      quorumKnob.Of(p) == 1,
		preVote:          preVoteKnob.Of(p) == 1,
	}
	c.jitter = c.election * scenarios.Duration(jitterKnob.Of(p)) / 100
	var nodes []sim.ID
	for n := range p.Nodes {
		nodes = append(nodes, scenarios.NodeID(n+1))
		c.members = append(c.members, uint64(scenarios.NodeID(n+1)))
	}
	r := &run{oracle: newOracle(nodes, min(1, int(c.reconfigureEvery))), plan: p, config: c}
	r.config.marks = &r.oracle.marks
	r.Observer = r.check
	return r
}

// Node implements scenarios.Run.
func (r *run) Node(id sim.ID, life int) sim.Process {
	random := rand.New(kit.NewSource(r.plan.Seed, id, life).Named("election"))
	return &node{config: r.config, id: id, random: random, storage: storage{bug: r.config.bug}}
}

// Client implements scenarios.Run.
func (r *run) Client(id sim.ID) sim.Process {
	return systemkit.NewClient(r.plan, id, systemkit.Protocol{
		Request: func(inv *scenarios.Invocation, attempt int) any {
			return request{inv.Key, inv.ID, attempt, command{inv.ID, string(inv.Kind), inv.Key, inv.Argument, inv.Expected}}
		},
		Reply: func(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
			m, ok := body.(reply)
			if !ok || m.ID != inv.ID {
				return kit.Reply{}
			}
			if inv.Kind == scenarios.Read {
				to.State = m.Value
			}
			r := kit.Reply{Answer: m.Answer, Attempt: m.Attempt, Try: m.Try}
			if m.Answer == kit.Void {
				r.Reason = scenarios.Illegal
			}
			return r
		},
		Repeat: func(*scenarios.Invocation) bool { return true }, // nodes tell operations apart
	})
}

// Agree implements scenarios.Run.
func (r *run) Agree(at sim.Duration) *scenarios.Violation { return r.agree(at, nil) }

// CoreAgrees implements scenarios.CoreAgreer.
func (r *run) CoreAgrees(at sim.Duration, without []sim.ID) *scenarios.Violation {
	return r.agree(at, without)
}
