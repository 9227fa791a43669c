package bubble

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-dst/lockstep/sim"
)

// Outcome is the outcome of one run.
type Outcome struct {
	Hash  uint64       // of all events and effects: equal hashes mean equal runs
	End   sim.Duration // time of the last event
	Stats sim.Stats
	// Err is why the run failed: the errors of hosts and of Config.Check, ErrUnfinished,
	// ErrMisuse.
	Err error
}

// Run plays one world in a bubble of its own. It needs a test, since
// testing/synctest does, and fails the test only if the Config is not valid: the
// caller judges the Outcome. The functions of the Config must not call t.FailNow, nor
// require functions: they return errors, or note them.
func Run(t *testing.T, c Config) (o Outcome) {
	t.Helper()
	stop := make(chan struct{})
	defer close(stop)
	defer func() { // goroutines are left that nothing can end: Outcome.Err tells it
		if p := recover(); p != nil && (o.Err == nil || !strings.Contains(fmt.Sprint(p), "deadlock")) {
			panic(p)
		}
	}()
	var invalid error
	begun := make(chan *Bubble, 1)
	go watch(begun, stop, c.Patience)
	synctest.Test(t, func(*testing.T) {
		b, err := New(c)
		if invalid = err; err != nil {
			return
		}
		begun <- b
		over := false
		defer func() {
			if p := recover(); p != nil {
				panic(p) // a broken invariant: locks may be held
			}
			if !over { // Script, Check or a callback of the world has called t.FailNow
				o.Err = b.Close()
			}
		}()
		o = b.play()
		over = true
	})
	if invalid != nil {
		t.Fatal(invalid)
	}
	return o
}

// play plays the run of the Config.
func (b *Bubble) play() (o Outcome) {
	c := &b.config
	if c.Script != nil {
		c.Script(b.world)
	} else {
		for _, s := range c.World.Processes {
			b.world.Start(s.ID)
		}
	}
	for b.Step(c.Until) && !b.clientsDone() {
	}
	o = Outcome{Hash: b.world.Hash(), End: b.world.Now(), Stats: b.world.Stats()}
	b.failures.add(b.checkFinished())
	if c.Check != nil {
		b.failures.add(c.Check())
	}
	o.Err = b.Close()
	return o
}

// clientsDone reports whether there are clients, and the code of all has returned.
func (b *Bubble) clientsDone() bool {
	clients := b.clients()
	return len(clients) > 0 && !slices.ContainsFunc(clients, b.unfinished)
}

// clients lists the clients among the hosts.
func (b *Bubble) clients() (ids []sim.ID) {
	for _, s := range b.config.World.Processes {
		if s.ID > firstClient && b.config.Main(s.ID) != nil {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// unfinished reports whether the code of a host has not returned.
func (b *Bubble) unfinished(id sim.ID) bool {
	h := b.host(id)
	if h == nil {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.returned
}

// checkFinished returns an error that names the clients of which the code has not
// returned.
func (b *Bubble) checkFinished() error {
	var names []string
	for _, id := range b.clients() {
		if b.unfinished(id) {
			names = append(names, Name(id))
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w: %s, by %v", ErrUnfinished, strings.Join(names, ", "), b.config.Until)
}
