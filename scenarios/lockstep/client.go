package lockstep

import (
	"cmp"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// client is a session in the simulator.
type client struct {
	run         *run
	id          sim.ID
	now         time.Duration // of the current step
	deadline    time.Duration // of the current call
	byStream    bool          // it speaks the framed protocol
	streams     []*clientStream
	session     *session.Session
	sessionCall *session.Call
	invocation  *scenarios.Invocation
	sent        requestSent
	exchanges   []exchange        // of the current call, in order
	ownAttempts map[string]uint32 // attempts so far of operations with ids of the client's own, by name
	response    scenarios.Response
	unanswered  []attemptSent // of the current call, if the client hangs up
}

// Step implements sim.Process.
func (c *client) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	c.now = time.Duration(now)
	switch ev.Kind {
	case sim.Invoke:
		c.begin(ev.Message.(*scenarios.Invocation), out)
	case sim.Receive:
		if m, ok := ev.Message.(*chunk); ok {
			c.receiveChunk(ev.From, m, out)
			return
		}
		c.receive(ev, out)
	case sim.SendFailed:
		switch m := ev.Message.(type) { // nothing follows from a hang-up that fails
		case *envelope:
			c.endWhere(func(x *exchange) bool { return x.sent == m.Message }, true, out)
		case *chunk:
			c.chunkRefused(ev.From, m, out)
		}
	case sim.Disconnected:
		if c.byStream {
			c.closeStream(c.streamTo(node.ID(ev.From)), out)
		}
		c.endWhere(func(x *exchange) bool { return sim.ID(x.to) == ev.From }, false, out)
	case sim.Timer:
		if c.sessionCall != nil {
			c.apply(c.sessionCall.Tick(c.now), out)
		}
	}
}

func (c *client) begin(call *scenarios.Invocation, out *sim.Effects) {
	c.invocation, c.exchanges = call, c.exchanges[:0]
	c.deadline = c.now + time.Duration(c.run.plan.Knobs.ClientTimeout)
	started, action := c.session.Begin(c.now, c.sessionOperation(call.Operation))
	c.sessionCall = started
	c.apply(action, out)
}

// sessionOperation converts an operation of the plan to one of the session.
func (c *client) sessionOperation(op *scenarios.Operation) session.Operation {
	o := session.Operation{Name: op.ID, Kind: node.Propose, Key: op.Key, To: c.run.plan.Requested(op), Node: node.ID(op.Node)}
	if op.Kind == scenarios.Read {
		o.Kind = node.Read
	}
	if op.Expect != nil {
		o.Expects, o.Expect = true, *op.Expect
	}
	switch named := operationName(op); {
	case op.IDScheme == scenarios.OwnID || len(named) > node.MaxOpName:
		o.ID, o.EarlierAttempts = node.OpID(named), c.ownAttempts[named]
	case op.IDScheme == scenarios.ForgedID:
		o.ID = node.Stamp(op.Key, op.Watermark, named)
	case op.IDScheme == scenarios.NoID:
		o.Once = true
	}
	return o
}

// operationName is the operation's name in the ids that nodes receive.
func operationName(op *scenarios.Operation) string { return cmp.Or(op.IDOf, op.ID) }

// apply carries out an action of the session.
func (c *client) apply(a session.Action, out *sim.Effects) {
	if a.Request != nil {
		if c.invocation.IDScheme == scenarios.OwnID {
			a.Request.Watermark = c.invocation.Watermark // the client only claims it: its own id carries none
			c.ownAttempts[operationName(c.invocation.Operation)] = a.Request.Attempt
		}
		c.sent = requestSent{c.invocation.Operation, a.Request, a.To}
		out.Observe(&c.sent)
		c.send(a.To, a.Request, out)
		c.noteSent(a.Request, a.To)
	}
	if a.Wake > 0 {
		out.SetTimer(0, scenarios.Duration(a.Wake)) // its only timer
	}
	if !a.Done {
		return
	}
	c.hangUpAll(out)
	r := &c.response // the observer reads it before the next step
	*r = scenarios.Response{
		Operation: c.invocation.Operation, Outcome: outcomeOf(a.Result.Outcome),
		Reason: string(a.Result.Reason), State: a.Result.State, Version: int64(a.Result.Version),
	}
	if r.State == "" {
		r.Version = scenarios.NoVersion
	}
	c.session.Reuse(c.sessionCall)
	c.sessionCall, c.invocation = nil, nil
	out.Observe(r)
}
