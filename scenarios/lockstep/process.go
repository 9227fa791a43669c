package lockstep

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// process is one life of a node in the simulator. It takes the place of the server's
// loop: it drives the service with the simulator's clock, network and disk.
type process struct {
	run           *run
	id            sim.ID
	life          int
	now           time.Duration // of the current step
	service       *service.Service
	member        *member.Member  // of service
	node          *node.Node      // of member
	report        stepReport      // observations of the last step
	events        []service.Event // events of the current step
	single        [1]sim.Event    // event of a step with one
	tickets       uint64          // given out in this life
	calls         callLedger
	streams       serverStreams
	limits        service.Config // of service
	wake          time.Duration  // when the pending timer fires; 0: it is not set
	observers     *nodeObservers
	traffic       traffic
	rejects       []receivedReject             // of the last step
	notices       int                          // of quotas, that the operator was given in this life
	configuration *configuration.Configuration // when the current step began
	guided        bool                         // it was told guides in this life
	tookPart      bool                         // the member was ready when the current step began
	stopped       bool

	stopRequested bool // at the end of the current step
	marking       bool // it has stopped, and its log marks its end
}

// Observe implements node.Observer. The node knows a client by an id that the service
// has given it. The answers to the service's own reads are not observed: no client of
// the plan asks.
func (p *process) Observe(f node.Observation) {
	if f.Client >= service.FirstClient {
		t, ok := p.service.TicketOf(f.Client)
		if !ok && f.Kind == node.Answered {
			return
		}
		if f.Kind == node.Answered {
			p.calls.noteAnswered(t)
		}
		f.Client = node.ID(clientOf(t))
	}
	if f.Kind == node.Answered && f.Reply.Reason == node.Overloaded && p.node.HasRoom(f.Reply.Kind, f.Reply.Key) {
		p.breach("bounds", "refused-early", f.Reply.Key, "answers %v, though it has room", f.Reply)
	}
	if f.Kind == node.Answered && f.Reply.Reason == node.QuotaReached && p.atQuota() && p.notices == 0 {
		p.breach("bounds", "quota-untold", f.Reply.Key, "answers %v, and the operator was not told of a quota before", f.Reply)
	}
	if f.Kind == node.Chosen {
		p.traffic.chosen++
	}
	p.report.observations = append(p.report.observations, nodeObservation{f})
}

// observeMember collects an observation of the member.
func (p *process) observeMember(f member.Observation) {
	p.report.memberObservations = append(p.report.memberObservations, memberObservation{f})
}

// newTicket returns a ticket for a client, or for an observer of the node itself.
func (p *process) newTicket(client sim.ID) service.Ticket {
	p.tickets++
	return service.Ticket(p.tickets<<16 | uint64(client))
}

// clientOf returns the client that a ticket was made for.
func clientOf(t service.Ticket) sim.ID { return sim.ID(t & 0xffff) }

// Step implements sim.Process.
func (p *process) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	p.single[0] = *ev
	p.StepAll(now, p.single[:], out)
}

// StepAll implements sim.BatchProcess. Clients that watch the node take what it has
// for them in the same step, which is one more step of the service.
func (p *process) StepAll(now scenarios.Duration, evs []sim.Event, out *sim.Effects) {
	p.now = time.Duration(now)
	p.report.reset()
	p.tookPart, p.configuration = p.member.Ready(), p.member.Configuration()
	p.traffic.beginStep(now)
	p.noteRejects(now)
	p.events = p.events[:0]
	if p.marking {
		p.mark(now, evs, out)
		p.observeReport(out)
		return
	}
	if !p.addEvents(now, evs, out) {
		return
	}
	p.addGuides()
	p.observers.begin(p)
	err := p.stepService(now, out)
	for err == nil && len(p.report.breaches) == 0 && p.observers.pull(p) { // a breach may have no end
		err = p.stepService(now, out)
	}
	p.observers.checkOpen(p, err != nil)
	if err == nil {
		p.checkTestimonies()
	}
	if p.stopRequested && err == nil && !p.stopped {
		p.stop(now, out)
		p.observers.checkOpen(p, true)
	}
	removed := errors.Is(err, member.ErrRemoved)
	if removed { // it sends nothing any more
		p.run.oracle.nodes[p.id].owed = owedRound{}
	}
	p.observeReport(out)
	if err == nil || p.stopped {
		return
	}
	p.stopped = true
	if errors.Is(err, member.ErrAmnesia) {
		out.Observe(&scenarios.IncarnationRejected{Node: p.id})
		return
	}
	if removed {
		out.Observe(&scenarios.MemberRemoved{Node: p.id})
		return
	}
	out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: evs[0].Kind == sim.Boot})
}

