package sim

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// ErrConfig is wrapped by every error that New returns.
var ErrConfig = errors.New("invalid world")

// Config describes a world. It is not changed.
type Config struct {
	Seed      uint64                // root of all fates, latencies and losses
	Processes []Spec                // ids are distinct
	Network   netmodel.Profile      // of every link, until SetProfile says otherwise
	New       func(ID, int) Process // makes a process for one life of an id, counted from 1

	// Observe, if not nil, is told every fact in order, with the true time.
	Observe func(at Duration, id ID, f Fact)
	// Wire, if not nil, gives the message that arrives in place of the one
	// sent: the way to run messages through a codec.
	Wire func(from, to ID, m Message) Message
	// Trace, if not nil, is told every event and effect in words.
	Trace func(Line)
}

// Spec is one process of a world. It boots when Start is called.
type Spec struct {
	ID    ID
	Clock Clock
	Disk  DiskProfile
}

// Stats counts what happened so far.
type Stats struct {
	Events    uint64 // everything that was taken from the queue
	Sent      uint64 // messages handed to the network
	Delivered uint64 // messages that reached a process, copies included
	Dropped   uint64 // messages that the network lost or a cut stopped
	Crashes   uint64
	DiskOps   uint64
}

// World is one simulated world. It is not safe for concurrent use; any number
// of worlds may run side by side.
type World struct {
	cfg     Config
	net     *netmodel.Network
	queue   queue
	procs   [netmodel.MaxID + 1]*proc
	actions []action
	out     Effects
	event   Event
	now     Duration
	hash    uint64
	stats   Stats
}

// proc is one process and what the world keeps for it.
type proc struct {
	id    ID
	clock Clock
	disk  disk
	code  Process // nil while it is down
	life  uint32
}

// action is something that the owner scheduled.
type action struct {
	name string
	do   func()
}

// New makes a world at time zero in which nothing runs yet.
func New(cfg Config) (*World, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	root := keyed.Seed(cfg.Seed)
	w := &World{cfg: cfg, hash: uint64(root.Name("trace"))}
	ids := make([]ID, len(cfg.Processes))
	for i, s := range cfg.Processes {
		ids[i] = s.ID
		w.procs[s.ID] = &proc{
			id: s.ID, clock: s.Clock,
			disk: disk{profile: s.Disk, key: root.Name("disk").Word(uint64(s.ID))},
		}
	}
	w.net = netmodel.New(root.Name("network"), ids, cfg.Network)
	return w, nil
}

func (c *Config) validate() error {
	if c.New == nil {
		return errors.New("New: want a function that makes processes")
	}
	if len(c.Processes) == 0 {
		return errors.New("processes: want at least one")
	}
	if err := c.Network.Validate(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	var seen [netmodel.MaxID + 1]bool
	for i, s := range c.Processes {
		if s.ID == 0 || s.ID > netmodel.MaxID || seen[s.ID] {
			return fmt.Errorf("processes[%d]: id %d is taken or not within 1 to %d", i, s.ID, netmodel.MaxID)
		}
		seen[s.ID] = true
		if err := s.Clock.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: clock: %w", i, err)
		}
		if err := s.Disk.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: disk: %w", i, err)
		}
	}
	return nil
}

// Network is the network of the world, to change profiles and cut links.
func (w *World) Network() *netmodel.Network { return w.net }

// Now is the true time of the event that happened last.
func (w *World) Now() Duration { return w.now }

// Hash covers everything that has happened. Equal hashes mean equal runs.
func (w *World) Hash() uint64 { return w.hash }

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
// the hash and the trace.
func (w *World) Schedule(at Duration, name string, do func()) {
	w.actions = append(w.actions, action{name, do})
	w.queue.push(max(at, w.now), record{what: whatAction, token: uint64(len(w.actions) - 1)})
}

// Request hands m to a process at time at, or now if that has passed. It is
// lost if the process is down then.
func (w *World) Request(at Duration, id ID, m Message) {
	w.proc(id)
	w.queue.push(max(at, w.now), record{what: whatRequest, to: id, msg: m})
}

// Start boots a process, which must be down, with what its disk holds.
func (w *World) Start(id ID) {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d runs already", id))
	}
	p.life++
	p.code = w.cfg.New(id, int(p.life))
	w.queue.push(w.now, record{what: whatBoot, to: id, life: p.life})
}

// Crash ends a process, which must be up: its memory, timers and requests under
// way are gone, and of its unsynced writes what the disk does not keep.
func (w *World) Crash(id ID) {
	p := w.proc(id)
	if p.code == nil {
		panic(fmt.Sprintf("sim: process %d is down already", id))
	}
	p.code = nil
	p.disk.crash()
	w.stats.Crashes++
	w.fold(uint64(id), uint64(p.life))
	if w.cfg.Trace != nil {
		w.cfg.Trace(Line{At: w.now, ID: id, What: "crash"})
	}
}

// Step lets the next thing happen. It reports false when nothing is left.
func (w *World) Step() bool {
	if w.queue.len() == 0 {
		return false
	}
	at, r := w.queue.pop()
	w.now = at
	w.stats.Events++
	if r.what == whatAction {
		w.act(&w.actions[r.token])
		return true
	}
	p := w.procs[r.to]
	if p.code == nil || !w.admit(p, &r) {
		w.lose(&r)
		return true
	}
	w.dispatch(p, &r)
	return true
}

