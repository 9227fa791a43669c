package play

import (
	"fmt"
	"math"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// runner is one run in progress: a world, the clients' queues, the history, and the
// heal phase.
type runner struct {
	plan             *scenarios.Plan
	objects          scenarios.Workload
	machines         []string // keys of the plan's objects
	run              scenarios.Run
	world            *sim.World
	history          historyRecorder
	invocations      arena.Arena[scenarios.Invocation]
	linksToClients   []netmodel.Link
	linksFromClients []netmodel.Link
	queues           map[sim.ID]*clientQueue // by client
	busyClients      int                     // clients with operations left
	healOps          healProgress
	healed           bool
	repairer         scenarios.Repairer // nil if the system is none
	nodes            []nodeStatus       // by node
	disks            DiskCounts
	profileOverrides []*scenarios.Fault   // active profile overrides, in the order in which they began
	slowFaults       []*scenarios.Fault   // active slow faults, likewise
	hits             scenarios.FamilyHits // hits that the world does not count
	endAt            scenarios.Duration   // later events do not count
	instants         *instantList         // nil: none are wanted
	watch            *watcher             // nil: the run is not told
	stops            bool                 // see scenarios.System.Stops
	excluded         []sim.ID             // nodes that the heal phase leaves out, and
	exclusion        scenarios.Exclusion  // how, once it does
	changesMembers   bool                 // the plan does, and the system Reconfigures
	eventLimit       uint64               // events from which on the run counts as a livelock
	violation        *scenarios.Violation
	safetyOnly       bool       // see Options.SafetyOnly
	reseed           *Reseeding // that is still to come; nil: none is
}

func newRunner(sys scenarios.System, p *scenarios.Plan, o Options) (*runner, error) {
	if err := sys.Validate(); err != nil {
		return nil, err
	}
	if err := sys.Check(p); err != nil {
		return nil, err
	}
	s := &runner{
		plan: p, objects: sys.Objects(), machines: p.Machines(), run: sys.New(p), queues: map[sim.ID]*clientQueue{}, nodes: make([]nodeStatus, p.Nodes+1),
		endAt: math.MaxInt64, instants: o.instants, watch: o.watch, stops: sys.Stops, changesMembers: sys.Reconfigures && p.ChangesMembers(), safetyOnly: o.SafetyOnly, reseed: o.Reseed, eventLimit: maxEvents(sys, p),
	}
	if s.run == nil {
		return nil, fmt.Errorf("%w %s: new: it has made no Run", scenarios.ErrSystem, sys.Name)
	}
	s.repairer, _ = s.run.(scenarios.Repairer)
	cfg := sim.Config{
		Seed: p.Seed, Network: p.Network, NewsDelay: p.Heal.Delay, New: s.newProcess, Observe: s.observe, Trace: o.Trace, Buffers: o.Buffers, HighWaterFile: sys.HighWaterFile,
	}
	if c, ok := s.run.(scenarios.MessageCodec); ok && p.Knobs.Codec != "" && o.instants == nil { // a codec changes no instant, and takes long
		cfg.RoundTrip = func(_, _ sim.ID, m sim.Message) sim.Message { return c.RoundTrip(m) }
		cfg.Corrupt = func(_, to sim.ID, m sim.Message, cut bool, k keyed.Key) {
			if decoded := c.Corrupt(m, cut, k); decoded != "" {
				s.violate(s.damageAccepted(to, m, decoded))
			}
		}
	}
	switch {
	case o.watch != nil:
		cfg.OnEvent, cfg.OnSend = o.watch.onEvent, o.watch.onSend
	case o.everyStep:
		cfg.Checks = sim.CheckSteps
	case !o.SampleChecks && o.instants == nil:
		cfg.Checks = sim.CheckMessages
	}
	if o.instants != nil {
		cfg.OnEvent, cfg.OnSend = o.instants.onEvent, o.instants.onSend
	}
	if o.onStep != nil {
		cfg.OnStep = func(id sim.ID, evs []sim.Event, out *sim.Effects) { o.onStep(s.world.Now(), id, evs, out) }
	}
	for n := 1; n <= p.Nodes; n++ {
		spec := sim.Spec{ID: scenarios.NodeID(n), Disk: p.Disk, Steps: p.Steps}
		if n <= len(p.Clocks) {
			spec.Clock = p.Clocks[n-1]
		}
		cfg.Processes = append(cfg.Processes, spec)
	}
	for c := 1; c <= p.Clients; c++ {
		cfg.Processes = append(cfg.Processes, sim.Spec{ID: scenarios.ClientID(c), SeesConnections: sys.Connections})
	}
	cfg.Processes = append(cfg.Processes, sim.Spec{ID: scenarios.ClientID(scenarios.HealClient), SeesConnections: sys.Connections})
	w, err := sim.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", scenarios.ErrPlan, err)
	}
	s.world = w
	if o.watch != nil {
		o.watch.world = w
	}
	s.history = newHistoryRecorder(p, s.objects.Model(), 2*len(s.machines))
	nodes, clients := idsFrom(1, p.Nodes), idsFrom(scenarios.ClientID(1), p.Clients)
	s.linksToClients, s.linksFromClients = netmodel.OneWay(nodes, clients), netmodel.OneWay(clients, nodes)
	return s, nil
}

