package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Stats counts the events of a run so far.
type Stats struct {
	Events         uint64 // records taken from the queue, without postponed timers
	Sent           uint64 // messages handed to the network: none to oneself
	Delivered      uint64 // messages that reached a process, with copies and messages to oneself
	Dropped        uint64 // messages lost: by the network, a cut, a reset, or a receiver that is down
	PowerLosses    uint64 // power losses
	ProcessCrashes uint64 // process crashes
	SendFailures   uint64 // SendFailed events
	Disconnects    uint64 // Disconnected events
	DiskOps        uint64
}

// World is one simulated world. It is not safe for concurrent use. Any number of
// worlds may run in parallel.
type World struct {
	cfg           Config
	net           *netmodel.Network
	queue         queue
	procs         [netmodel.MaxID + 1]*proc
	actions       map[uint64]action // looked up, never ranged over
	actionCount   uint64            // actions scheduled so far
	out           Effects
	batch         []Event // events of the current step
	now           Duration
	hash          uint64
	stats         Stats
	diskHits      disk.Hits
	hits          Hits
	clogged       []record  // messages that clogged links hold, in order of arrival
	corruptKey    keyed.Key // root of the choices about corrupted messages
	heals         uint64
	stepping      bool // a step is in progress
	startingCount int  // processes started with a pending Boot
	afterEvent    func()
	strict        *strict // nil at CheckSample
}

// MaxTime is the end of virtual time, 36 years after its beginning. Events
// scheduled later never happen, as with a timer set to the largest Duration.
const MaxTime Duration = 1 << 60

// proc is one process and the world's state for it.
type proc struct {
	id        ID
	clock     Clock
	disk      *disk.Device
	code      Process      // nil while the process is down
	batchCode BatchProcess // code, if it takes several events a step
	steps     StepProfile
	life      uint32
	slowdown  *slowdown // nil until the process is first paused, slowed, or has its clock stopped

	starting bool // the Boot of this life is pending
	hostUp   bool // the host of the process has power

	connections []connection // by peer; nil: the process does not see them

	timers  timerTable
	watches []diskWatch
}

// action is a function that the owner scheduled.
type action struct {
	digest   uint64 // stands for the action in the hash
	describe func() string
	do       func()
}

// New returns a world at time zero in which every process is down. Its error
// wraps ErrConfig.
func New(cfg Config) (*World, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	root := keyed.Seed(cfg.Seed)
	w := &World{cfg: cfg, hash: uint64(root.Name("trace")), actions: map[uint64]action{}, strict: newStrict(cfg.Checks)}
	ids := make([]ID, len(cfg.Processes))
	for i, s := range cfg.Processes {
		ids[i] = s.ID
		w.procs[s.ID] = &proc{
			id: s.ID, clock: s.Clock, steps: s.Steps,
			disk: w.newDisk(s.Disk, diskKey(root, s.ID)),
		}
		w.fold(uint64(s.ID)<<32|uint64(uint32(s.Clock.Drift)), uint64(s.Clock.Offset))
		if s.SeesConnections {
			w.procs[s.ID].connections = make([]connection, netmodel.MaxID+1)
		}
		if s.Steps.Time > 0 {
			w.procs[s.ID].ensureSlowdown()
		}
	}
	w.corruptKey = damageKey(root)
	w.net = netmodel.New(networkKey(root), ids, cfg.Network)
	w.useBuffers(cfg.Buffers)
	return w, nil
}

// The roots of the choices of a world.
func networkKey(root keyed.Key) keyed.Key     { return root.Name("network") }
func diskKey(root keyed.Key, id ID) keyed.Key { return root.Name("disk").Word(uint64(id)) }
func damageKey(root keyed.Key) keyed.Key      { return root.Name("damage") }

// Reseed has all further choices of the world made from another seed: fates and latencies
// of messages, and of the disks. Messages and requests under way keep their fates.
func (w *World) Reseed(seed uint64) {
	root := keyed.Seed(seed)
	w.corruptKey = damageKey(root)
	w.net.Reseed(networkKey(root))
	for _, s := range w.cfg.Processes {
		w.procs[s.ID].disk.Reseed(diskKey(root, s.ID))
	}
}

// Network returns the network of the world, for changes of profiles and cuts of
// links.
func (w *World) Network() *netmodel.Network { return w.net }

