package campaign

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/internal/arena"
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// runner is one run in progress: a world, the clients' queues, the history, and the
// heal phase.
type runner struct {
	plan             *scenarios.Plan
	machines         []string // of the plan
	run              scenarios.Run
	world            *sim.World
	history          historyRecorder
	invocations      arena.Arena[scenarios.Invocation]
	clientLinks      []netmodel.Link
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
	violation        *scenarios.Violation
}

// clientQueue holds the operations that a client has not ended; the first is in
// progress.
type clientQueue struct{ operations []*scenarios.Operation }

// healProgress is the progress of the heal phase's fresh operations.
type healProgress struct {
	wave         int // 1: without some nodes; 2: with all
	machinesDone int // machines whose fresh operation has ended in this wave
	attempts     int // made for the current machine
	begin        scenarios.Duration
	lastResponse *scenarios.Response
}

func newRunner(sys scenarios.System, p *scenarios.Plan, o Options) (*runner, error) {
	s := &runner{
		plan: p, machines: p.Machines(), run: sys.New(p), queues: map[sim.ID]*clientQueue{}, nodes: make([]nodeStatus, p.Nodes+1),
		endAt: math.MaxInt64,
	}
	s.repairer, _ = s.run.(scenarios.Repairer)
	cfg := sim.Config{
		Seed: p.Seed, Network: p.Network, New: s.newProcess, Observe: s.observe, Trace: o.Trace, Buffers: o.Buffers, HighWaterFile: sys.HighWaterFile,
	}
	if c, ok := s.run.(scenarios.MessageCodec); ok && p.Knobs.Codec != "" {
		cfg.RoundTrip = func(_, _ sim.ID, m sim.Message) sim.Message { return c.RoundTrip(m) }
		cfg.Corrupt = func(_, to sim.ID, m sim.Message, cut bool, k keyed.Key) {
			if decoded := c.Corrupt(m, cut, k); decoded != "" {
				s.violate(s.damageAccepted(to, m, decoded))
			}
		}
	}
	for n := 1; n <= p.Nodes; n++ {
		spec := sim.Spec{ID: scenarios.NodeID(n), Disk: p.Disk, Steps: p.Steps}
		if n <= len(p.Clocks) {
			spec.Clock = p.Clocks[n-1]
		}
		cfg.Processes = append(cfg.Processes, spec)
	}
	for c := 1; c <= p.Clients; c++ {
		cfg.Processes = append(cfg.Processes, sim.Spec{ID: scenarios.ClientID(c)})
	}
	cfg.Processes = append(cfg.Processes, sim.Spec{ID: scenarios.ClientID(scenarios.HealClient)})
	w, err := sim.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", scenarios.ErrPlan, err)
	}
	s.world = w
	s.history = newHistoryRecorder(len(p.Operations) + 2*len(s.machines))
	s.clientLinks = netmodel.TwoWay(idsFrom(1, p.Nodes), idsFrom(scenarios.ClientID(1), p.Clients))
	for _, spec := range cfg.Processes {
		w.Start(spec.ID)
	}
	for _, f := range p.Overrides {
		w.Network().Override(f.Message.Link, f.Message.FateKey(), f.Message.Occurrence, f.Override)
	}
	s.applyProfiles()
	s.scheduleFaults()
	if w.Schedule(p.Heal.At, "heal", s.heal); o.SafetyOnly {
		s.endAt = p.Heal.At - 1
	}
	s.scheduleClients()
	return s, nil
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
		return s.run.Client(id)
	}
	s.nodes[id].life = life
	return s.run.Node(id, life)
}

// runRecovered calls loop, which may panic: a failed assertion of the system is an
// ordinary violation.
func (s *runner) runRecovered() {
	defer func() {
		if cause := recover(); cause != nil {
			s.violation = &scenarios.Violation{
				Property: "assertion", Class: "panic", At: s.world.Now(),
				Sentence: fmt.Sprintf("Panic: %v\n%s", cause, panicFrames()),
			}
		}
	}()
	s.loop()
}

