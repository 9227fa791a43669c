package origin

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// client sends one request to one node and waits for the response.
type client struct {
	home        sim.ID // the node that it uses when the plan names none
	timeout     scenarios.Duration
	invocation  *scenarios.Invocation // in progress, or nil
	invocations uint64                // made so far: the token of the current timer
}

// Step implements sim.Process.
func (c *client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		c.invocation = ev.Message.(*scenarios.Invocation)
		c.invocations++
		node := c.home
		if c.invocation.Node != 0 {
			node = scenarios.NodeID(c.invocation.Node)
		}
		out.Send(node, &message{kind: request, invocation: c.invocation})
		out.SetTimer(c.invocations, c.timeout)
	case sim.Receive:
		if m := ev.Message.(*message); m.invocation == c.invocation {
			c.finish(m.outcome, m.reason, m.state, out)
		}
	case sim.Timer:
		if c.invocation != nil && ev.Token == c.invocations {
			c.finish(scenarios.Unknown, "timeout", "", out)
		}
	}
}

func (c *client) finish(o scenarios.Outcome, reason, state string, out *sim.Effects) {
	out.Observe(&scenarios.Response{
		Operation: c.invocation.Operation, Outcome: o, Reason: reason, State: state, Version: scenarios.NoVersion,
	})
	c.invocation = nil
}