// Now returns the true time of the last event.
func (w *World) Now() Duration { return w.now }

// Hash returns the hash of all events and effects so far. Equal hashes mean equal
// runs.
func (w *World) Hash() uint64 { return w.hash }

// Events returns the number of events so far, as in Stats.
func (w *World) Events() uint64 { return w.stats.Events }

// Stats returns the counts of the run so far.
func (w *World) Stats() Stats { return w.stats }

// Up reports whether a process is up.
func (w *World) Up(id ID) bool { return w.proc(id).code != nil }

func (w *World) proc(id ID) *proc {
	if id > netmodel.MaxID || w.procs[id] == nil {
		panic(fmt.Sprintf("sim: no process %d", id))
	}
	return w.procs[id]
}

// Schedule calls do at time at, or now if that has passed. The name goes into the
// hash and the trace. do may call any method but Step and Run.
func (w *World) Schedule(at Duration, name string, do func()) {
	w.ScheduleLazy(at, keyed.String(name), func() string { return name }, do)
}

// ScheduleLazy is Schedule for an action with a name that is expensive to build.
// number stands for the name in the hash, and words is called only if there is a
// trace.
func (w *World) ScheduleLazy(at Duration, number uint64, words func() string, do func()) {
	w.actionCount++
	w.actions[w.actionCount] = action{number, words, do}
	w.push(at, record{kind: recordAction, token: w.actionCount})
}

// Invoke hands m to a process at time at, or now if that has passed. It is lost
// if the process is down then.
func (w *World) Invoke(at Duration, id ID, m Message) {
	w.proc(id)
	if m == nil {
		w.misuse(MisuseNilMessage, 0, "process %d is invoked with a nil message", id)
	}
	w.push(at, record{kind: recordInvoke, to: id, msg: m, token: m.Digest()})
}

// push schedules r at time at, or now if that has passed, unless at is after
// MaxTime.
func (w *World) push(at Duration, r record) {
	if at <= MaxTime {
		w.queue.push(max(at, w.now), r)
	}
}

// Start boots a process, which must be down, with the content of its disk. The
// Boot comes at the present time, before every other event of the new life.
func (w *World) Start(id ID) {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d runs already", id))
	}
	p.life++
	p.timers.reset()
	p.disk.BeginLife(w.now)
	p.setCode(w.cfg.New(id, int(p.life)))
	if p.code == nil {
		panic(fmt.Sprintf("sim: New made nothing for life %d of process %d", p.life, id))
	}
	p.starting, p.hostUp = true, true
	w.startingCount++
	w.push(w.now, record{kind: recordBoot, to: id, life: p.life})
}

// LosePower is a power loss of a process: its memory, timers and disk requests in
// flight are lost. Of its unsynced data disk.Profile.Keep decides how much
// survives. The process may be down after a process crash; then it loses unsynced
// data that the process crash has kept.
func (w *World) LosePower(id ID) {
	p := w.proc(id)
	p.hostUp = false
	if p.code == nil && p.disk.AllDurable() {
		return
	}
	p.disk.CompleteUntil(w.now)
	p.disk.LosePower()
	w.stats.PowerLosses++
	w.endLife(p, "power loss")
}

// CrashProcess is a process crash: the process, which must be up, ends and its
// host stays up. Its memory and timers are lost. Its completed writes can still
// be read and are no more durable than before. See disk.Profile for the requests
// in flight.
func (w *World) CrashProcess(id ID) {
	p := w.proc(id)
	if p.code == nil {
		panic(fmt.Sprintf("sim: process %d is down already", id))
	}
	p.disk.CompleteUntil(w.now)
	p.disk.CrashProcess()
	w.stats.ProcessCrashes++
	w.fold(w.stats.ProcessCrashes, 5)
	w.endLife(p, "process crash")
}

func (w *World) endLife(p *proc, how string) {
	p.code, p.batchCode = nil, nil
	w.markStarted(p) // a pending Boot never comes
	w.dropBacklog(p)
	w.endConnections(p)
	w.fold(uint64(w.now), uint64(p.id)<<32|uint64(p.life))
	if w.cfg.Trace != nil {
		w.trace(TraceLine{Kind: EndOfLifeLine, At: w.now, ID: p.id, Text: how})
	}
}