// panicFrames lists the stack of the current panic, innermost first, without
// addresses: the same for the same code.
func panicFrames() string {
	var at [24]uintptr
	var b strings.Builder
	for more, f := true, runtime.CallersFrames(at[:runtime.Callers(4, at[:])]); more; {
		var frame runtime.Frame
		frame, more = f.Next()
		if strings.HasSuffix(frame.Function, ".runRecovered") {
			break // the runner's callers do not matter
		}
		if strings.HasPrefix(frame.Function, "runtime.") {
			continue
		}
		fmt.Fprintf(&b, "  %s (%s:%d)\n", frame.Function, filepath.Base(frame.File), frame.Line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// loop takes events until a property is violated or no event that counts is left.
func (s *runner) loop() {
	limit := maxEvents(s.plan)
	for s.violation == nil {
		at, ok := s.world.Next()
		if !ok || at > s.endAt {
			return
		}
		if s.world.Events() >= limit {
			s.violation = &scenarios.Violation{
				Property: "liveness", Class: "not-converged", At: at,
				Sentence: fmt.Sprintf("The run does not end: %d events by %v", limit, at),
			}
			return
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
	case *scenarios.IncarnationRejected:
		s.onIncarnationRejected(at, f.Node)
	}
	if v := s.run.Observe(at, id, f); v != nil && s.violation == nil {
		s.violation = v
	}
}

// damageAccepted is the violation of a decoder that accepts damaged bytes.
func (s *runner) damageAccepted(to sim.ID, m sim.Message, decoded string) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "wire", Class: "damage-accepted", At: s.world.Now(),
		Sentence: fmt.Sprintf("Node %d takes the damaged bytes of %v for %s", to, m, decoded),
	}
}

// scheduleClients invokes each client's first operation.
func (s *runner) scheduleClients() {
	for i := range s.plan.Operations {
		o := &s.plan.Operations[i]
		id := scenarios.ClientID(o.Client)
		q := s.queues[id]
		if q == nil {
			q = &clientQueue{}
			s.queues[id] = q
			s.busyClients++
		}
		q.operations = append(q.operations, o)
	}
	for c := 1; c <= s.plan.Clients; c++ {
		if q := s.queues[scenarios.ClientID(c)]; q != nil {
			s.invoke(q.operations[0])
		}
	}
}

// invoke schedules the invocation of o at its time, but after the current event.
func (s *runner) invoke(o *scenarios.Operation) {
	at := o.At
	if now := s.world.Now(); now > 0 {
		at = max(at, now+1)
	}
	if s.plan.FirstWithSameID(o) != nil {
		s.history.invokeRepeated(o)
	} else {
		s.history.invoke(o, at)
	}
	call := s.invocations.Make(64)
	call.Operation = o
	s.world.Invoke(at, scenarios.ClientID(o.Client), call)
}

func (s *runner) onResponse(at scenarios.Duration, id sim.ID, r *scenarios.Response) {
	if !s.history.respond(at, r) {
		if s.violation == nil {
			s.violation = unexpectedReturn(at, r)
		}
		return
	}
	if r.Operation.Client == scenarios.HealClient {
		s.onHealOpResponse(r)
		return
	}
	q := s.queues[id]
	q.operations = q.operations[1:]
	if len(q.operations) > 0 {
		s.invoke(q.operations[0])
		return
	}
	s.busyClients--
	s.whenClientsDone()
}

func unexpectedReturn(at scenarios.Duration, r *scenarios.Response) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "client", Class: "unexpected-return", At: at, Machine: r.Operation.Machine,
		Sentence: fmt.Sprintf("Client %d was not asked, or had returned before, when it returned %v", r.Operation.Client, r),
	}
}

