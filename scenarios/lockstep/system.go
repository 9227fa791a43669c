package lockstep

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// System returns the node and its client as a system under test.
func System() scenarios.System {
	return scenarios.System{
		Name:          "lockstep",
		About:         "the node of this project: a leaderless replicated register per machine",
		Definitions:   []fsm.Definition{fsm.Lifecycle()},
		Versions:      true,
		Retires:       true,
		OperationIDs:  true,
		Majority:      true,
		ProvesLoss:    true,
		Forms:         true,
		Batches:       true,
		Connections:   true,
		Creates:       true,
		Stops:         true,
		Reconfigures:  true,
		Levels:        int(node.LatestLevel),
		HighWaterFile: "wal-mark",
		Marks:         markNames(),
		Requests:      []string{"proposal-prepare", "proposal-accept", "read-request", "request"},
		New:           func(p *scenarios.Plan) scenarios.Run { return newRun(p) },
		Expected:      expected,
	}
}

// WithoutOracle is System without the oracle of rounds, messages, outcomes and watches.
// The client histories, the identities and the state at the end are still judged. It
// serves to measure the worth of the oracle.
func WithoutOracle() scenarios.System {
	s := System()
	s.New = func(p *scenarios.Plan) scenarios.Run {
		r := newRun(p)
		r.noOracle = true
		return r
	}
	return s
}

// run is the system's side of one run. It implements scenarios.Run.
type run struct {
	plan         *scenarios.Plan
	nodes        []*node.Node     // by id: the current life
	lives        []int            // by id: the current life; 0: stopped
	observers    []*nodeObservers // by id
	processes    []*process       // by id: the current life
	movers       []*watchClient   // clients that watch one node at a time
	steps        uint64           // of all nodes
	oracle       *oracle
	envelopes    envelopePool
	exchangeEnds arena.Arena[exchangeEnded]
	codec        wire.Codec
	pipe         codecPipe
	chunks       chunkPool
	streamKey    keyed.Key // of the choices of chunks
	marks        markCounts

	configured [][]fsm.Definition // by id: created definitions that it is configured with

	noOracle bool // see WithoutOracle

	configurations
	levels
	leftOut      []bool   // by id: see LeaveOut
	guided       []bool   // by id: see addGuides
	out          []sim.ID // see TakeOut
	bug          bug
	lostPromises []bool // by id: it has lost promises, and must abstain
	identities
}

// bug is a defect that a test plants in the runtime of the nodes, to show that the run
// detects it.
type bug struct {
	config func(*node.Config)
	before func(p *process, now scenarios.Duration, ev *sim.Event) (ignore bool)
	after  func(p *process, now scenarios.Duration, e *service.Effects)

	keepsIncarnation bool // a lost log is formatted with the same incarnation
}

func newRun(p *scenarios.Plan) *run {
	r := &run{
		plan: p, nodes: make([]*node.Node, p.Nodes+1), lives: make([]int, p.Nodes+1), oracle: newOracle(p),
		lostPromises: make([]bool, p.Nodes+1), leftOut: make([]bool, p.Nodes+1), guided: make([]bool, p.Nodes+1), configured: make([][]fsm.Definition, p.Nodes+1),
	}
	r.observers, r.processes = make([]*nodeObservers, p.Nodes+1), make([]*process, p.Nodes+1)
	for n := 1; n <= p.Nodes; n++ {
		r.observers[n] = newObservers(r, scenarios.NodeID(n))
	}
	r.movers = newMovers(r)
	r.identities = newIdentities(p)
	r.marks.lastReady = make([]int, p.Nodes+1)
	r.levels = make(levels, p.Nodes+1)
	r.configurations = r.oracle.configurations
	r.streamKey = keyed.Seed(p.Seed).Name("stream chunks")
	r.pipe.key = keyed.Seed(p.Seed).Name("chunks")
	r.codec, _ = wire.ByName(p.Knobs.Codec) // nil if the plan names none
	return r
}