// observeReport reports what was observed in the current step.
func (p *process) observeReport(out *sim.Effects) {
	if !p.report.empty() {
		out.Observe(&p.report)
	}
}

// addEvents adds events to the current step. It returns false if a planted bug ignores
// all of them.
func (p *process) addEvents(now scenarios.Duration, evs []sim.Event, out *sim.Effects) bool {
	taken := 0
	for i := range evs {
		if b := p.run.bug.before; b != nil && b(p, now, &evs[i]) {
			continue
		}
		taken++
		p.addEvent(now, &evs[i], out)
	}
	return taken > 0
}

// stepService has the service take the collected events, and applies the effects.
func (p *process) stepService(now scenarios.Duration, out *sim.Effects) error {
	effects, err := p.service.Step(time.Duration(now), p.events)
	p.events = p.events[:0]
	if b := p.run.bug.after; b != nil {
		b(p, now, effects)
	}
	p.apply(effects, now, out)
	p.checkCalls(effects, time.Duration(now), err != nil)
	if at := effects.Wake; at != service.Never && (p.wake == 0 || p.wake != at) {
		p.wake = at
		out.SetTimer(0, scenarios.Duration(max(0, at-time.Duration(now))))
	}
	return err
}

// apply carries out effects, and hands the observers of the node theirs.
func (p *process) apply(effects *service.Effects, now scenarios.Duration, out *sim.Effects) {
	p.send(effects, now, out)
	for _, c := range effects.Chosen {
		if c.Key != configuration.Key { // of the cluster: its users are shown none of it
			p.report.shown.values = append(p.report.shown.values, c)
		}
	}
	p.observers.take(p, effects)
}

// send carries out the effects on the disk and the network.
func (p *process) send(effects *service.Effects, now scenarios.Duration, out *sim.Effects) {
	for i := range effects.Disk {
		p.checkLengthens(&effects.Disk[i])
		out.Disk(diskRequest(&effects.Disk[i]))
	}
	var m *envelope
	for _, s := range effects.Sends {
		message, form := p.forReceiver(s)
		if message == nil {
			continue
		}
		if m == nil || m.Message != message || m.form != form { // sends of one message share an envelope
			m = p.wrap(message)
			m.form = form
		}
		p.noteSent(now, s.To, m)
		out.Send(sim.ID(s.To), m)
		if isJudged(message) {
			p.report.sent = append(p.report.sent, messageSent{m, sim.ID(s.To)})
		}
	}
	for i := range effects.Replies {
		r := &effects.Replies[i]
		client := clientOf(r.Ticket)
		p.checkReply(r, time.Duration(now))
		if r.Own {
			p.report.refusals = append(p.report.refusals, requestRefused{p.life, client, r.Reply})
		}
		if !p.replyByStream(client, r, out) {
			out.Send(client, p.wrap(r.Reply))
		}
	}
	p.flushStreams(out)
}

// wrap returns a message of this life.
func (p *process) wrap(m node.Message) *envelope {
	e := p.run.envelopes.wrap(m)
	e.life, e.level = p.member.Life(), p.run.levels[p.id]
	return e
}

