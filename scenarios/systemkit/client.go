package systemkit

import (
	"cmp"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// Protocol is how a system's clients and nodes speak: what a request and a reply are.
type Protocol struct {
	// Request returns the message of an attempt at an operation, counted from 1, as
	// kit.Request.Message does. It should carry the operation's id, by which the
	// client knows the reply.
	Request func(inv *scenarios.Invocation, attempt int) any
	// Reply tells what a message means for the operation in progress, and fills the
	// response with what it says of the state. Operation, outcome and reason are the
	// client's to fill: the reason is that of the kit.Reply. An operation that was
	// impossible in the state of its object, as the acquisition of a held lock, is
	// kit.Refused with the reason scenarios.Illegal, which the judge holds to the
	// model; a Refused without a reason gets "refused", which claims only that there
	// was no effect.
	Reply func(inv *scenarios.Invocation, from sim.ID, body any, to *scenarios.Response) kit.Reply
	// Repeat reports whether the operation may be sent again though an earlier attempt
	// may have been carried out; nil: operations of the kind scenarios.Read may. Return
	// true for all if the nodes tell the attempts of an operation from new operations.
	Repeat func(inv *scenarios.Invocation) bool
	// Timing is the configuration of the client. What is zero follows the plan: all
	// nodes, from a home that differs from client to client, and the plan's timeouts.
	// Classify is not used.
	Timing kit.ClientConfig
}

// NewClient returns the process of a client of a plan, as scenarios.Run.Client does. It
// carries out one operation at a time with a kit.Client, beginning at the node that the
// operation names, and ends it with a *scenarios.Response.
func NewClient(p *scenarios.Plan, id sim.ID, protocol Protocol) sim.Process {
	if protocol.Request == nil || protocol.Reply == nil {
		panic("systemkit: a client without Protocol.Request or Protocol.Reply: want functions that make requests and read replies")
	}
	if protocol.Repeat == nil {
		protocol.Repeat = func(inv *scenarios.Invocation) bool { return inv.Kind == scenarios.Read }
	}
	c := &client{protocol: protocol}
	timing := timingOf(p, id, protocol.Timing)
	timing.Classify = func(from sim.ID, body any) kit.Reply {
		c.response = scenarios.Response{Operation: c.invocation.Operation, Version: scenarios.NoVersion}
		return protocol.Reply(c.invocation, from, body, &c.response)
	}
	c.client = kit.NewClient(timing)
	return c
}

// timingOf returns the configuration of a client, with all that is zero in t by the plan.
func timingOf(p *scenarios.Plan, id sim.ID, t kit.ClientConfig) kit.ClientConfig {
	if t.Nodes == nil {
		home := scenarios.ClientNumber(id) - 1
		for n := range p.Nodes {
			t.Nodes = append(t.Nodes, scenarios.NodeID(1+(home+n)%p.Nodes))
		}
	}
	k := &p.Knobs
	t.Deadline = cmp.Or(t.Deadline, k.ClientTimeout)
	t.Attempt = min(cmp.Or(t.Attempt, k.AttemptTimeout, k.ConsensusTimeout+k.ResendTimeout), t.Deadline)
	t.Backoff = cmp.Or(t.Backoff, k.ResendTimeout)
	t.MaxBackoff = max(cmp.Or(t.MaxBackoff, 8*t.Backoff), t.Backoff)
	return t
}

// client is a client of a plan.
type client struct {
	protocol   Protocol
	client     *kit.Client
	invocation *scenarios.Invocation // in progress, or the last
	response   scenarios.Response    // as the last reply fills it
}

// Step implements sim.Process.
func (c *client) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		c.start(now, ev.Message.(*scenarios.Invocation), out)
		return
	}
	result, done := c.client.Step(now, ev, out)
	if !done {
		return
	}
	response := c.response
	if result.Outcome == kit.Unknown || result.Node == 0 { // no reply says what the state is
		response = scenarios.Response{Operation: c.invocation.Operation, Version: scenarios.NoVersion}
	}
	response.Outcome = outcomes[result.Outcome]
	if response.Reason = result.Reason; response.Outcome == scenarios.Rejected {
		response.Reason = cmp.Or(response.Reason, "refused")
	}
	out.Observe(&response)
}

func (c *client) start(now sim.Duration, inv *scenarios.Invocation, out *sim.Effects) {
	c.invocation = inv
	r := kit.Request{
		Message: func(attempt int) any { return c.protocol.Request(inv, attempt) },
		Repeat:  c.protocol.Repeat(inv),
	}
	if inv.Node != 0 {
		r.First = scenarios.NodeID(inv.Node)
	}
	c.client.Start(now, out, r)
}

var outcomes = [...]scenarios.Outcome{kit.Unknown: scenarios.Unknown, kit.Accepted: scenarios.Committed, kit.Rejected: scenarios.Rejected}