// Node implements scenarios.Run.
func (r *run) Node(id sim.ID, life int) sim.Process {
	p := &process{run: r, id: id, life: life}
	cfg := r.config(id, life)
	truth := &r.oracle.nodes[id]
	truth.dedupWindow, truth.batch, truth.queue, truth.quota = cfg.DedupWindow, cfg.Batch, cfg.Queue, cfg.Quotas.Machines
	if r.bug.config != nil {
		r.bug.config(&cfg)
	}
	cfg.Observer, cfg.Marks = p, &r.marks.node
	r.marks.beginLife(id, life)
	r.beginLevel(id, life)
	m, err := member.New(member.Config{
		Node: cfg, Level: r.levels[id], RememberBytes: uint64(r.plan.Knobs.RememberBytes), RememberDelay: r.rememberDelay(), Formed: r.formed, Join: r.joins(id), Observe: p.observeMember, Marks: &r.marks.member,
	})
	if err != nil {
		panic("lockstep: a plan that validates gives a bad configuration: " + err.Error())
	}
	r.beginLife(id, life, r.lostPromises[id], r.nodes[id])
	p.limits = r.serviceConfig(p)
	s, err := service.New(m, p.limits)
	if err != nil {
		panic("lockstep: a plan that validates gives a bad service: " + err.Error())
	}
	if r.lostPromises[id] { // its clients are others: what they receive is not judged by what they had before
		r.observers[id] = newObservers(r, id)
	}
	p.traffic.node = cfg
	p.service, p.member, p.node, p.observers = s, m, m.Node(), r.observers[id]
	r.nodes[id], r.members[id], r.processes[id] = m.Node(), m, p
	if !r.lostPromises[id] {
		r.lives[id] = life
	}
	return p
}

// serviceConfig returns the configuration of the service of one life.
func (r *run) serviceConfig(p *process) service.Config {
	k := r.plan.Knobs
	return service.Config{
		Pending:  cmp.Or(k.Pending, service.DefaultPending),
		Watchers: cmp.Or(k.Watchers, service.DefaultWatchers),
		Changes:  cmp.Or(k.WatchBuffer, service.DefaultChanges),
		Page:     cmp.Or(k.Page, service.DefaultPage),

		ReadyTimeout: time.Duration(k.ConsensusTimeout),
		Delivered:    p.noteDelivered,
		Notify:       func(member.Notice) { p.notices++ },
	}
}

// config returns the configuration of one life of a node.
func (r *run) config(id sim.ID, life int) node.Config {
	k := r.plan.KnobsOf(id, life)
	cfg := node.Defaults()
	cfg.ID = node.ID(id)
	for n := 1; n <= r.plan.Founders(); n++ {
		cfg.Members = append(cfg.Members, node.ID(scenarios.NodeID(n)))
	}
	if r.joins(id) {
		cfg.Members = append(cfg.Members, node.ID(id))
	}
	cfg.Cluster = [16]byte{'s', 'i', 'm'}
	cfg.Definitions = append(r.plan.Configured(), r.configuredSince(id, life)...)
	cfg.Segment = 16 << 10 // a simulated disk is in memory, and is read in full at each start
	cfg.ConsensusTimeout = time.Duration(k.ConsensusTimeout)
	cfg.MaxResends = k.MaxResends
	cfg.ResendTimeout = time.Duration(k.ResendTimeout)
	cfg.RepairDelay = cmp.Or(time.Duration(k.RepairDelay), cfg.RepairDelay)
	cfg.RepairRate = cmp.Or(k.RepairRate, cfg.RepairRate)
	cfg.RepairList = k.RepairList
	cfg.Backlog = cmp.Or(k.Backlog, cfg.Backlog)
	cfg.FirstBoot, cfg.FirstRound, cfg.FirstSerial = k.FirstBoot, k.FirstRound, r.plan.Knobs.FirstSerial
	cfg.RoundLeap = uint64(k.RoundLeap)
	cfg.Quotas.Machines = cmp.Or(uint64(k.MachineQuota), cfg.Quotas.Machines)
	cfg.Quotas.MachineBytes = cmp.Or(uint64(k.MachineBytes), cfg.Quotas.MachineBytes)
	cfg.Jitter = keyed.Seed(r.plan.Seed).Name("jitter").Word(uint64(id)).Uint64()
	if x := keyed.Seed(r.plan.Seed).Name("open").Word(uint64(id)).Word(uint64(life)).Uint64(); x%2 == 0 {
		cfg.Open = 1 + int(x>>1%3) // it is no knob: nothing that can be seen depends on it
	}
	cfg.LogForm = r.logForm(id, life)
	for _, knob := range []struct {
		to    *int
		value int
	}{{&cfg.DedupWindow, k.DedupWindow}, {&cfg.Batch, k.Batch}, {&cfg.Queue, k.Queue}, {&cfg.Segment, k.Segment}} {
		if knob.value != 0 {
			*knob.to = knob.value
		}
	}
	cfg.Batch = min(cfg.Batch, cfg.DedupWindow)
	return cfg
}

