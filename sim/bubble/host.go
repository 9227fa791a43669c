package bubble

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// Main is the code of a host, for one life: an ordinary function that may start
// goroutines. ctx is cancelled when the life ends. A function that returns an error
// before has failed, and the run with it.
type Main func(ctx context.Context, h *Host) error

// Host is a computer, for one life of its process: its network, its disk, and its
// name. Its methods are safe for concurrent use by the goroutines of the host.
// After a crash all of them fail with ErrCrashed.
type Host struct {
	bubble *Bubble
	id     sim.ID
	life   int
	main   Main
	cancel context.CancelFunc
	rand   *rand.Rand
	ended  sim.Duration // when the life ended

	mu       sync.Mutex
	stepping bool         // a step is in progress, and takes in all that goroutines do
	touched  bool         // goroutines have done something that no step has taken in
	woken    bool         // a step for it is scheduled
	crashed  bool         // no effect of this life reaches the world any more
	returned bool         // main has returned
	out      *sim.Effects // of the present step
	streams  *stack
	disk     diskQueue
	files    *FS
	facts    []sim.Observation
	calls    []sim.Message // invocations that no goroutine has taken
	called   sync.Cond
}

func newHost(b *Bubble, id sim.ID, life int, main Main) *Host {
	h := &Host{bubble: b, id: id, life: life, main: main, cancel: func() {}}
	k := keyed.Seed(b.config.World.Seed).Name("host").Word(uint64(id)).Word(uint64(life))
	h.rand = rand.New(&lockedSource{source: rand.NewPCG(k.Uint64(), k.Name("second").Uint64())})
	h.called.L = &h.mu
	h.streams = newStack(h, b.config.Stream.withDefaults())
	h.files = newFS(h)
	return h
}

// ID returns the id of the process that the host runs.
func (h *Host) ID() sim.ID { return h.id }

// Life returns the number of this life of the process, from 1.
func (h *Host) Life() int { return h.life }

// Name returns the name of the host in the network: see the function Name.
func (h *Host) Name() string { return Name(h.id) }

// Rand returns a source of random numbers that depends on the seed of the world, the
// host and its life. Goroutines that draw from it at one instant do so in any order.
func (h *Host) Rand() *rand.Rand { return h.rand }

// FS returns the file system of the host.
func (h *Host) FS() *FS { return h.files }

// Listen opens a port of the host, as net.Listen does. The network is "tcp".
func (h *Host) Listen(network, address string) (net.Listener, error) {
	id, port, err := resolve(network, address, h.id)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if id != h.id {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: addressOf(id, port), Err: errNotLocal}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.crashed {
		return nil, &net.OpError{Op: "listen", Net: network, Err: ErrCrashed}
	}
	l, err := h.streams.listen(addressOf(h.id, port))
	if err != nil {
		return nil, err
	}
	return l, nil
}

// DialContext opens a stream to a port of a host, as net.Dialer.DialContext does. It
// has the type of http.Transport.DialContext. The network is "tcp".
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := h.streams.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Observe reports a fact to the observer of the world, at the next step of the host,
// which is at this instant.
func (h *Host) Observe(fact sim.Observation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = append(h.facts, fact)
	h.touch()
}

// Note is a fact that is only text: a line for the trace.
type Note string

// Digest implements sim.Observation.
func (n Note) Digest() uint64 { return keyed.String(string(n)) }

func (n Note) String() string { return string(n) }

// Invocation waits for a message that the owner of the world hands to the process
// with World.Invoke, or that another process sends which is not a host.
func (h *Host) Invocation(ctx context.Context) (sim.Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.called.Broadcast()
	})()
	for {
		switch {
		case h.crashed:
			return nil, ErrCrashed
		case len(h.calls) > 0:
			m := h.calls[0]
			h.calls = h.calls[1:]
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		h.called.Wait()
	}
}

// touch notes that goroutines have done something that concerns the world, and wakes
// the driver if no step of h is in progress. The caller holds the lock.
func (h *Host) touch() {
	if h.stepping || h.touched {
		return
	}
	h.touched = true
	select {
	case h.bubble.activity <- struct{}{}:
	default: // it knows already
	}
}

// lockedSource is a rand.Source that goroutines may share.
type lockedSource struct {
	mu     sync.Mutex
	source rand.Source
}

func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Uint64()
}
