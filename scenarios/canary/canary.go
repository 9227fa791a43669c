// Package canary is a system that fails on purpose, in one seed of a hundred. A
// campaign on it that finds nothing shows that failure detection is broken.
//
// It is as simple as a system can be. All clients share one memory, in which
// operations are carried out at once, and nodes do nothing. A failing run fails in
// one of four ways, so that each kind of check is tested: an invariant, the checker
// of histories, the checks of the heal phase, and a panic.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package canary

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Failure is the way in which a run fails.
type Failure int

// The failures.
const (
	None              Failure = iota // the run passes
	InvariantViolated                // an invariant is violated
	IllegalCommitted                 // illegal transitions are committed
	ClientStuck                      // a client waits for ever
	Panics                           // the code panics
)

// FailureOf returns the failure of the runs of a seed: one in a hundred fails.
// (IllegalCommitted shows only if an operation requests an illegal transition; of a
// dozen operations one does.)
func FailureOf(seed uint64) Failure {
	k := keyed.Seed(seed).Name("canary")
	if k.Below(100) != 0 {
		return None
	}
	return InvariantViolated + Failure(k.Name("way").Below(4))
}

// Signature is the signature of the failures in a campaign. It is empty for None.
func (w Failure) Signature() string {
	return [...]string{
		"", "canary/planted", "linearizability/committed", "liveness/client-stuck",
		"assertion/panic-the-canary-dies-as-it-should-in-this-seed-in-canary-client-step",
	}[w]
}

// The coverage marks. The last is never hit.
const (
	committed = iota
	rejected
	neverHit
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
			return &run{plan: p, failure: FailureOf(p.Seed), states: map[string]string{}}
		},
		Expected: map[string]scenarios.Expectation{"canary": {Sentence: "A canary fails in the seeds that it is meant to fail in, and in no others"}},
	}
}

// run is the system's side of one run.
type run struct {
	plan    *scenarios.Plan
	failure Failure
	states  map[string]string // by machine; absent: the definition's initial state
	marks   [markCount]uint64
}

// Node implements scenarios.Run.
func (r *run) Node(sim.ID, int) sim.Process { return idleNode{} }

// Client implements scenarios.Run.
func (r *run) Client(sim.ID) sim.Process { return client{r} }

// Observe implements scenarios.Run.
func (r *run) Observe(at scenarios.Duration, _ sim.ID, f sim.Observation) *scenarios.Violation {
	returned, ok := f.(*scenarios.Response)
	if !ok || r.failure != InvariantViolated {
		return nil
	}
	return &scenarios.Violation{
		Property: "canary", Class: "planted", At: at, Machine: returned.Operation.Key,
		Sentence: fmt.Sprintf("The canary violates its invariant when %s returns, as it should in this seed", returned.Operation.ID),
	}
}

// Agree implements scenarios.Run.
func (r *run) Agree(scenarios.Duration) *scenarios.Violation { return nil }

// AppendMarks implements scenarios.MarkCounter.
func (r *run) AppendMarks(list []uint64) []uint64 { return append(list, r.marks[:]...) }

// idleNode is a node that does nothing.
type idleNode struct{}

// Step implements sim.Process.
func (idleNode) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

// client carries out its operations by itself.
type client struct{ run *run }

// Step implements sim.Process.
func (c client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Invoke {
		return
	}
	switch c.run.failure {
	case ClientStuck:
		return
	case Panics:
		panic("the canary dies, as it should in this seed")
	}
	out.Observe(c.run.execute(ev.Message.(*scenarios.Invocation).Operation))
}

// execute carries out an operation.
func (r *run) execute(o *scenarios.Operation) *scenarios.Response {
	d, _ := r.plan.Definition(o.Key)
	state, known := r.states[o.Key]
	if !known {
		state = d.Initial
	}
	back := &scenarios.Response{Operation: o, Outcome: scenarios.Committed, State: state, Version: scenarios.NoVersion}
	switch {
	case o.Kind == scenarios.Read:
	case d.Legal(state, o.Argument) || r.failure == IllegalCommitted:
		r.states[o.Key], back.State = o.Argument, o.Argument
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