// logForm is the form of a node's log in one of its lives. One node of four has a log of whole
// values, of which most become incremental in some life. A node that is ever of an
// earlier level has whole values: its build knows no others.
func (r *run) logForm(id sim.ID, life int) wal.Form {
	x := keyed.Seed(r.plan.Seed).Name("log form").Word(uint64(id)).Uint64()
	switch leveled := slices.ContainsFunc(r.plan.NodeKnobs, func(k scenarios.NodeKnobs) bool { return k.Node == id && k.Level != 0 }); {
	case leveled:
		return wal.FormWhole
	case x%4 != 0:
		return wal.FormAuto
	case life > int(x>>2%4)+1:
		return wal.FormIncremental
	}
	return wal.FormWhole
}

// Client implements scenarios.Run.
func (r *run) Client(id sim.ID) sim.Process {
	k := r.plan.Knobs
	cfg := session.Config{
		AttemptTimeout:    r.attemptTimeout(),
		MinAttemptTimeout: time.Duration(k.MinAttempt),
		Deadline:          time.Duration(k.ClientTimeout),
		MaxPause:          time.Duration(k.ResendTimeout),
		Jitter:            keyed.Seed(r.plan.Seed).Name("client").Word(uint64(id)).Uint64(),
		Marks:             &r.marks.session,
	}
	for n := 1; n <= r.plan.Nodes; n++ {
		cfg.Nodes = append(cfg.Nodes, node.ID(scenarios.NodeID(n)))
	}
	s, err := session.New(cfg)
	if err != nil {
		panic("lockstep: a plan that validates gives a bad session: " + err.Error())
	}
	return &client{run: r, id: id, byStream: r.streamsOf(id), session: s, ownAttempts: map[string]uint32{}}
}

// attemptTimeout is the longest time that a client waits for a node before it tries
// another as well.
func (r *run) attemptTimeout() time.Duration {
	k := r.plan.Knobs
	return cmp.Or(time.Duration(k.AttemptTimeout), time.Duration(k.ConsensusTimeout+k.ResendTimeout))
}

// Observe implements scenarios.Run.
func (r *run) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	switch f := f.(type) {
	case *stepReport:
		return r.observeStep(at, id, f)
	case *scenarios.IncarnationRejected:
		return r.checkIncarnationRejected(r.oracle.forNode(at, id))
	case *scenarios.MemberRemoved:
		r.lives[id], r.removed[id] = 0, true
		return r.checkRemoved(r.oracle.forNode(at, id))
	case *scenarios.Stopped:
		r.lives[id] = 0 // the runner judges whether it may stop
	case *requestSent:
		if !r.noOracle {
			return r.oracle.forNode(at, id).checkRequest(f.operation, f.request, f.to)
		}
	case *exchangeEnded:
		if !r.noOracle {
			return r.oracle.forNode(at, id).checkExchange(f)
		}
	case *streamBroken:
		if !r.noOracle {
			return r.oracle.forNode(at, id).checkStreamBroken(f)
		}
	case *scenarios.Response:
		if !r.noOracle {
			return r.oracle.forNode(at, id).checkResponse(f)
		}
	}
	return nil
}

