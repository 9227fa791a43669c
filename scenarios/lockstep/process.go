package lockstep

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
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