// Step runs the next record of the queue. No event happens if it is a timer that
// has been postponed. Step reports false if the queue is empty.
func (w *World) Step() bool {
	if w.queue.len() == 0 {
		return false
	}
	if w.stepping {
		panic("sim: a step within a step")
	}
	w.stepping = true
	before := w.stats.Events
	w.runNext()
	w.stepping = false
	if w.afterEvent != nil && w.stats.Events != before {
		w.afterEvent()
	}
	return true
}

// runNext takes the earliest record and runs it.
func (w *World) runNext() {
	var r record
	was := w.now
	if w.startingCount == 0 || !w.bootDueFirst(&r) {
		w.now = w.queue.pop(&r)
	}
	if r.kind == recordTimer && !w.timerFires(w.procs[r.to], &r) || r.kind == recordBoot && w.alreadyBooted(&r) ||
		r.kind.isNotice() && !w.takeNotice(&r) {
		w.now = was // nothing has happened
		return
	}
	w.stats.Events++
	if r.kind == recordAction {
		w.runAction(r.token)
		return
	}
	if r.kind == recordReset {
		w.resetConnection(&r)
		return
	}
	p := w.procs[r.to]
	if r.kind == recordBoot && r.life == p.life {
		w.markStarted(p)
	}
	if p.slowdown != nil && w.deferRecord(p, &r) {
		return
	}
	switch {
	case p.code == nil && r.kind == recordMessage && r.from != r.to:
		w.refuse(&r)
		return
	case p.code == nil || !w.isCurrent(p, &r):
		w.dropRecord(&r)
		return
	}
	if r.kind == recordMessage && r.from != r.to && w.checkArrival(&r) != netmodel.Arrived {
		return
	}
	w.dispatch(p, &r)
}

// bootDueFirst reports whether the earliest record is for a process that was
// started at this very time and has a pending Boot. Then r is the Boot, and the
// record stays where it is. Only messages and invocations can come this early:
// all other records were requested by the life that they are for.
func (w *World) bootDueFirst(r *record) bool {
	next := w.queue.peek()
	if next.kind != recordMessage && next.kind != recordInvoke {
		return false
	}
	p := w.procs[next.to]
	if !p.starting {
		return false
	}
	*r = record{kind: recordBoot, to: p.id, life: p.life}
	return true
}

// alreadyBooted reports whether r is a Boot that bootDueFirst has already
// delivered.
func (w *World) alreadyBooted(r *record) bool {
	p := w.procs[r.to]
	return p.code != nil && p.life == r.life && !p.starting
}

// markStarted notes that the Boot of p is not pending any more.
func (w *World) markStarted(p *proc) {
	if p.starting {
		p.starting = false
		w.startingCount--
	}
}

// AfterEvent has f called after every event. f must not change the world.
func (w *World) AfterEvent(f func()) { w.afterEvent = f }

// Run steps until the next record is after the given time, or the queue is empty.
// Now is then the time of the last event.
func (w *World) Run(until Duration) {
	for w.queue.len() > 0 && w.queue.next() <= until {
		w.Step()
	}
}

// Next returns the time of the next record in the queue, which may be a postponed
// timer. ok is false if the queue is empty.
func (w *World) Next() (at Duration, ok bool) {
	if w.queue.len() == 0 {
		return 0, false
	}
	return w.queue.next(), true
}

func (w *World) runAction(token uint64) {
	a := w.actions[token]
	delete(w.actions, token)
	w.fold(uint64(w.now), a.digest)
	if w.cfg.Trace != nil {
		w.trace(TraceLine{Kind: ActionLine, At: w.now, Text: a.describe()})
	}
	a.do()
}

// isCurrent reports whether r still concerns p. Messages and invocations do; all
// other records end with the life that requested them.
func (w *World) isCurrent(p *proc, r *record) bool {
	return r.kind == recordMessage || r.kind == recordInvoke || r.life == p.life
}

// dropRecord accounts for a record that its process cannot take. Only messages
// and invocations are counted, hashed and traced.
func (w *World) dropRecord(r *record) {
	if r.msg == nil || r.kind == recordSendFailed || r.kind == recordRefusal {
		return
	}
	if r.kind == recordMessage {
		w.stats.Dropped++
	}
	w.fold(uint64(w.now), uint64(r.from)<<16|uint64(r.to))
	w.fold(r.token, 0)
	if w.cfg.Trace != nil {
		w.traceLoss(r)
	}
}
