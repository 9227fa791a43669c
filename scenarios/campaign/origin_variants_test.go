package campaign_test

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/sim"
)

// variant is the origin's system with parts of it replaced.
type variant struct {
	scenarios.Run
	node    func(sim.Process) sim.Process
	life    func(n sim.Process, life int) sim.Process
	client  func() sim.Process
	observe func(at scenarios.Duration) *scenarios.Violation
}

func (v *variant) Node(id sim.ID, life int) sim.Process {
	n := v.Run.Node(id, life)
	if v.life != nil {
		return v.life(n, life)
	}
	if v.node != nil {
		return v.node(n)
	}
	return n
}

func (v *variant) Client(id sim.ID) sim.Process {
	if v.client != nil {
		return v.client()
	}
	return v.Run.Client(id)
}

func (v *variant) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	if v.observe != nil {
		if broken := v.observe(at); broken != nil {
			return broken
		}
	}
	return v.Run.Observe(at, id, f)
}

// originWith is the origin's system after a change.
func originWith(change func(*scenarios.Plan, *variant)) scenarios.System {
	sys := origin.System()
	inner := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		v := &variant{Run: inner(p)}
		change(p, v)
		return v
	}
	return sys
}

// withViolations violates a property of its own for the seeds that class names.
func withViolations(class func(seed uint64) string) scenarios.System {
	return originWith(func(p *scenarios.Plan, v *variant) {
		v.observe = func(at scenarios.Duration) *scenarios.Violation {
			if c := class(p.Seed); c != "" {
				return &scenarios.Violation{Property: "canary", Class: c, At: at, Sentence: "It was planted"}
			}
			return nil
		}
	})
}

// extraTimerNode is a node that sets one more timer at boot, without a purpose.
type extraTimerNode struct {
	sim.Process
	after func() scenarios.Duration
}

func (f extraTimerNode) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	f.Process.Step(now, ev, out)
	if ev.Kind == sim.Boot {
		out.SetTimer(1<<40, f.after())
	}
}

func withExtraTimer(after func() scenarios.Duration) scenarios.System {
	return originWith(func(_ *scenarios.Plan, v *variant) {
		v.node = func(n sim.Process) sim.Process { return extraTimerNode{n, after} }
	})
}

// silentClient is a client that never responds.
type silentClient struct{}

func (silentClient) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

// unknownClient is a client that waits a little and returns unknown outcomes.
type unknownClient struct{ call *scenarios.Invocation }

func (c *unknownClient) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		c.call = ev.Message.(*scenarios.Invocation)
		out.SetTimer(1, netmodel.Millisecond)
	case sim.Timer:
		out.Observe(&scenarios.Response{
			Operation: c.call.Operation, Outcome: scenarios.Unknown, Reason: "no idea", Version: scenarios.NoVersion,
		})
	}
}

// twiceReturningClient is a client that responds twice.
type twiceReturningClient struct{}

func (twiceReturningClient) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		r := &scenarios.Response{
			Operation: ev.Message.(*scenarios.Invocation).Operation, Outcome: scenarios.Unknown, Version: scenarios.NoVersion,
		}
		out.Observe(r)
		out.Observe(r)
	}
}

// spinningNode is a node that never becomes idle.
type spinningNode struct{}

func (spinningNode) Step(_ scenarios.Duration, _ *sim.Event, out *sim.Effects) { out.SetTimer(1, 0) }
