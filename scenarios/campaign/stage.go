package campaign

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// stage is one run in progress: a world, the clients' queues, the record of
// what they saw, and the heal phase.
type stage struct {
	plan        *scenarios.Plan
	machines    []string // of the plan
	run         scenarios.Run
	world       *sim.World
	record      record
	calls       []scenarios.Invocation // room for them
	clientLinks []netmodel.Link
	queues      map[sim.ID]*queue // by client
	busy        int               // clients with operations left
	fresh       freshness
	healed      bool
	repairer    scenarios.Repairer // nil if the system is none
	lives       []life             // by node
	disks       Disks
	storms      []*scenarios.Fault   // weather that goes on, in the order in which it began
	slows       []*scenarios.Fault   // slowness that goes on, likewise
	hits        scenarios.FamilyHits // that the world does not count
	end         scenarios.Duration   // nothing later than this counts
	violation   *scenarios.Violation
}

// queue holds a client's operations that it has not ended; the first is under
// way.
type queue struct{ operations []*scenarios.Operation }

// freshness is how far the heal phase's fresh operations are.
type freshness struct {
	wave     int // 1: without some nodes; 2: with all
	machines int // that have ended theirs in this wave
	attempts int // made for the current machine
	begin    scenarios.Duration
	last     *scenarios.Response
}

