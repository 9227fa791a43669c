package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Stats counts what happened so far.
type Stats struct {
	Events         uint64 // everything that was taken from the queue
	Sent           uint64 // messages handed to the network: none to oneself
	Delivered      uint64 // messages that reached a process, copies and those to oneself included
	Dropped        uint64 // messages lost on the way: by the network, a cut, or a receiver that is down
	PowerLosses    uint64 // losses of power
	ProcessCrashes uint64 // ends of a process alone
	DiskOps        uint64
}

// World is one simulated world. It is not safe for concurrent use; any number
// of worlds may run side by side.
type World struct {
	cfg           Config
	net           *netmodel.Network
	queue         queue
	procs         [netmodel.MaxID + 1]*proc
	actions       map[uint64]action // looked up, never ranged over
	actionCount   uint64            // actions so far
	out           Effects
	event         Event
	now           Duration
	hash          uint64
	stats         Stats
	diskHits      DiskHits
	hits          Hits
	clogged       []record  // messages that clogged links hold, in the order of their arrival
	corruptKey    keyed.Key // of choices about damaged messages
	heals         uint64
	stepping      bool // a step is being taken
	startingCount int  // processes that are starting
	afterEvent    func()
}

// MaxTime is the end of time, 36 years after its beginning: what would happen
// later, such as a timer set to the largest Duration, never does.
const MaxTime Duration = 1 << 60

// proc is one process and what the world keeps for it.
type proc struct {
	id       ID
	clock    Clock
	disk     disk
	code     Process // nil while it is down
	life     uint32
	slowdown *slowdown // nil as long as it has kept up with the world

	starting bool // the Boot of this life is still to come

	timers timerTable
}

// action is something that the owner scheduled.
type action struct {
	digest   uint64 // what stands for it in the hash
	describe func() string
	do       func()
}

// New makes a world at time zero in which nothing runs yet.
func New(cfg Config) (*World, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	root := keyed.Seed(cfg.Seed)
	w := &World{cfg: cfg, hash: uint64(root.Name("trace")), actions: map[uint64]action{}}
	ids := make([]ID, len(cfg.Processes))
	for i, s := range cfg.Processes {
		ids[i] = s.ID
		w.procs[s.ID] = &proc{
			id: s.ID, clock: s.Clock,
			disk: disk{profile: s.Disk, highWaterFile: cfg.HighWaterFile, key: root.Name("disk").Word(uint64(s.ID))},
		}
		w.fold(uint64(s.ID)<<32|uint64(uint32(s.Clock.Drift)), uint64(s.Clock.Offset))
	}
	w.corruptKey = root.Name("damage")
	w.net = netmodel.New(root.Name("network"), ids, cfg.Network)
	w.useBuffers(cfg.Buffers)
	return w, nil
}

// Network is the network of the world, to change profiles and cut links.
func (w *World) Network() *netmodel.Network { return w.net }

// Now is the true time of the event that happened last.
func (w *World) Now() Duration { return w.now }

// Hash covers everything that has happened. Equal hashes mean equal runs.
func (w *World) Hash() uint64 { return w.hash }

// Events is how many events there have been, as in Stats.
func (w *World) Events() uint64 { return w.stats.Events }

// Stats counts what has happened.
func (w *World) Stats() Stats { return w.stats }

// Up reports whether a process runs.
func (w *World) Up(id ID) bool { return w.proc(id).code != nil }

func (w *World) proc(id ID) *proc {
	if id > netmodel.MaxID || w.procs[id] == nil {
		panic(fmt.Sprintf("sim: no process %d", id))
	}
	return w.procs[id]
}

// Schedule calls do at time at, or now if that has passed. The name goes into
// the hash and the trace. What do calls may be any method but Step and Run.
func (w *World) Schedule(at Duration, name string, do func()) {
	w.ScheduleLazy(at, keyed.String(name), func() string { return name }, do)
}

