package lockstep

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/sim"
)

// callLedger is the ground truth of the calls at one life of a node: those without a
// reply. The service must reply to each once, in time, and to no other.
type callLedger struct {
	open     []openCall // in order of arrival
	draining bool       // new calls are to be rejected
	leaving  bool       // the client of one goes in this step
}

// openCall is a call without a reply.
type openCall struct {
	ticket    service.Ticket
	request   *node.Request
	expires   time.Duration // latest end of the wait for the member
	deadline  time.Duration // from which on the client awaits no reply; 0: it does not say
	late      bool          // it came when the node drained
	delivered bool          // the member has it
	leaving   bool          // its client goes in this step, perhaps too late
	abandoned bool          // its client has gone
}

// index returns the place of a call, or -1.
func (l *callLedger) index(t service.Ticket) int {
	return slices.IndexFunc(l.open, func(c openCall) bool { return c.ticket == t })
}

// ticketOf returns the ticket of a client's attempt, if it has no reply.
func (l *callLedger) ticketOf(client sim.ID, h *hangUp) (service.Ticket, bool) {
	for i := range l.open {
		if c := &l.open[i]; clientOf(c.ticket) == client && c.request.ID == h.id && c.request.Attempt == h.attempt && !c.abandoned && !c.leaving {
			return c.ticket, true
		}
	}
	return 0, false
}

// noteCall notes that a client calls.
func (p *process) noteCall(ev *service.Event) {
	l := &p.calls
	l.open = append(l.open, openCall{
		ticket: ev.Ticket, request: ev.Request, expires: p.now + p.limits.ReadyTimeout, deadline: ev.Expires, late: l.draining,
	})
}

// isOver reports whether the client of a call awaits no reply any more.
func (c *openCall) isOver(now time.Duration) bool { return c.deadline != 0 && c.deadline <= now }

// abandonCall adds to the current step that the client of a call goes, if that waits for a
// reply. What comes of the call before that is as if the client were there.
func (p *process) abandonCall(t service.Ticket) {
	l := &p.calls
	i := l.index(t)
	if i < 0 || l.open[i].abandoned || l.open[i].leaving {
		return
	}
	l.open[i].leaving, l.leaving = true, true
	p.events = append(p.events, service.Event{Kind: service.Abandon, Ticket: t})
}

// endLeaving ends the step in which clients have gone. The node carries out what it has,
// and forgets what it has not.
func (l *callLedger) endLeaving() {
	if !l.leaving {
		return
	}
	l.leaving = false
	l.open = slices.DeleteFunc(l.open, func(c openCall) bool { return c.leaving && !c.delivered })
	for i := range l.open {
		c := &l.open[i]
		c.abandoned, c.leaving = c.abandoned || c.leaving, false
	}
}

// checkDelivered: the member gets each call once, and none that came while the node
// drained, that was abandoned before, or whose client awaits no reply any more.
func (p *process) checkDelivered(t service.Ticket, r *node.Request) {
	i := p.calls.index(t)
	switch {
	case i < 0:
		p.breach("outcomes", "delivered-after-reply", r.Key, "carries out %v, which it has answered, or whose client had gone", r)
	case p.calls.open[i].delivered:
		p.breach("outcomes", "delivered-twice", r.Key, "carries out %v again", r)
	case p.calls.open[i].late:
		p.breach("outcomes", "delivered-while-draining", r.Key, "carries out %v, though it is about to stop", r)
	case p.calls.open[i].isOver(p.now):
		p.breach("outcomes", "delivered-too-late", r.Key, "carries out %v, though its client awaits no reply any more", r)
	default:
		p.calls.open[i].delivered = true
	}
}

// noteAnswered notes that the member has answered a call. The reply to an abandoned
// one goes nowhere.
func (l *callLedger) noteAnswered(t service.Ticket) {
	if i := l.index(t); i >= 0 && (l.open[i].abandoned || l.open[i].leaving) {
		l.open = slices.Delete(l.open, i, i+1)
	}
}

// checkReply: a reply is to a call of a client that waits. A call that the member never
// got is rejected, unless it is a retry; it waits for the member as long as it should.
func (p *process) checkReply(r *service.Reply, now time.Duration) {
	i := p.calls.index(r.Ticket)
	if i < 0 || p.calls.open[i].abandoned {
		p.breach("outcomes", "unexpected-reply", r.Reply.Key, "replies %v to no client that waits", r.Reply)
		return
	}
	c := p.calls.open[i]
	p.calls.open = slices.Delete(p.calls.open, i, i+1)
	switch {
	case !r.Own:
		return
	case !c.delivered && r.Reply.Outcome != node.Rejected && !(c.request.Retry && c.request.Kind == node.Propose):
		p.breach("outcomes", "refused-as-unknown", c.request.Key, "answers %v, though it has not begun with it, and nor has another", r.Reply)
	case r.Err == nil && c.isOver(now) && !c.delivered && r.Reply.Reason == node.Timeout:
		p.run.marks.callExpired++
	case r.Err == nil && now < c.expires:
		p.breach("outcomes", "refused-early", c.request.Key, "answers %v, %v too early", r.Reply, c.expires-now)
	}
}

// checkCalls: after a step every call that has waited long enough is answered, no more
// calls wait than may, a node that has stopped has answered all, and the service asks
// for a step when the next call is due.
func (p *process) checkCalls(e *service.Effects, now time.Duration, ended bool) {
	p.calls.endLeaving()
	awaited, pending := 0, 0
	for i := range p.calls.open {
		c := &p.calls.open[i]
		pending++
		if c.abandoned {
			continue
		}
		awaited++
		r := c.request
		switch {
		case ended:
			p.breach("liveness", "call-unanswered", r.Key, "has stopped without a reply to %v", r)
		case c.delivered:
		case c.expires <= now:
			p.breach("outcomes", "refused-late", r.Key, "lets %v wait, %v too long", r, now-c.expires)
		case e.Wake > c.expires, e.Wake > now && p.member.AnswersClients():
			p.breach("liveness", "asleep", r.Key, "lets %v wait, and sleeps until %v", r, e.Wake)
		}
	}
	if counted := p.service.Counters().Pending; !ended && (counted > p.limits.Pending || counted < pending || awaited > p.limits.Pending) {
		p.breach("bounds", "pending", "", "counts %d pending requests, with %d of clients, where %d are allowed", counted, pending, p.limits.Pending)
	}
}