// addEvent adds an event to the current step: a client's request is a call, and all
// others are for the member, but for the timer, which only wakes the service.
func (p *process) addEvent(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch {
	case ev.Kind == sim.Timer:
		p.wake = 0
		return
	case ev.Kind == sim.Invoke:
		p.addOperatorRequest(ev.Message)
		return
	}
	if m, ok := ev.Message.(*chunk); ok {
		p.addChunk(ev.From, m, out)
		return
	}
	if p.stopped && !scenarios.IsClient(ev.From) || p.fromEndedConnection(ev) {
		return // a node that has stopped reads of no peer, and tells late clients that it stops
	}
	if h, ok := ev.Message.(*hangUp); ok {
		if t, ok := p.calls.ticketOf(ev.From, h); ok {
			p.abandonCall(t)
		}
		return
	}
	p.events = append(p.events, service.Event{})
	e := &p.events[len(p.events)-1]
	p.toMemberEvent(now, ev, &e.Member)
	switch m := e.Member.Message.(type) {
	case *node.Request:
		if scenarios.IsClient(ev.From) {
			*e = service.Event{Kind: service.Call, Ticket: p.newTicket(ev.From), Request: m}
			p.noteCall(e)
		} else {
			p.noteArrival(ev.From, m)
		}
	case *member.Introduction:
		if p.refused(m) {
			*e = service.Event{Kind: service.Removed, Member: node.Event{From: node.ID(ev.From)}}
			return
		}
		if p.member.LifeDurable() { // otherwise the member ignores it
			p.report.introductions = append(p.report.introductions, receivedIntroduction{node.ID(ev.From), m})
		}
	}
}

// refused reports whether the sender of an introduction, which tells that this node was
// removed, refuses its connection instead: in two of three lives the node comes so late that
// no member has an address of it any more. In its first one it is connected to them.
func (p *process) refused(in *member.Introduction) bool {
	return p.life%3 != 1 && in.TellsRemoval(node.ID(p.id))
}

// noteDelivered observes that a call is delivered to the member.
func (p *process) noteDelivered(t service.Ticket, r *node.Request) {
	if client := clientOf(t); client != 0 {
		p.checkDelivered(t, r)
		p.noteArrival(client, r)
	}
}

// noteArrival reports the arrival of a request, unless the member rejects it.
func (p *process) noteArrival(from sim.ID, r *node.Request) {
	if p.member.Ready() {
		known := !p.run.plan.IsCreated(r.Key) || p.node.Knows(r.Key)
		p.report.arrivals = append(p.report.arrivals, requestArrived{p.life, from, r, known})
	}
}

// toMemberEvent converts an event of the simulator to an event of the member, which is
// zero before.
func (p *process) toMemberEvent(now scenarios.Duration, ev *sim.Event, e *node.Event) {
	e.From, e.Token, e.Err = node.ID(ev.From), ev.Token, ev.Err
	switch ev.Kind {
	case sim.Boot:
		e.Kind, e.Dir, p.traffic.disk = node.Boot, ev.Disk, ev.Disk
		e.Incarnation, e.Life = p.run.incarnation(p.id, p.run.losses[p.id]), p.run.lifeID(p.id, p.life)
	case sim.Receive:
		m := ev.Message.(*envelope)
		if !scenarios.IsClient(ev.From) {
			p.noteReceived(now, ev.From, m)
			p.checkForm(ev.From, m)
		}
		e.Kind, e.Message, e.Life, e.Level = node.Receive, m.Message, m.life, m.level
	case sim.DiskDone:
		e.Kind = node.DiskDone
		if errors.Is(ev.Err, disk.ErrFull) {
			e.Err = fmt.Errorf("%w: %w", wal.ErrFull, ev.Err)
		}
	}
}

// diskOps are the simulated disk's operations for those of the log.
var diskOps = [...]disk.Op{
	wal.Create: disk.Write, wal.Write: disk.Write, wal.Truncate: disk.Truncate,
	wal.Sync: disk.Sync, wal.SyncDir: disk.SyncDir,
	wal.Allocate: disk.Truncate, wal.Remove: disk.Remove, wal.Rename: disk.Rename,
}

// diskRequest converts a request of the log to one of the simulated disk. Creating a
// file is an empty write, and allocating is a truncation beyond the end. Nothing is
// begun before all before it is done, as by the real runner.
func diskRequest(r *wal.DiskRequest) disk.Request {
	return disk.Request{Op: diskOps[r.Op], File: r.File, To: r.To, Offset: r.Offset, Data: r.Data, Token: r.Token, Quiet: r.Quiet, Chained: true}
}