func newStage(sys scenarios.System, p *scenarios.Plan, o Options) (*stage, error) {
	s := &stage{
		plan: p, machines: p.Machines(), run: sys.New(p), queues: map[sim.ID]*queue{}, lives: make([]life, p.Nodes+1),
		end: math.MaxInt64,
	}
	s.repairer, _ = s.run.(scenarios.Repairer)
	cfg := sim.Config{
		Seed: p.Seed, Network: p.Network, New: s.process, Observe: s.observe, Trace: o.Trace, Buffers: o.Memory, HighWaterFile: sys.HighWaterFile,
	}
	if c, ok := s.run.(scenarios.MessageCodec); ok && p.Knobs.Codec != "" {
		cfg.RoundTrip = func(_, _ sim.ID, m sim.Message) sim.Message { return c.RoundTrip(m) }
		cfg.Corrupt = func(_, to sim.ID, m sim.Message, cut bool, k keyed.Key) {
			if said := c.Corrupt(m, cut, k); said != "" {
				s.violate(s.deceived(to, m, said))
			}
		}
	}
	for n := 1; n <= p.Nodes; n++ {
		spec := sim.Spec{ID: scenarios.NodeID(n), Disk: p.Disk}
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
	s.record = newRecord(len(p.Operations) + 2*len(s.machines))
	s.clientLinks = netmodel.TwoWay(idsFrom(1, p.Nodes), idsFrom(101, p.Clients))
	for _, spec := range cfg.Processes {
		w.Start(spec.ID)
	}
	for _, f := range p.Overrides {
		w.Network().Override(f.Message.Link, f.Message.FateKey(), f.Message.Occurrence, f.Override)
	}
	s.weather()
	s.scheduleFaults()
	if w.Schedule(p.Heal.At, "heal", s.heal); o.SafetyOnly {
		s.end = p.Heal.At - 1
	}
	s.scheduleClients()
	return s, nil
}

// idsFrom lists n ids from first on.
func idsFrom(first sim.ID, n int) []sim.ID {
	ids := make([]sim.ID, n)
	for i := range ids {
		ids[i] = first + sim.ID(i)
	}
	return ids
}

func (s *stage) process(id sim.ID, life int) sim.Process {
	if id > 100 {
		return s.run.Client(id)
	}
	s.lives[id].number = life
	return s.run.Node(id, life)
}

// playSafely is play for code that may panic: an assertion of the system that
// fails is a violation like any other.
func (s *stage) playSafely() {
	defer func() {
		if why := recover(); why != nil {
			s.violation = &scenarios.Violation{
				Property: "assertion", Class: "panic", At: s.world.Now(),
				Sentence: fmt.Sprintf("Panic: %v\n%s", why, frames()),
			}
		}
	}()
	s.play()
}

// frames lists where the panic under way comes from, innermost first, without
// addresses: the same for the same code.
func frames() string {
	var at [24]uintptr
	var b strings.Builder
	for more, f := true, runtime.CallersFrames(at[:runtime.Callers(4, at[:])]); more; {
		var frame runtime.Frame
		frame, more = f.Next()
		if strings.HasSuffix(frame.Function, ".playSafely") {
			break // who has the plan run is none of its business
		}
		if strings.HasPrefix(frame.Function, "runtime.") {
			continue
		}
		fmt.Fprintf(&b, "  %s (%s:%d)\n", frame.Function, filepath.Base(frame.File), frame.Line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// play lets the run happen until a property is violated or nothing that counts
// is left.
func (s *stage) play() {
	limit := maxEvents(s.plan)
	for s.violation == nil {
		at, ok := s.world.Next()
		if !ok || at > s.end {
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

// observe takes every fact: a client's return moves its queue on, and the
// system's invariants see all of them.
func (s *stage) observe(at scenarios.Duration, id sim.ID, f sim.Observation) {
	switch f := f.(type) {
	case *scenarios.Response:
		s.returned(at, id, f)
	case *scenarios.Stopped:
		s.stopped(at, id, f)
	case *scenarios.IncarnationRejected:
		s.disowned(at, f.Node)
	}
	if v := s.run.Observe(at, id, f); v != nil && s.violation == nil {
		s.violation = v
	}
}

// deceived: damaged bytes are never taken for a message.
func (s *stage) deceived(to sim.ID, m sim.Message, said string) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "wire", Class: "damage-accepted", At: s.world.Now(),
		Sentence: fmt.Sprintf("Node %d takes the damaged bytes of %v for %s", to, m, said),
	}
}

// scheduleClients asks each client for its first operation.
func (s *stage) scheduleClients() {
	for i := range s.plan.Operations {
		o := &s.plan.Operations[i]
		id := scenarios.ClientID(o.Client)
		q := s.queues[id]
		if q == nil {
			q = &queue{}
			s.queues[id] = q
			s.busy++
		}
		q.operations = append(q.operations, o)
	}
	for c := 1; c <= s.plan.Clients; c++ {
		if q := s.queues[scenarios.ClientID(c)]; q != nil {
			s.ask(q.operations[0])
		}
	}
}

// ask has o's client carry it out when its time has come, but after anything
// that it has seen before.
func (s *stage) ask(o *scenarios.Operation) {
	at := o.At
	if now := s.world.Now(); now > 0 {
		at = max(at, now+1)
	}
	if s.plan.FirstWithSameID(o) != nil {
		s.record.repeat(o)
	} else {
		s.record.call(o, at)
	}
	if len(s.calls) == 0 {
		s.calls = make([]scenarios.Invocation, 64)
	}
	call := &s.calls[0]
	s.calls = s.calls[1:]
	call.Operation = o
	s.world.Invoke(at, scenarios.ClientID(o.Client), call)
}

func (s *stage) returned(at scenarios.Duration, id sim.ID, r *scenarios.Response) {
	if !s.record.returned(at, r) {
		if s.violation == nil {
			s.violation = unasked(at, r)
		}
		return
	}
	if r.Operation.Client == scenarios.HealClient {
		s.freshReturned(r)
		return
	}
	q := s.queues[id]
	q.operations = q.operations[1:]
	if len(q.operations) > 0 {
		s.ask(q.operations[0])
		return
	}
	s.busy--
	s.quiet()
}

func unasked(at scenarios.Duration, r *scenarios.Response) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "client", Class: "unexpected-return", At: at, Machine: r.Operation.Machine,
		Sentence: fmt.Sprintf("Client %d was not asked, or had returned before, when it returned %v", r.Operation.Client, r),
	}
}

// heal ends every fault and starts every node that is not lost.
func (s *stage) heal() {
	s.healed = true
	s.world.Heal(s.plan.Heal.Network())
	for n := 1; n <= s.plan.Nodes; n++ {
		id := scenarios.NodeID(n)
		s.world.ClearDiskFaults(id)
		s.lives[id].held, s.lives[id].idle = 0, false
		if !s.world.Up(id) && !s.lives[id].lost {
			s.world.Start(id)
		}
	}
	s.separate()
	s.quiet()
}

// separate has the nodes outside of the core stay as they are, if the plan says
// so.
func (s *stage) separate() {
	without := s.plan.Heal.Excluded
	switch s.plan.Heal.Exclusion {
	case scenarios.DownAtFirst:
		return
	case scenarios.StayDown:
		each(without, s.crash)
	case scenarios.StayCutOff:
		each(s.outerLinks(), s.world.Network().Cut)
	case scenarios.StayPaused:
		each(without, s.world.Pause)
	}
	s.hits[scenarios.Exclusions]++
}

// join ends what separate has begun.
func (s *stage) join() {
	without := s.plan.Heal.Excluded
	switch s.plan.Heal.Exclusion {
	case scenarios.StayDown:
		each(without, s.start)
	case scenarios.StayCutOff:
		each(s.outerLinks(), s.world.Network().Uncut)
	case scenarios.StayPaused:
		each(without, s.world.Resume)
	}
}

// outerLinks lead from the core to the nodes outside, and back.
func (s *stage) outerLinks() []netmodel.Link {
	outside := func(id sim.ID) bool { return slices.Contains(s.plan.Heal.Excluded, id) }
	return netmodel.TwoWay(slices.DeleteFunc(idsFrom(1, s.plan.Nodes), outside), s.plan.Heal.Excluded)
}

// quiet goes on when the storm is over and the clients have nothing left to do.
func (s *stage) quiet() {
	if !s.healed || s.busy > 0 {
		return
	}
	if s.plan.Heal.Exclusion != scenarios.DownAtFirst {
		s.beginWave(1)
		return
	}
	s.converge()
}

// converge has the nodes come to hold the same, if they do so by themselves, and
// goes on with fresh operations.
func (s *stage) converge() {
	if s.repairer != nil {
		s.awaitSilence()
		return
	}
	s.refresh()
}

// awaitSilence gives the nodes time to find out by themselves what each of them
// has missed. Then they hold the same and say nothing more. Nodes that have looked for
// others in vain, as a core does, look again ever more rarely: they get three times
// the time, which is enough for the longest pauses one after the other, to be
// introduced (20 s), to compare, and to compare again after a round without operations.
func (s *stage) awaitSilence() {
	var said uint64
	silent := s.world.Now() + s.plan.Heal.Within
	if s.plan.Heal.Exclusion != scenarios.DownAtFirst {
		silent += 2 * s.plan.Heal.Within
	}
	s.world.Schedule(silent, "all has been said", func() { said = s.world.Stats().Sent })
	s.world.Schedule(silent+s.plan.Heal.Settle, "go on", func() {
		if said = s.world.Stats().Sent - said; said > 0 && !s.losses() {
			s.violate(s.noise(said))
		}
		s.violate(s.repairer.Repaired(s.world.Now()))
		s.refresh()
	})
}

func (s *stage) noise(said uint64) *scenarios.Violation {
	v := &scenarios.Violation{
		Property: "liveness", Class: "still-sending", At: s.world.Now(),
		Sentence: fmt.Sprintf("Nodes do not fall silent: they have sent %d messages in the last %v, long after anybody asked them", said, s.plan.Heal.Settle),
	}
	return s.withStory(v, "")
}

// withStory adds what the nodes have lately done for a machine, or for the one
// that they have done something for last.
func (s *stage) withStory(v *scenarios.Violation, machine string) *scenarios.Violation {
	if t, ok := s.run.(scenarios.ActivityReporter); ok {
		v.Sentence += t.RecentActivity(machine)
	}
	return v
}

// violate takes the first violation.
func (s *stage) violate(v *scenarios.Violation) {
	if s.violation == nil {
		s.violation = v
	}
}

// refresh begins with the fresh operations: without some of the nodes first, if
// the plan says so.
func (s *stage) refresh() {
	if without := s.plan.Heal.Excluded; len(without) > 0 && s.plan.Heal.Exclusion == scenarios.DownAtFirst {
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle/2, "go on without some nodes", func() { each(without, s.crash) })
		s.beginWave(1)
		return
	}
	s.beginWave(lastWave)
}

// lastWave of fresh operations is with all nodes.
const lastWave = 2

func (s *stage) beginWave(wave int) {
	s.fresh = freshness{wave: wave, begin: s.world.Now() + s.plan.Heal.Settle}
	s.end = s.fresh.begin + s.plan.Heal.Within
	s.nextFresh()
}

// nextFresh asks for the next fresh operation. After the last one the next wave
// begins, or the run ends when it has settled.
func (s *stage) nextFresh() {
	switch {
	case s.fresh.machines < len(s.machines):
		s.fresh.attempts++
		o := s.plan.HealOperation(s.fresh.wave, s.fresh.machines, s.machines[s.fresh.machines], s.fresh.attempts)
		o.At = s.fresh.begin
		s.ask(o)
	case s.fresh.wave < lastWave && s.plan.Heal.Exclusion != scenarios.DownAtFirst:
		s.end = math.MaxInt64
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle, "the core has settled", s.coreSettled)
	case s.fresh.wave < lastWave:
		each(s.plan.Heal.Excluded, s.start)
		s.beginWave(lastWave)
	default:
		s.end = s.world.Now() + s.plan.Heal.Settle
	}
}

// coreSettled: the core agrees without the others, who join it now.
func (s *stage) coreSettled() {
	if c, ok := s.run.(scenarios.CoreAgreer); ok {
		s.violate(c.CoreAgrees(s.world.Now(), s.plan.Heal.Excluded))
	}
	s.join()
	s.converge()
}

// freshReturned takes the outcome of a fresh operation. One that is not certain,
// or that was turned away, is followed by another.
func (s *stage) freshReturned(r *scenarios.Response) {
	last := *r
	s.fresh.last = &last
	if r.Outcome == scenarios.Committed || r.Outcome == scenarios.Rejected && r.Reason == scenarios.Illegal {
		s.fresh.machines++
		s.fresh.attempts = 0
	}
	s.nextFresh()
}

// liveness reports a client that still waits, or a machine on which no fresh
// operation ended in time.
func (s *stage) liveness() *scenarios.Violation {
	if s.busy > 0 {
		return s.stuck()
	}
	if s.fresh.wave == lastWave && s.fresh.machines == len(s.machines) {
		return nil
	}
	key := s.machines[s.fresh.machines]
	v := &scenarios.Violation{
		Property: "liveness", Class: "fresh-operation-stuck", At: s.world.Now(), Machine: key,
		Sentence: fmt.Sprintf("No fresh operation on %s ended for certain within %v after healing, in %d attempts",
			key, s.plan.Heal.Within, s.fresh.attempts),
	}
	if s.fresh.wave < lastWave {
		v.Sentence += fmt.Sprintf(" without nodes %d", s.plan.Heal.Excluded)
	}
	if s.fresh.last != nil {
		v.Sentence += fmt.Sprintf("; the last that returned was %v", s.fresh.last)
	}
	return s.withStory(v, key)
}

func (s *stage) stuck() *scenarios.Violation {
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