// Run steps until the next event would lie after the given time, or nothing is
// left. Now is then the time of the last event.
func (w *World) Run(until Duration) {
	for w.queue.len() > 0 && w.queue.heap[0].at <= until {
		w.Step()
	}
}

// Next is the time of the next event; ok is false when nothing is left.
func (w *World) Next() (at Duration, ok bool) {
	if w.queue.len() == 0 {
		return 0, false
	}
	return w.queue.heap[0].at, true
}

func (w *World) act(a *action) {
	w.fold(uint64(w.now), keyed.String(a.name))
	if w.cfg.Trace != nil {
		w.cfg.Trace(Line{At: w.now, What: a.name})
	}
	do := a.do
	a.do = nil
	do()
}

// admit reports whether r still concerns p: its own affairs end with the life
// that asked for them, and a message needs an open link on arrival too.
func (w *World) admit(p *proc, r *record) bool {
	switch r.what {
	case whatMessage:
		return r.from == r.to || w.net.Open(netmodel.Link{From: r.from, To: r.to})
	case whatRequest:
		return true
	}
	return r.life == p.life
}

// lose accounts for something that nobody is there to receive.
func (w *World) lose(r *record) {
	if r.what != whatMessage {
		return
	}
	w.stats.Dropped++
	w.fold(uint64(w.now), uint64(r.from)<<16|uint64(r.to))
	if w.cfg.Trace != nil {
		why := "down"
		if w.procs[r.to].code != nil {
			why = netmodel.CutOff.String()
		}
		w.cfg.Trace(Line{At: w.now, ID: r.to, From: r.from, What: "lost on arrival: " + why, Message: r.msg})
	}
}

// dispatch turns r into an event, lets p take it, and carries out the effects.
func (w *World) dispatch(p *proc, r *record) {
	ev := &w.event
	*ev = Event{From: r.from, Token: r.token, Message: r.msg}
	switch r.what {
	case whatBoot:
		ev.Kind, ev.Token, ev.Disk = Boot, uint64(p.life), &p.disk
	case whatMessage:
		ev.Kind = Receive
		w.stats.Delivered++
	case whatTimer:
		ev.Kind = Timer
	case whatDone:
		ev.Kind = Done
		ev.Token = p.disk.complete().token
	case whatRequest:
		ev.Kind = Request
	}
	w.foldEvent(p.id, ev)
	if w.cfg.Trace != nil {
		w.traceEvent(p.id, ev)
	}
	p.code.Step(p.clock.local(w.now), ev, &w.out)
	w.perform(p)
}

func (w *World) foldEvent(id ID, ev *Event) {
	w.fold(uint64(w.now), uint64(ev.Kind)<<32|uint64(id)<<16|uint64(ev.From))
	if ev.Message != nil {
		w.fold(ev.Message.Digest(), 0)
	} else {
		w.fold(ev.Token, 1)
	}
}

// perform carries out what p asked for.
func (w *World) perform(p *proc) {
	out := &w.out
	for i := range out.disk {
		w.submit(p, &out.disk[i])
	}
	for _, s := range out.sends {
		w.send(p.id, s.to, s.msg)
	}
	for _, t := range out.timers {
		w.queue.push(w.now+p.clock.span(max(t.after, 0)), record{what: whatTimer, to: p.id, life: p.life, token: t.token})
	}
	for _, f := range out.facts {
		w.fold(f.Digest(), uint64(p.id))
		if w.cfg.Trace != nil {
			w.cfg.Trace(Line{At: w.now, ID: p.id, What: "fact: " + f.String()})
		}
		if w.cfg.Observe != nil {
			w.cfg.Observe(w.now, p.id, f)
		}
	}
	out.reset()
}

// submit hands a disk request to p's disk.
func (w *World) submit(p *proc, r *DiskRequest) {
	w.stats.DiskOps++
	w.fold(uint64(r.Op)<<32|uint64(p.id), uint64(r.Offset)^keyed.String(r.File)^uint64(len(r.Data)))
	if w.cfg.Trace != nil {
		w.cfg.Trace(Line{At: w.now, ID: p.id, What: r.String()})
	}
	w.queue.push(p.disk.submit(w.now, r), record{what: whatDone, to: p.id, life: p.life})
}

// send hands m to the network.
func (w *World) send(from, to ID, m Message) {
	w.proc(to)
	if from == to {
		w.queue.push(w.now, record{what: whatMessage, to: to, from: from, msg: m})
		return
	}
	w.stats.Sent++
	v := w.net.Judge(w.now, netmodel.Link{From: from, To: to}, m.Fate())
	w.fold(uint64(to)<<32|uint64(v.Occurrence)<<8|uint64(v.Fate), uint64(v.At))
	if w.cfg.Trace != nil {
		w.traceSend(from, to, m, v)
	}
	if v.Fate == netmodel.Drop {
		w.stats.Dropped++
		return
	}
	if w.cfg.Wire != nil {
		m = w.cfg.Wire(from, to, m)
	}
	w.queue.push(v.At, record{what: whatMessage, to: to, from: from, msg: m})
	if v.Duplicate {
		w.queue.push(v.CopyAt, record{what: whatMessage, to: to, from: from, msg: m})
	}
}

// fold adds two words to the hash.
func (w *World) fold(a, b uint64) { w.hash = keyed.Mix(w.hash^a, b^a<<1) }
