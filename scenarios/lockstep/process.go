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

// process is one life of a node in the simulator: what the server's loop does
// with clock, sockets and files, with the simulator's.
type process struct {
	run    *run
	id     sim.ID
	life   int
	member *member.Member
	node   *node.Node    // in member
	did    report        // in the last step
	events [1]node.Event // of the step under way
	dead   bool
}

// Observe implements node.Observer.
func (p *process) Observe(f node.Observation) { p.did.facts = append(p.did.facts, fact{f}) }

// observe takes a fact of the member.
func (p *process) observe(f member.Observation) { p.did.standing = append(p.did.standing, standing{f}) }

// Step implements sim.Process.
func (p *process) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if p.dead {
		return
	}
	if b := p.run.bug.before; b != nil && b(p, now, ev) {
		return
	}
	p.did.reset()
	e := &p.events[0]
	p.take(ev, e)
	if r, ok := e.Message.(*node.Request); ok && p.member.Ready() {
		p.did.took = arrived{p.life, ev.From, r}
	}
	p.did.told, _ = e.Message.(*member.Introduction)
	effects, err := p.member.StepAll(time.Duration(now), p.events[:])
	if b := p.run.bug.after; b != nil {
		b(p, now, effects)
	}
	for i := range effects.Disk {
		out.Disk(diskRequest(&effects.Disk[i]))
	}
	p.did.shown.values = effects.Chosen
	var m *envelope
	for _, s := range effects.Sends {
		if m == nil || m.Message != s.Message { // what is said to several is one message
			m = p.run.arena.envelope(s.Message)
			m.life = p.member.Life()
		}
		out.Send(sim.ID(s.To), m)
		if judged(s.Message) {
			p.did.said = append(p.did.said, said{m})
		}
	}
	if !p.did.empty() {
		out.Observe(&p.did)
	}
	for _, t := range effects.Timers {
		out.SetTimer(t.Token, scenarios.Duration(t.After))
	}
	if err != nil {
		p.dead = true
		if errors.Is(err, member.ErrAmnesia) {
			out.Observe(&scenarios.IncarnationRejected{Node: p.id})
			return
		}
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: ev.Kind == sim.Boot})
	}
}

// take has e be what ev is to the node.
func (p *process) take(ev *sim.Event, e *node.Event) {
	*e = node.Event{From: node.ID(ev.From), Token: ev.Token, Err: ev.Err}
	switch ev.Kind {
	case sim.Boot:
		e.Kind, e.Dir = node.Boot, ev.Disk
		e.Incarnation, e.Life = p.run.incarnation(p.id, p.run.lost[p.id]), p.run.lifeID(p.id, p.life)
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

// diskRequest is a request of the log as one of the simulated disk. To create a
// file is to write nothing to it, and to allocate is to truncate beyond the end.
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
	run      *run
	session  *session.Session
	call     *session.Call
	current  *scenarios.Invocation
	sent     sending
	attempts map[string]uint32 // of operations that the client names itself, so far
	returned scenarios.Response
}

// Step implements sim.Process.
func (c *client) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	local := time.Duration(now)
	switch ev.Kind {
	case sim.Invoke:
		c.begin(local, ev.Message.(*scenarios.Invocation), out)
	case sim.Receive:
		if r, ok := ev.Message.(*envelope).Message.(*node.Reply); ok && c.call != nil {
			c.act(c.call.Reply(local, r), out)
		}
	case sim.Timer:
		if c.call != nil {
			c.act(c.call.Tick(local), out)
		}
	}
}

func (c *client) begin(now time.Duration, call *scenarios.Invocation, out *sim.Effects) {
	c.current = call
	started, action := c.session.Begin(now, c.asked(call.Operation))
	c.call = started
	c.act(action, out)
}

// asked is an operation of the plan as the session wants one.
func (c *client) asked(op *scenarios.Operation) session.Operation {
	o := session.Operation{Name: op.ID, Kind: node.Propose, Key: op.Machine, To: op.To, Node: node.ID(op.Node)}
	if op.Kind == scenarios.Read {
		o.Kind = node.Read
	}
	if op.Expect != nil {
		o.Expects, o.Expect = true, *op.Expect
	}
	switch named := named(op); {
	case op.IDScheme == scenarios.OwnID || len(named) > node.MaxOpName:
		o.ID, o.EarlierAttempts = node.OpID(named), c.attempts[named]
	case op.IDScheme == scenarios.ForgedID:
		o.ID = node.Stamp(op.Machine, op.Watermark, named)
	case op.IDScheme == scenarios.NoID:
		o.Once = true
	}
	return o
}

// named is the name of an operation of the plan to the nodes.
func named(op *scenarios.Operation) string { return cmp.Or(op.IDOf, op.ID) }

// act does what the session asks for.
func (c *client) act(a session.Action, out *sim.Effects) {
	if a.Request != nil {
		if c.current.IDScheme == scenarios.OwnID {
			a.Request.Watermark = c.current.Watermark // what is in no id is only claimed
			c.attempts[named(c.current.Operation)] = a.Request.Attempt
		}
		c.sent = sending{c.current.Operation, a.Request, a.To}
		out.Observe(&c.sent)
		out.Send(sim.ID(a.To), c.run.arena.envelope(a.Request))
	}
	if a.Wake > 0 {
		out.SetTimer(0, scenarios.Duration(a.Wake)) // its only timer
	}
	if !a.Done {
		return
	}
	r := &c.returned // read before the next step
	*r = scenarios.Response{
		Operation: c.current.Operation, Outcome: scenarios.Outcome(a.Result.Outcome.String()),
		Reason: string(a.Result.Reason), State: a.Result.State, Version: int64(a.Result.Version),
	}
	if r.State == "" {
		r.Version = scenarios.NoVersion
	}
	c.session.Reuse(c.call)
	c.call, c.current = nil, nil
	out.Observe(r)
}