// heal ends every fault and starts every node that is not lost.
func (s *runner) heal() {
	s.healed = true
	s.world.Heal(s.plan.Heal.Network())
	for n := 1; n <= s.plan.Nodes; n++ {
		id := scenarios.NodeID(n)
		s.world.ClearDiskFaults(id)
		s.nodes[id].downFaults, s.nodes[id].awaitsRestart = 0, false
		if !s.world.Up(id) && !s.nodes[id].downForGood {
			s.world.Start(id)
		}
	}
	s.beginExclusion()
	s.whenClientsDone()
}

// beginExclusion excludes nodes from the core, if the plan does so from the start
// of the heal phase.
func (s *runner) beginExclusion() {
	excluded := s.plan.Heal.Excluded
	switch s.plan.Heal.Exclusion {
	case scenarios.DownAtFirst:
		return
	case scenarios.StayDown:
		each(excluded, s.losePower)
	case scenarios.StayCutOff:
		each(s.excludedLinks(), s.world.Network().Cut)
	case scenarios.StayPaused:
		each(excluded, s.world.Pause)
	}
	s.hits[scenarios.Exclusions]++
}

// endExclusion ends the effects of beginExclusion.
func (s *runner) endExclusion() {
	excluded := s.plan.Heal.Excluded
	switch s.plan.Heal.Exclusion {
	case scenarios.StayDown:
		each(excluded, s.start)
	case scenarios.StayCutOff:
		each(s.excludedLinks(), s.world.Network().Uncut)
	case scenarios.StayPaused:
		each(excluded, s.world.Resume)
	}
}

// excludedLinks lists the links between the core and the excluded nodes, in both
// directions.
func (s *runner) excludedLinks() []netmodel.Link {
	isExcluded := func(id sim.ID) bool { return slices.Contains(s.plan.Heal.Excluded, id) }
	return netmodel.TwoWay(slices.DeleteFunc(idsFrom(1, s.plan.Nodes), isExcluded), s.plan.Heal.Excluded)
}

// whenClientsDone continues the heal phase once the fault phase is over and the
// clients are done.
func (s *runner) whenClientsDone() {
	if !s.healed || s.busyClients > 0 {
		return
	}
	if s.plan.Heal.Exclusion != scenarios.DownAtFirst {
		s.beginWave(1)
		return
	}
	s.converge()
}

// converge lets the nodes of a Repairer converge, and continues with fresh
// operations.
func (s *runner) converge() {
	if s.repairer != nil {
		s.awaitQuiescence()
		return
	}
	s.beginHealOps()
}

// awaitQuiescence gives the nodes time to find out by themselves which values they
// lack. Then they hold the same values and send nothing more. Nodes whose search
// for others has failed, as in a core, search again at growing intervals. They get
// three times the time: enough for the longest intervals in sequence, to be
// introduced (20 s), to compare, and to compare again after a no-op round.
func (s *runner) awaitQuiescence() {
	var sent uint64
	quietAt := s.world.Now() + s.plan.Heal.Within
	if s.plan.Heal.Exclusion != scenarios.DownAtFirst {
		quietAt += 2 * s.plan.Heal.Within
	}
	s.world.Schedule(quietAt, "all has been said", func() { sent = s.world.Stats().Sent })
	s.world.Schedule(quietAt+s.plan.Heal.Settle, "go on", func() {
		if sent = s.world.Stats().Sent - sent; sent > 0 && !s.anyNodeLost() {
			s.violate(s.stillSending(sent))
		}
		s.violate(s.repairer.Repaired(s.world.Now()))
		s.beginHealOps()
	})
}

func (s *runner) stillSending(sent uint64) *scenarios.Violation {
	v := &scenarios.Violation{
		Property: "liveness", Class: "still-sending", At: s.world.Now(),
		Sentence: fmt.Sprintf("Nodes do not fall silent: they have sent %d messages in the last %v, long after anybody asked them", sent, s.plan.Heal.Settle),
	}
	return s.withRecentActivity(v, "")
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

// beginHealOps begins the fresh operations: without some of the nodes first, if the
// plan requires it.
func (s *runner) beginHealOps() {
	if excluded := s.plan.Heal.Excluded; len(excluded) > 0 && s.plan.Heal.Exclusion == scenarios.DownAtFirst {
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle/2, "go on without some nodes", func() { each(excluded, s.losePower) })
		s.beginWave(1)
		return
	}
	s.beginWave(lastWave)
}

