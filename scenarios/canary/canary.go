// Package canary is a system that fails on purpose, in one seed of a hundred: who
// runs a campaign on it and hears nothing knows that the alarm is broken.
//
// It is as simple as a system can be. All clients look at one memory, in which
// operations are carried out at once, and nodes do nothing. Where it fails, it
// does so in one of four ways, so that each way of finding out is proven: an
// invariant, the judge of histories, the judge of liveness, and a panic.
package canary

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Way is how a run goes wrong.
type Way int

// The ways.
const (
	Not    Way = iota // it goes well
	Sings             // an invariant is violated
	Lies              // illegal transitions are carried out
	Sleeps            // a client waits for ever
	Dies              // the code panics
)

// WayOf says what becomes of the runs of a seed: one in a hundred fails. (A lie
// shows only if somebody asks for what is illegal; in a dozen operations somebody does.)
func WayOf(seed uint64) Way {
	k := keyed.Seed(seed).Name("canary")
	if k.Below(100) != 0 {
		return Not
	}
	return Sings + Way(k.Name("way").Below(4))
}

// Signature is how a campaign names the failures of that way. It is empty for
// Not.
func (w Way) Signature() string {
	return [...]string{"", "canary/planted", "linearizability/committed", "liveness/client-stuck", "assertion/panic"}[w]
}

// The marks. The last is never reached.
const (
	committed = iota
	rejected
	never
	markCount
)

// System is the canary as a system under test.
func System() scenarios.System {
	return scenarios.System{
		Name:        "canary",
		About:       "fails on purpose in one seed of a hundred, to prove that this is noticed",
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		Marks:       []string{"canary/committed", "canary/rejected", "canary/never"},
		New: func(p *scenarios.Plan) scenarios.Run {
			return &run{plan: p, way: WayOf(p.Seed), states: map[string]string{}}
		},
	}
}

// run is the system's side of one run.
type run struct {
	plan   *scenarios.Plan
	way    Way
	states map[string]string // by machine; none: as its definition begins
	marks  [markCount]uint64
}

// Node implements scenarios.Run.
func (r *run) Node(sim.ID, int) sim.Process { return idle{} }

// Client implements scenarios.Run.
func (r *run) Client(sim.ID) sim.Process { return client{r} }

// Observe implements scenarios.Run.
func (r *run) Observe(at scenarios.Duration, _ sim.ID, f sim.Observation) *scenarios.Violation {
	returned, ok := f.(*scenarios.Response)
	if !ok || r.way != Sings {
		return nil
	}
	return &scenarios.Violation{
		Property: "canary", Class: "planted", At: at, Machine: returned.Operation.Machine,
		Sentence: fmt.Sprintf("The canary violates its invariant when %s returns, as it should in this seed", returned.Operation.ID),
	}
}

// Agree implements scenarios.Run.
func (r *run) Agree(scenarios.Duration) *scenarios.Violation { return nil }

// Marks implements scenarios.Marker.
func (r *run) Marks() []uint64 { return r.marks[:] }

// idle is a node.
type idle struct{}

// Step implements sim.Process.
func (idle) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

// client carries its operations out by itself.
type client struct{ run *run }

// Step implements sim.Process.
func (c client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Invoke {
		return
	}
	switch c.run.way {
	case Sleeps:
		return
	case Dies:
		panic("the canary dies, as it should in this seed")
	}
	out.Observe(c.run.carryOut(ev.Message.(*scenarios.Invocation).Operation))
}

// carryOut does an operation.
func (r *run) carryOut(o *scenarios.Operation) *scenarios.Response {
	d, _ := r.plan.Definition(o.Machine)
	state, known := r.states[o.Machine]
	if !known {
		state = d.Initial
	}
	back := &scenarios.Response{Operation: o, Outcome: scenarios.Committed, State: state, Version: scenarios.NoVersion}
	switch {
	case o.Kind == scenarios.Read:
	case d.Legal(state, o.To) || r.way == Lies:
		r.states[o.Machine], back.State = o.To, o.To
	default:
		back.Outcome, back.Reason = scenarios.Rejected, scenarios.Illegal
	}
	if back.Outcome == scenarios.Committed {
		r.marks[committed]++
	} else {
		r.marks[rejected]++
	}
	return back
}
