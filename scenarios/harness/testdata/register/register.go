// Package register is a system of a user: registers in the memory of node 1, which
// forgets them when it restarts. Tests of package harness run it as a user would.
package register

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// System is the register as a system under test.
func System() scenarios.System { return system(false) }

// Mended is the register whose node remembers.
func Mended() scenarios.System { return system(true) }

func system(remembers bool) scenarios.System {
	d := fsm.Definition{Name: "register", States: []string{"a", "b", "c", "d"}, Initial: "a"}
	for _, from := range d.States {
		for _, to := range d.States {
			d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
		}
	}
	return scenarios.System{
		Name:        "register",
		About:       "registers in the memory of one node, which forgets them when it restarts",
		Definitions: []fsm.Definition{d},
		New: func(p *scenarios.Plan) scenarios.Run {
			return run{p, remembers, &node{values: map[string]string{}}}
		},
	}
}

type run struct {
	plan      *scenarios.Plan
	remembers bool
	first     *node
}

// Node implements scenarios.Run.
func (r run) Node(sim.ID, int) sim.Process {
	if r.remembers {
		return r.first
	}
	return &node{values: map[string]string{}}
}

// Client implements scenarios.Run.
func (r run) Client(sim.ID) sim.Process { return &client{timeout: r.plan.Knobs.ClientTimeout} }

// Observe implements scenarios.Run.
func (r run) Observe(scenarios.Duration, sim.ID, sim.Observation) *scenarios.Violation { return nil }

// Agree implements scenarios.Run.
func (r run) Agree(scenarios.Duration) *scenarios.Violation { return nil }

// message is a request, or with done its reply.
type message struct {
	*scenarios.Operation
	done  bool
	value string
}

func (m *message) kind() string {
	if m.done {
		return "reply"
	}
	return "request"
}

// FateKey implements sim.Message.
func (m *message) FateKey() uint64 { return sim.FateKey(m.kind(), m.Key, m.ID) }

// FateName implements sim.Message.
func (m *message) FateName() string { return m.kind() + " " + m.Key + " " + m.ID }

// Digest implements sim.Message.
func (m *message) Digest() uint64 {
	return keyed.Mix(m.FateKey(), keyed.String(m.Argument+"/"+m.value))
}

func (m *message) String() string { return fmt.Sprintf("%s %s", m.FateName(), m.value) }

// Single implements sim.Single: a connection delivers a message once.
func (m *message) Single() bool { return true }

// node holds the values.
type node struct{ values map[string]string }

// Step implements sim.Process.
func (n *node) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Receive {
		return
	}
	m := ev.Message.(*message)
	if m.Kind == scenarios.Propose {
		n.values[m.Key] = m.Argument
	}
	value := n.values[m.Key]
	if value == "" {
		value = "a"
	}
	out.Send(ev.From, &message{m.Operation, true, value})
}

// client asks node 1, and gives up after a time.
type client struct {
	timeout scenarios.Duration
	waits   *scenarios.Operation
	asked   uint64
}

// Step implements sim.Process.
func (c *client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		c.waits = ev.Message.(*scenarios.Invocation).Operation
		c.asked++
		out.Send(scenarios.NodeID(1), &message{Operation: c.waits})
		out.SetTimer(c.asked, c.timeout)
	case sim.Receive:
		if m := ev.Message.(*message); m.Operation == c.waits {
			c.end(scenarios.Committed, m.value, out)
		}
	case sim.Timer:
		if c.waits != nil && ev.Token == c.asked {
			c.end(scenarios.Unknown, "", out)
		}
	}
}

func (c *client) end(o scenarios.Outcome, value string, out *sim.Effects) {
	out.Observe(&scenarios.Response{Operation: c.waits, Outcome: o, State: value, Version: scenarios.NoVersion})
	c.waits = nil
}