// lastWave is the wave of fresh operations with all nodes.
const lastWave = 2

func (s *runner) beginWave(wave int) {
	s.healOps = healProgress{wave: wave, begin: s.world.Now() + s.plan.Heal.Settle}
	s.endAt = s.healOps.begin + s.plan.Heal.Within
	s.nextHealOp()
}

// nextHealOp invokes the next fresh operation. After the last one the next wave
// begins, or the run ends when it has settled.
func (s *runner) nextHealOp() {
	switch {
	case s.healOps.machinesDone < len(s.machines):
		s.healOps.attempts++
		o := s.plan.HealOperation(s.healOps.wave, s.healOps.machinesDone, s.machines[s.healOps.machinesDone], s.healOps.attempts)
		o.At = s.healOps.begin
		s.invoke(o)
	case s.healOps.wave < lastWave && s.plan.Heal.Exclusion != scenarios.DownAtFirst:
		s.endAt = math.MaxInt64
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle, "the core has settled", s.coreSettled)
	case s.healOps.wave < lastWave:
		each(s.plan.Heal.Excluded, s.start)
		s.beginWave(lastWave)
	default:
		s.endAt = s.world.Now() + s.plan.Heal.Settle
	}
}

// coreSettled checks that the core agrees, and lets the excluded nodes join it.
func (s *runner) coreSettled() {
	if c, ok := s.run.(scenarios.CoreAgreer); ok {
		s.violate(c.CoreAgrees(s.world.Now(), s.plan.Heal.Excluded))
	}
	s.endExclusion()
	s.converge()
}

// onHealOpResponse handles the outcome of a fresh operation. Another one follows if
// the outcome is not committed, and not rejected as illegal.
func (s *runner) onHealOpResponse(r *scenarios.Response) {
	last := *r
	s.healOps.lastResponse = &last
	if r.Outcome == scenarios.Committed || r.Outcome == scenarios.Rejected && r.Reason == scenarios.Illegal {
		s.healOps.machinesDone++
		s.healOps.attempts = 0
	}
	s.nextHealOp()
}

// checkLiveness reports a client that still waits, or a machine on which no fresh
// operation ended in time.
func (s *runner) checkLiveness() *scenarios.Violation {
	if s.busyClients > 0 {
		return s.clientStuck()
	}
	if s.healOps.wave == lastWave && s.healOps.machinesDone == len(s.machines) {
		return nil
	}
	key := s.machines[s.healOps.machinesDone]
	v := &scenarios.Violation{
		Property: "liveness", Class: "fresh-operation-stuck", At: s.world.Now(), Machine: key,
		Sentence: fmt.Sprintf("No fresh operation on %s ended for certain within %v after healing, in %d attempts",
			key, s.plan.Heal.Within, s.healOps.attempts),
	}
	if s.healOps.wave < lastWave {
		v.Sentence += fmt.Sprintf(" without nodes %d", s.plan.Heal.Excluded)
	}
	if s.healOps.lastResponse != nil {
		v.Sentence += fmt.Sprintf("; the last that returned was %v", s.healOps.lastResponse)
	}
	return s.withRecentActivity(v, key)
}

func (s *runner) clientStuck() *scenarios.Violation {
	v := &scenarios.Violation{Property: "liveness", Class: "client-stuck", At: s.world.Now()}
	for c := 1; c <= s.plan.Clients; c++ {
		if q := s.queues[scenarios.ClientID(c)]; q != nil && len(q.operations) > 0 {
			o := q.operations[0]
			v.Machine = o.Machine
			v.Sentence = fmt.Sprintf("Client %d still waits for %s (%v on %s) when nothing moves any more", c, o.ID, o, o.Machine)
			break
		}
	}
	return v
}

func each[T any](list []T, do func(T)) {
	for _, x := range list {
		do(x)
	}
}
