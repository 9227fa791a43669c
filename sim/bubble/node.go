package bubble

import (
	"context"
	"fmt"
	"runtime/pprof"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// Node is the process of a host: a sim.Process whose code is a Main. A step hands
// one event to the host, lets its goroutines run until all of them are blocked, and
// collects their effects.
type Node struct{ host *Host }

// Step implements sim.Process. It must be called in the bubble of the node, when the
// clock of the bubble shows the time of the world.
func (n *Node) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	h := n.host
	h.mu.Lock()
	h.out, h.stepping, h.touched, h.woken = out, true, false, false
	h.streams.now = h.bubble.now()
	h.take(ev)
	for {
		h.mu.Unlock()
		h.bubble.settle()
		h.mu.Lock()
		if !h.disk.serveReads() {
			break
		}
	}
	ends := h.streams.ends
	h.disk.emit(out)
	h.streams.emit()
	h.bubble.settled = h.streams.ends == ends
	for _, f := range h.facts {
		out.Observe(f)
	}
	h.facts = h.facts[:0]
	h.out, h.stepping = nil, false
	h.mu.Unlock()
}

// take hands an event to the host.
func (h *Host) take(ev *sim.Event) {
	switch ev.Kind {
	case sim.Boot:
		h.disk.disk = ev.Disk
		h.start()
	case sim.Receive:
		if m, ok := ev.Message.(*segment); ok {
			h.streams.receive(ev.From, m)
			return
		}
		h.call(ev.Message)
	case sim.Timer:
		h.streams.timer(ev.Token)
	case sim.DiskDone:
		h.disk.done(ev.Token, ev.Err)
	case sim.Invoke:
		if _, ok := ev.Message.(wake); !ok {
			h.call(ev.Message)
		}
	case sim.SendFailed:
		if m, ok := ev.Message.(*segment); ok {
			h.streams.refused(m)
		}
	case sim.Disconnected:
		h.streams.peerGone(ev.From)
	}
}

// call hands a message to a goroutine that waits for an invocation.
func (h *Host) call(m sim.Message) {
	h.calls = append(h.calls, m)
	h.called.Broadcast()
}

// start starts the code of the host. Its goroutines, and all that they start, carry
// a label by which they are found after the life.
func (h *Host) start() {
	ctx, cancel := context.WithCancel(pprof.WithLabels(context.Background(), pprof.Labels(labelKey, h.label())))
	h.cancel = cancel
	go func() {
		pprof.SetGoroutineLabels(ctx)
		err := h.main(ctx, h)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.returned = true
		h.touch() // the driver may wait for it
		if err != nil && !h.crashed {
			h.bubble.failures.add(fmt.Errorf("%s, life %d, at %v: %w", h.Name(), h.life, h.bubble.now(), err))
		}
	}()
}

// crash cuts the host off: no effect reaches the world any more, and whatever its
// goroutines wait for fails.
func (h *Host) crash() {
	h.mu.Lock()
	h.crashed = true
	h.streams.crash()
	h.disk.crash()
	h.called.Broadcast()
	h.facts = nil
	h.mu.Unlock()
	h.cancel()
}

// wake is the invocation by which the driver has a process step when goroutines have
// acted by themselves: after a sleep, for example.
type wake struct{}

// FateKey implements sim.Message. Invocations do not cross the network.
func (wake) FateKey() uint64 { return sim.FateKey("wake", "-", "-") }

// Digest implements sim.Message.
func (wake) Digest() uint64 { return keyed.String("wake") }

// FateName implements sim.Message.
func (wake) FateName() string { return "wake - -" }

func (wake) String() string { return "wake" }
