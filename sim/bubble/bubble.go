package bubble

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/sim"
)

// Bubble drives one world in a bubble of testing/synctest: it keeps the clock of the
// bubble and the clock of the world together, and has a process step when its
// goroutines have acted. Run is the simple way to one. All methods are to be called
// by one goroutine, in the bubble.
type Bubble struct {
	config      Config
	number      uint64    // tells the bubbles of the program apart
	began       time.Time // time zero of the world
	world       *sim.World
	hosts       []*Host       // of the present lives, by id
	activity    chan struct{} // goroutines have acted outside of a step
	past        []*Host       // crashed, and their goroutines have not been seen to end
	failures    failureList
	waits       atomic.Uint64 // odd while the driver waits for the goroutines
	locked      int           // goroutines that wait for locks
	settled     bool          // no goroutine has run since settle
	buf         []byte        // memory for stacks
	runtimeName string        // of the bubble
}

var bubbles atomic.Uint64 // bubbles made by the program

// New returns a bubble with a world. It must be called in a bubble of
// testing/synctest. The error wraps ErrConfig or sim.ErrConfig.
func New(c Config) (*Bubble, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	b := &Bubble{config: c, number: bubbles.Add(1), began: time.Now(), activity: make(chan struct{}, 1), runtimeName: runtimeName()}
	world := c.World
	world.New = b.newProcess
	world.Processes = slices.Clone(world.Processes)
	for i, s := range world.Processes {
		world.Processes[i].SeesConnections = s.SeesConnections || c.Main(s.ID) != nil
	}
	var err error
	b.world, err = sim.New(world)
	return b, err
}

// World returns the world, for faults and starts of processes. It is to be stepped by
// the Bubble only.
func (b *Bubble) World() *sim.World { return b.world }

// newProcess makes the process of one life.
func (b *Bubble) newProcess(id sim.ID, life int) sim.Process {
	main := b.config.Main(id)
	if main == nil {
		return b.config.World.New(id, life)
	}
	return b.Node(id, life, main)
}

// Node returns the process of one life of a host. If an earlier life has not ended
// yet, it ends now.
func (b *Bubble) Node(id sim.ID, life int, main Main) *Node {
	if old := b.host(id); old != nil {
		b.end(old)
	}
	h := newHost(b, id, life, main)
	b.hosts = append(b.hosts, h)
	slices.SortFunc(b.hosts, func(x, y *Host) int { return int(x.id) - int(y.id) })
	return &Node{h}
}

// host returns the present life of a host, or nil.
func (b *Bubble) host(id sim.ID) *Host {
	for _, h := range b.hosts {
		if h.id == id {
			return h
		}
	}
	return nil
}

// has reports whether the world has a process.
func (b *Bubble) has(id sim.ID) bool {
	return slices.ContainsFunc(b.config.World.Processes, func(s sim.Spec) bool { return s.ID == id })
}

// clock returns the time that the clock of the bubble shows. It is the time of the
// world, or earlier while goroutines wait for locks: see settle.
func (b *Bubble) clock() sim.Duration { return sim.Duration(time.Since(b.began)) }

// now returns the time of the world.
func (b *Bubble) now() sim.Duration { return max(b.clock(), b.world.Now()) }

// Step runs the next event of the world, at its time, or lets the time pass until
// the given one if there is none. It reports false when that is reached.
func (b *Bubble) Step(until sim.Duration) bool {
	for {
		if !b.settled { // timers of the code are due at the instants of events, too
			b.settle()
		}
		b.wakeTouched()
		at, ok := b.world.Next()
		ok = ok && at <= until
		if !ok {
			at = until
		}
		if b.locked == 0 && b.sleepUntil(at) {
			continue
		}
		if !ok {
			return false
		}
		b.world.Step()
		b.endCrashed()
		return true
	}
}

// sleepUntil lets the time pass until the given one, or until goroutines have acted,
// and reports whether any time has passed.
func (b *Bubble) sleepUntil(at sim.Duration) bool {
	left := time.Duration(at - b.clock())
	if left <= 0 {
		return false
	}
	b.settled = false
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.activity:
	}
	return true
}

// wakeTouched schedules a step of each host of which goroutines have acted.
func (b *Bubble) wakeTouched() {
	select {
	case <-b.activity:
	default:
	}
	for _, h := range b.hosts {
		h.mu.Lock()
		wanted := h.touched && !h.woken && !h.crashed
		h.woken = h.woken || wanted
		h.mu.Unlock()
		if wanted {
			b.world.Invoke(b.now(), h.id, wake{})
		}
	}
}

// endCrashed ends the hosts of which the process has ended, and checks that the
// goroutines of earlier ones have ended in time.
func (b *Bubble) endCrashed() {
	for _, h := range slices.Clone(b.hosts) {
		if !b.world.Up(h.id) {
			b.end(h)
		}
	}
	late := 0
	for late < len(b.past) && b.now()-b.past[late].ended >= b.config.grace() {
		late++
	}
	if late > 0 {
		b.report(b.past[:late])
		b.past = slices.Delete(b.past, 0, late)
	}
}

// end cuts a host off and waits until its goroutines are blocked or have ended.
func (b *Bubble) end(h *Host) {
	h.ended = b.now()
	h.crash()
	b.settle()
	b.hosts = slices.DeleteFunc(b.hosts, func(o *Host) bool { return o == h })
	b.past = append(b.past, h)
}

// Close ends all hosts and waits for their goroutines. Its error tells of goroutines
// that have not ended in Config.Grace, with their stacks, and of hosts that have
// failed.
func (b *Bubble) Close() error {
	for _, h := range slices.Clone(b.hosts) {
		b.end(h)
	}
	if b.locked > 0 {
		panic("bubble: all hosts have ended, and goroutines still wait for locks, of which the holders sleep or wait for " +
			"each other: the clock cannot advance meanwhile\n\n" + string(b.stacks()))
	}
	if len(b.running(b.past)) > 0 {
		time.Sleep(time.Duration(b.config.grace()))
		b.settle()
		b.report(b.past)
	}
	return b.failures.join()
}

// failureList collects failures of hosts. Goroutines of hosts add to it.
type failureList struct {
	mu   sync.Mutex
	list []error
}

// add adds an error, if it is one.
func (l *failureList) add(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, err)
}

func (l *failureList) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.list...)
}
