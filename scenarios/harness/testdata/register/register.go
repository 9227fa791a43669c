// Package register is a system of a user: registers in the memory of node 1, which
// forgets them when it restarts. Tests of package harness run it as a user would.
package register

import (
	"cmp"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// System is the register as a system under test.
func System() scenarios.System { return system(false) }

// Mended is the register whose node remembers.
func Mended() scenarios.System { return system(true) }

func system(remembers bool) scenarios.System {
	return scenarios.System{
		Name:     "register",
		About:    "registers in the memory of one node, which forgets them when it restarts",
		Workload: workload.Register(),
		New: func(p *scenarios.Plan) scenarios.Run {
			return run{plan: p, remembers: remembers, values: map[string]string{}}
		},
	}
}

type run struct {
	systemkit.Observer
	plan      *scenarios.Plan
	remembers bool
	values    map[string]string // of a node that remembers
}

// Node implements scenarios.Run.
func (r run) Node(id sim.ID, _ int) sim.Process {
	if r.remembers {
		return &node{id, r.values}
	}
	return &node{id, map[string]string{}}
}

// Client implements scenarios.Run.
func (r run) Client(id sim.ID) sim.Process {
	return systemkit.NewClient(r.plan, id, systemkit.Protocol{
		Request: func(inv *scenarios.Invocation, _ int) any {
			return request{inv.Key, inv.ID, inv.Kind, inv.Argument}
		},
		Reply: func(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
			m, ok := body.(reply)
			if !ok || m.ID != inv.ID {
				return kit.Reply{}
			}
			to.State = m.Value
			return kit.Reply{Answer: m.Answer, Try: 1}
		},
	})
}

type (
	request struct {
		Key   string `fate:"key"`
		ID    string `fate:"op"`
		Kind  scenarios.Kind
		Value string
	}
	reply struct {
		Key    string `fate:"key"`
		ID     string `fate:"op"`
		Answer kit.Answer
		Value  string
	}
)

// node holds the values, if it is the first.
type node struct {
	id     sim.ID
	values map[string]string
}

// Step implements sim.Process.
func (n *node) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Receive {
		return
	}
	m := kit.Body(ev.Message).(request)
	r := reply{m.Key, m.ID, kit.Done, ""}
	switch {
	case n.id != 1:
		r.Answer = kit.Retry
	case m.Kind == scenarios.Read:
		r.Value = cmp.Or(n.values[m.Key], history.NoValue)
	default:
		n.values[m.Key] = m.Value
	}
	out.Send(ev.From, kit.Message(r))
}
