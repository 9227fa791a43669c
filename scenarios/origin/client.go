package origin

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// client asks one node, once, and waits for the answer.
type client struct {
	home    sim.ID // the node it asks when the plan does not say
	timeout scenarios.Duration
	call    *scenarios.Invocation // under way, or nil
	calls   uint64                // made so far: the token of the current timer
}

// Step implements sim.Process.
func (c *client) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		c.call = ev.Message.(*scenarios.Invocation)
		c.calls++
		node := c.home
		if c.call.Node != 0 {
			node = scenarios.NodeID(c.call.Node)
		}
		out.Send(node, &message{kind: request, call: c.call})
		out.SetTimer(c.calls, c.timeout)
	case sim.Receive:
		if m := ev.Message.(*message); m.call == c.call {
			c.end(m.outcome, m.reason, m.state, out)
		}
	case sim.Timer:
		if c.call != nil && ev.Token == c.calls {
			c.end(scenarios.Unknown, "timeout", "", out)
		}
	}
}

func (c *client) end(o scenarios.Outcome, reason, state string, out *sim.Effects) {
	out.Observe(&scenarios.Response{
		Operation: c.call.Operation, Outcome: o, Reason: reason, State: state, Version: scenarios.NoVersion,
	})
	c.call = nil
}