// startAll starts all processes, and schedules what the plan says. It runs code of the
// system, which may panic.
func (s *runner) startAll() {
	each(idsFrom(1, s.plan.Nodes), s.world.Start)
	each(idsFrom(scenarios.ClientID(1), s.plan.Clients), s.world.Start)
	s.world.Start(scenarios.ClientID(scenarios.HealClient))
	for _, f := range s.plan.Overrides {
		s.world.Network().Override(f.Message.Link, f.Message.FateKey(), f.Message.Occurrence, f.Override)
	}
	s.applyProfiles()
	s.scheduleFaults()
	if s.world.Schedule(s.plan.Heal.At, "heal", s.heal); s.safetyOnly {
		s.endAt = s.plan.Heal.At - 1
	}
	s.scheduleClients()
}

// idsFrom lists n ids, beginning with first.
func idsFrom(first sim.ID, n int) []sim.ID {
	ids := make([]sim.ID, n)
	for i := range ids {
		ids[i] = first + sim.ID(i)
	}
	return ids
}

func (s *runner) newProcess(id sim.ID, life int) sim.Process {
	if scenarios.IsClient(id) {
		return s.processOf(id, life, s.run.Client(id))
	}
	s.nodes[id].life = life
	if s.instants != nil {
		s.instants.beginLife(id, life)
	}
	s.nodes[id].code = s.processOf(id, life, s.run.Node(id, life))
	return s.nodes[id].code
}

// runRecovered begins the run and calls loop, which may panic: a failed assertion of
// the system is an ordinary violation.
func (s *runner) runRecovered() {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case *sim.Misuse:
			s.violation = misuseViolation(cause)
		default:
			s.violation = panicViolation(s.world.Now(), cause)
		}
	}()
	s.startAll()
	s.loop()
}

// loop takes events until a property is violated or no event that counts is left.
func (s *runner) loop() {
	for s.violation == nil {
		at, ok := s.world.Next()
		if !ok || at > s.endAt {
			return
		}
		if s.world.Events() >= s.eventLimit {
			s.violation = &scenarios.Violation{
				Property: "liveness", Class: "not-converged", At: at,
				Sentence: fmt.Sprintf("The run does not end: %d events by %v", s.eventLimit, at),
			}
			return
		}
		if s.reseed != nil && s.world.Events() >= s.reseed.After {
			s.world.Reseed(s.reseed.Seed)
			s.reseed = nil
		}
		s.world.Step()
	}
}

// observe handles every observation: a client's response advances its queue, and
// the system's oracle receives all of them.
func (s *runner) observe(at scenarios.Duration, id sim.ID, f sim.Observation) {
	switch f := f.(type) {
	case *scenarios.Response:
		s.onResponse(at, id, f)
	case *scenarios.Stopped:
		s.onStopped(at, id, f)
	case *scenarios.StoppedCleanly:
		s.onStoppedCleanly(at, id, f.Life)
	case *scenarios.IncarnationRejected:
		s.onIncarnationRejected(at, f.Node)
	case *scenarios.MemberRemoved:
		s.onMemberRemoved(at, f.Node)
	}
	if s.violation != nil && s.violation.Property == harnessProperty {
		return // the oracle cannot judge it
	}
	if v := s.run.Observe(at, id, f); v != nil && s.violation == nil {
		s.violation = v
	}
}

// damageAccepted is the violation of a decoder that accepts damaged bytes.
func (s *runner) damageAccepted(to sim.ID, m sim.Message, decoded string) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "wire", Class: "damage-accepted", At: s.world.Now(),
		Sentence: fmt.Sprintf("Node %d accepts the damaged bytes of %v as %s", to, m, decoded),
	}
}

// withRecentActivity adds the recent activity of the nodes for a machine, or for
// the machine of the last activity.
func (s *runner) withRecentActivity(v *scenarios.Violation, machine string) *scenarios.Violation {
	if t, ok := s.run.(scenarios.ActivityReporter); ok {
		v.Sentence += t.RecentActivity(machine)
	}
	return v
}

// violate records the first violation.
func (s *runner) violate(v *scenarios.Violation) {
	if s.violation == nil {
		s.violation = v
	}
}

func each[T any](list []T, do func(T)) {
	for _, x := range list {
		do(x)
	}
}
