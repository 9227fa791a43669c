// Package forgetful is a system whose histories are hard to judge: clients learn no
// outcome of their proposals, and read any state after a while, so a checker has to try very
// many orders. With the plan of seed 7 for 300 operations of 2 clients on one machine it
// needs more than 8 s.
package forgetful

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// dial is a machine that moves by 1, 2, 3 or 5 states.
func dial(states int) fsm.Definition {
	d := fsm.Definition{Name: "dial", Initial: "s1"}
	for i := range states {
		d.States = append(d.States, fmt.Sprint("s", i+1))
	}
	for i, from := range d.States {
		for _, by := range []int{1, 2, 3, 5} {
			d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: d.States[(i+by)%states]})
		}
	}
	return d
}

// System is the system under test.
func System() scenarios.System {
	return scenarios.System{
		Name: "forgetful", Definitions: []fsm.Definition{dial(13)},
		New: func(p *scenarios.Plan) scenarios.Run { return &run{} },
	}
}

type run struct{ operations int }

func (r *run) Node(sim.ID, int) sim.Process                  { return idle{} }
func (r *run) Client(sim.ID) sim.Process                     { return client{r} }
func (r *run) Agree(scenarios.Duration) *scenarios.Violation { return nil }
func (r *run) Observe(scenarios.Duration, sim.ID, sim.Observation) *scenarios.Violation {
	return nil
}

type idle struct{}

func (idle) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

type client struct{ run *run }

func (c client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Invoke {
		return
	}
	c.run.operations++
	o := ev.Message.(*scenarios.Invocation).Operation
	back := &scenarios.Response{Operation: o, Outcome: scenarios.Unknown, Version: scenarios.NoVersion}
	switch {
	case o.Client == scenarios.HealClient:
		back.Outcome, back.State = scenarios.Committed, o.Argument
	case o.Kind == scenarios.Read && c.run.operations >= 20:
		back.Outcome, back.State = scenarios.Committed, fmt.Sprint("s", 1+(c.run.operations*7+3)%13)
	}
	out.Observe(back)
}