// ScheduleLazy is Schedule for an action whose name takes time to make: the hash has
// a number in its place, and words are asked for only if there is a trace.
func (w *World) ScheduleLazy(at Duration, number uint64, words func() string, do func()) {
	w.actionCount++
	w.actions[w.actionCount] = action{number, words, do}
	w.push(at, record{kind: recordAction, token: w.actionCount})
}

// Invoke hands m to a process at time at, or now if that has passed. It is
// lost if the process is down then.
func (w *World) Invoke(at Duration, id ID, m Message) {
	w.proc(id)
	w.push(at, record{kind: recordInvoke, to: id, msg: m, token: m.Digest()})
}

// push has r happen at time at.
func (w *World) push(at Duration, r record) {
	if at <= MaxTime {
		w.queue.push(max(at, w.now), r)
	}
}

// Start boots a process, which must be down, with what its disk holds. Its Boot
// comes at this very time, and before anything else that comes for it.
func (w *World) Start(id ID) {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d runs already", id))
	}
	p.life++
	p.timers.reset()
	p.disk.beginLife(w.now)
	p.code = w.cfg.New(id, int(p.life))
	if p.code == nil {
		panic(fmt.Sprintf("sim: New made nothing for life %d of process %d", p.life, id))
	}
	p.starting = true
	w.startingCount++
	w.push(w.now, record{kind: recordBoot, to: id, life: p.life})
}

// LosePower is a loss of power for a process: its memory, timers and requests under
// way are gone, and of what is not durable what its disk does not keep. It may
// be down since a Kill; then it loses what that has spared.
func (w *World) LosePower(id ID) {
	p := w.proc(id)
	if p.code == nil && p.disk.allDurable() {
		return
	}
	p.disk.completeUntil(w.now)
	p.disk.losePower()
	w.stats.PowerLosses++
	w.endLife(p, "power loss")
}

// CrashProcess ends a process, which must be up, and spares its machine: its memory and
// timers are gone, what it asked its disk for is there to be read, and is no
// more durable than it was.
func (w *World) CrashProcess(id ID) {
	p := w.proc(id)
	if p.code == nil {
		panic(fmt.Sprintf("sim: process %d is down already", id))
	}
	p.disk.completeUntil(w.now)
	p.disk.crashProcess()
	w.stats.ProcessCrashes++
	w.fold(w.stats.ProcessCrashes, 5)
	w.endLife(p, "process crash")
}

// Wipe empties the disk of a process, which must be down: nothing is left.
func (w *World) Wipe(id ID) {
	p := w.mustBeDown(id)
	p.disk = disk{profile: p.disk.profile, highWaterFile: p.disk.highWaterFile, key: p.disk.key.Name("wiped").Word(uint64(p.life)), pool: p.disk.pool}
	w.hits.Wipe++
	w.fold(uint64(id), keyed.String("wipe"))
}

func (w *World) endLife(p *proc, how string) {
	p.code = nil
	w.markStarted(p) // its Boot, if it has not come, never will
	w.dropBacklog(p)
	w.fold(uint64(w.now), uint64(p.id)<<32|uint64(p.life))
	if w.cfg.Trace != nil {
		w.cfg.Trace(TraceLine{At: w.now, ID: p.id, Text: how})
	}
}

// InjectDiskFault has a fault of a process's disk last until the given time. Damage is
// done at once, where there is anything to damage.
func (w *World) InjectDiskFault(id ID, f DiskFault, until Duration) {
	w.proc(id).disk.injectFault(f, w.now, until, &w.diskHits)
	w.fold(uint64(id)<<8|uint64(f), uint64(until))
}

// ClearDiskFaults ends all faults of a process's disk. What is damaged stays so.
func (w *World) ClearDiskFaults(id ID) { w.proc(id).disk.clearFaults() }

// DiskDamaged reports whether a fault has ever damaged what was durable on the
// process's disk.
func (w *World) DiskDamaged(id ID) bool {
	t := w.proc(id).disk.faults
	return t != nil && t.damaged
}

