package lockstep

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// process is one life of a node in the simulator. It takes the place of the server's
// loop: it drives the member with the simulator's clock, network and disk.
type process struct {
	run     *run
	id      sim.ID
	life    int
	member  *member.Member
	node    *node.Node   // in member
	report  stepReport   // observations of the last step
	events  []node.Event // events of the current step
	single  [1]sim.Event // event of a step with one
	stopped bool
}

// Observe implements node.Observer.
func (p *process) Observe(f node.Observation) {
	p.report.observations = append(p.report.observations, nodeObservation{f})
}

// observeMember collects an observation of the member.
func (p *process) observeMember(f member.Observation) {
	p.report.memberObservations = append(p.report.memberObservations, memberObservation{f})
}

// Step implements sim.Process.
func (p *process) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	p.single[0] = *ev
	p.StepAll(now, p.single[:], out)
}

// StepAll implements sim.BatchProcess, as the server's loop steps the member.
func (p *process) StepAll(now scenarios.Duration, evs []sim.Event, out *sim.Effects) {
	if p.stopped {
		return
	}
	p.report.reset()
	p.events = p.events[:0]
	for i := range evs {
		p.addEvent(now, &evs[i])
	}
	if len(p.events) == 0 {
		return // a planted bug ignores them
	}
	effects, err := p.member.StepAll(time.Duration(now), p.events)
	if b := p.run.bug.after; b != nil {
		b(p, now, effects)
	}
	for i := range effects.Disk {
		out.Disk(diskRequest(&effects.Disk[i]))
	}
	p.report.shown.values = effects.Chosen
	var m *envelope
	for _, s := range effects.Sends {
		if m == nil || m.Message != s.Message { // sends of one message share an envelope
			m = p.run.envelopes.wrap(s.Message)
			m.life = p.member.Life()
		}
		out.Send(sim.ID(s.To), m)
		if isJudged(s.Message) {
			p.report.sent = append(p.report.sent, messageSent{m})
		}
	}
	if !p.report.empty() {
		out.Observe(&p.report)
	}
	for _, t := range effects.Timers {
		out.SetTimer(t.Token, scenarios.Duration(t.After))
	}
	if err != nil {
		p.stopped = true
		if errors.Is(err, member.ErrAmnesia) {
			out.Observe(&scenarios.IncarnationRejected{Node: p.id})
			return
		}
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: evs[0].Kind == sim.Boot})
	}
}

// addEvent adds an event to the current step, and reports its arrival.
func (p *process) addEvent(now scenarios.Duration, ev *sim.Event) {
	if b := p.run.bug.before; b != nil && b(p, now, ev) {
		return
	}
	p.events = append(p.events, node.Event{})
	e := &p.events[len(p.events)-1]
	p.toNodeEvent(ev, e)
	switch m := e.Message.(type) {
	case *node.Request:
		if p.member.Ready() {
			p.report.arrivals = append(p.report.arrivals, requestArrived{p.life, ev.From, m})
		}
	case *member.Introduction:
		if !p.member.LifeDurable() {
			return // the member ignores it
		}
		p.report.introductions = append(p.report.introductions, m)
	}
}

// toNodeEvent converts an event of the simulator to an event of the node.
func (p *process) toNodeEvent(ev *sim.Event, e *node.Event) {
	*e = node.Event{From: node.ID(ev.From), Token: ev.Token, Err: ev.Err}
	switch ev.Kind {
	case sim.Boot:
		e.Kind, e.Dir = node.Boot, ev.Disk
		e.Incarnation, e.Life = p.run.incarnation(p.id, p.run.losses[p.id]), p.run.lifeID(p.id, p.life)
	case sim.Receive:
		m := ev.Message.(*envelope)
		e.Kind, e.Message, e.Life = node.Receive, m.Message, m.life
	case sim.Timer:
		e.Kind = node.Timer
	case sim.DiskDone:
		e.Kind = node.DiskDone
		if errors.Is(ev.Err, sim.ErrFull) {
			e.Err = fmt.Errorf("%w: %w", wal.ErrFull, ev.Err)
		}
	}
}

// diskRequest converts a request of the log to one of the simulated disk. Creating a
// file is an empty write, and allocating is a truncation beyond the end.
func diskRequest(r *wal.DiskRequest) sim.DiskRequest {
	ops := [...]sim.DiskOp{
		wal.Create: sim.DiskWrite, wal.Write: sim.DiskWrite, wal.Truncate: sim.DiskTruncate,
		wal.Sync: sim.DiskSync, wal.SyncDir: sim.DiskSyncDir,
		wal.Allocate: sim.DiskTruncate, wal.Remove: sim.DiskRemove, wal.Rename: sim.DiskRename,
	}
	return sim.DiskRequest{Op: ops[r.Op], File: r.File, To: r.To, Offset: r.Offset, Data: r.Data, Token: r.Token, Quiet: r.Quiet}
}

// client is a session in the simulator.
type client struct {
	run         *run
	session     *session.Session
	sessionCall *session.Call
	invocation  *scenarios.Invocation
	sent        requestSent
	ownAttempts map[string]uint32 // attempts so far of operations with ids of the client's own, by name
	response    scenarios.Response
}

// Step implements sim.Process.
func (c *client) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	local := time.Duration(now)
	switch ev.Kind {
	case sim.Invoke:
		c.begin(local, ev.Message.(*scenarios.Invocation), out)
	case sim.Receive:
		if r, ok := ev.Message.(*envelope).Message.(*node.Reply); ok && c.sessionCall != nil {
			c.apply(c.sessionCall.Reply(local, r), out)
		}
	case sim.Timer:
		if c.sessionCall != nil {
			c.apply(c.sessionCall.Tick(local), out)
		}
	}
}

func (c *client) begin(now time.Duration, call *scenarios.Invocation, out *sim.Effects) {
	c.invocation = call
	started, action := c.session.Begin(now, c.sessionOperation(call.Operation))
	c.sessionCall = started
	c.apply(action, out)
}

// sessionOperation converts an operation of the plan to one of the session.
func (c *client) sessionOperation(op *scenarios.Operation) session.Operation {
	o := session.Operation{Name: op.ID, Kind: node.Propose, Key: op.Machine, To: op.To, Node: node.ID(op.Node)}
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
		o.ID = node.Stamp(op.Machine, op.Watermark, named)
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
		out.Send(sim.ID(a.To), c.run.envelopes.wrap(a.Request))
	}
	if a.Wake > 0 {
		out.SetTimer(0, scenarios.Duration(a.Wake)) // its only timer
	}
	if !a.Done {
		return
	}
	r := &c.response // the observer reads it before the next step
	*r = scenarios.Response{
		Operation: c.invocation.Operation, Outcome: scenarios.Outcome(a.Result.Outcome.String()),
		Reason: string(a.Result.Reason), State: a.Result.State, Version: int64(a.Result.Version),
	}
	if r.State == "" {
		r.Version = scenarios.NoVersion
	}
	c.session.Reuse(c.sessionCall)
	c.sessionCall, c.invocation = nil, nil
	out.Observe(r)
}