// running lists the nodes that are members and have not stopped for good.
func (r *run) running() (ids []int) {
	for n := 1; n <= r.plan.Nodes; n++ {
		if r.lives[n] != 0 && !r.leftOut[n] && r.configurations.last().Has(node.ID(scenarios.NodeID(n))) {
			ids = append(ids, n)
		}
	}
	return ids
}

// Repaired implements scenarios.Repairer. On every machine all running nodes have
// accepted the same value, either all or none of them know it to be chosen, and their
// queues are empty.
func (r *run) Repaired(at scenarios.Duration) *scenarios.Violation {
	running := r.running()
	for _, n := range running {
		if w := r.nodes[n].PendingWork(); w != "" {
			return r.oracle.forNode(at, scenarios.NodeID(n)).violation("liveness", "not-quiescent", "", "still has %s on the healed network, long after the last request", w)
		}
		if v := r.checkLeftOver(r.oracle.forNode(at, scenarios.NodeID(n))); v != nil {
			return v
		}
	}
	for _, key := range r.oracle.keys {
		first := r.nodes[running[0]].Inspect(key)
		for _, n := range running[1:] {
			s, o := r.nodes[n].Inspect(key), r.oracle.forNode(at, scenarios.NodeID(n))
			switch {
			case s.Accepted != first.Accepted || !s.Value.Equal(first.Value):
				return o.violation("convergence", "accepted-differ", key, "has accepted %v %v of %s on the healed network, and node %d %v %v",
					s.Accepted, s.Value, key, running[0], first.Accepted, first.Value)
			case (s.Chosen == s.Accepted) != (first.Chosen == first.Accepted):
				return o.violation("convergence", "learnt-differ", key, "has accepted %v of %s on the healed network, and knows %v as chosen, node %d %v",
					s.Accepted, key, s.Chosen, running[0], first.Chosen)
			}
		}
	}
	return nil
}

// Agree implements scenarios.Run. Every request has an answer, and all running nodes
// have learnt the same value of every machine.
func (r *run) Agree(at scenarios.Duration) *scenarios.Violation {
	if v := r.checkAbstains(at); v != nil {
		return v
	}
	if v := r.oracle.forNode(at, 0).checkUnanswered(r.lives); v != nil {
		return v
	}
	if v := r.checkServed(at); v != nil {
		return v
	}
	if v := r.checkDefinitions(at); v != nil {
		return v
	}
	if v := r.checkAgreement(at, r.running()); v != nil || r.noOracle {
		return v
	}
	return r.checkAtRest(at)
}

// CoreAgrees implements scenarios.CoreAgreer.
func (r *run) CoreAgrees(at scenarios.Duration, excluded []sim.ID) *scenarios.Violation {
	isExcluded := func(n int) bool { return slices.Contains(excluded, scenarios.NodeID(n)) }
	return r.checkAgreement(at, slices.DeleteFunc(r.running(), isExcluded))
}

// checkAgreement: all have learnt the same. Nodes with quotas may refuse the fresh operation that
// would settle a value which all of them have accepted, and none knows to be chosen.
func (r *run) checkAgreement(at scenarios.Duration, running []int) *scenarios.Violation {
	for _, key := range r.oracle.keys {
		first := r.nodes[running[0]].Inspect(key)
		for _, n := range running[1:] {
			v := r.nodes[n].Inspect(key)
			unsettled := r.plan.HasQuotas() && v.Accepted == first.Accepted && v.Chosen != v.Accepted && first.Chosen != first.Accepted
			if !unsettled && !v.Learnt.Equal(first.Learnt) {
				return r.oracle.forNode(at, scenarios.NodeID(n)).violation("convergence", "values-differ", key,
					"has learnt %v of %s after the heal phase, and node %d %v", v.Learnt, key, running[0], first.Learnt)
			}
		}
	}
	return nil
}