// DiskFailed reports whether a fault of its disk was an error to the process in
// this life.
func (w *World) DiskFailed(id ID) bool {
	t := w.proc(id).disk.faults
	return t != nil && t.failed
}

// DiskHits counts what the faults of all disks have done.
func (w *World) DiskHits() DiskHits { return w.diskHits }

// Step lets the next thing happen, if it is anything but a timer that waits on. It
// reports false when nothing is left.
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

// runNext takes the earliest record and does what it says.
func (w *World) runNext() {
	var r record
	was := w.now
	if w.startingCount == 0 || !w.bootDueFirst(&r) {
		w.now = w.queue.pop(&r)
	}
	if r.kind == recordTimer && !w.timerFires(w.procs[r.to], &r) || r.kind == recordBoot && w.alreadyBooted(&r) {
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
	if p.code == nil || !w.isCurrent(p, &r) {
		w.dropRecord(&r)
		return
	}
	if r.kind == recordMessage && r.from != r.to && w.checkArrival(&r) != netmodel.Arrived {
		return
	}
	w.dispatch(p, &r)
}

// bootDueFirst reports whether the earliest record is for a process that was started
// at that very time and whose Boot is still to come. Then r is the Boot, and the
// record stays where it is. Nothing but messages and requests can come so early:
// all else was asked for by the life that it is for.
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

// alreadyBooted reports whether the Boot that r stands for has come before r has.
func (w *World) alreadyBooted(r *record) bool {
	p := w.procs[r.to]
	return p.code != nil && p.life == r.life && !p.starting
}

// markStarted says that the Boot of p has come, or never will.
func (w *World) markStarted(p *proc) {
	if p.starting {
		p.starting = false
		w.startingCount--
	}
}

// AfterEvent has f called after every event. What it calls may change nothing.
func (w *World) AfterEvent(f func()) { w.afterEvent = f }

// Run steps until the next event would lie after the given time, or nothing is
// left. Now is then the time of the last event.
func (w *World) Run(until Duration) {
	for w.queue.len() > 0 && w.queue.next() <= until {
		w.Step()
	}
}

// Next is the time of the next event; ok is false when nothing is left.
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
		w.cfg.Trace(TraceLine{At: w.now, Text: a.describe()})
	}
	a.do()
}

// isCurrent reports whether r still concerns p: its own affairs end with the life
// that asked for them.
func (w *World) isCurrent(p *proc, r *record) bool {
	return r.kind == recordMessage || r.kind == recordInvoke || r.life == p.life
}

// dropRecord accounts for something that nobody is there to receive. A process's own
// affairs end without a word.
func (w *World) dropRecord(r *record) {
	if r.msg == nil || r.kind == recordSendFailed {
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

// dispatch turns r into an event, lets p take it, and carries out the effects.
func (w *World) dispatch(p *proc, r *record) {
	ev := &w.event
	*ev = Event{From: r.from, Message: r.msg}
	switch r.kind {
	case recordBoot:
		ev.Kind, ev.Token, ev.Disk = Boot, uint64(p.life), &p.disk
	case recordMessage:
		ev.Kind = Receive
		w.stats.Delivered++
		if w.cfg.RoundTrip != nil && r.from != r.to {
			ev.Message = w.cfg.RoundTrip(r.from, r.to, r.msg)
		}
	case recordTimer:
		ev.Kind, ev.Token, ev.From = Timer, r.token, 0
	case recordDiskDone:
		done := p.disk.completeNotified()
		ev.Kind, ev.Token, ev.Err = DiskDone, done.token, done.err
		if ev.Err != nil {
			w.fold(done.token, keyed.String(ev.Err.Error()))
		}
	case recordInvoke:
		ev.Kind = Invoke
	case recordSendFailed:
		ev.Kind = SendFailed
	}
	w.foldEvent(p.id, ev, r)
	if w.cfg.Trace != nil {
		w.traceEvent(p.id, ev)
	}
	p.code.Step(p.local(w.now), ev, &w.out)
	w.applyEffects(p)
}
