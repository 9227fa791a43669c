package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// The range of the ids that clients have at the node. The ids of members are below.
const (
	FirstClient = configuration.MaxID + 1
	lastClient  = 1<<16 - 1
)

// request is one request without a reply. It keeps its place until the node has
// replied, also if the client has gone: a request that a client abandons in the
// node's queues counts as long as it is there.
type request struct {
	ticket    Ticket
	req       *node.Request
	client    node.ID           // the id of its client at the node; 0: it waits for the member
	arrived   time.Duration     // time of the step that took the call
	expires   time.Duration     // end of the wait for the member
	deadline  time.Duration     // from which on no client awaits the reply; 0: unknown
	abandoned bool              // the client has gone
	onReply   func(*node.Reply) // of a read for the service itself; err as in Reply
	onError   func(error)       //
}

// requestTable is the set of requests without a reply.
type requestTable struct {
	byClient map[node.ID]*request
	byTicket map[Ticket]*request // without those of the service itself
	waiting  []*request          // for the member, in order of arrival
	last     node.ID             // the id given out last
	refused  uint64              // requests rejected for want of room
}

func newRequestTable() requestTable {
	return requestTable{byClient: map[node.ID]*request{}, byTicket: map[Ticket]*request{}, last: lastClient}
}

// count returns the number of requests without a reply.
func (t *requestTable) count() int { return len(t.byClient) + len(t.waiting) }

// newClient returns an unused id. There is one: see MaxPending.
func (t *requestTable) newClient() node.ID {
	for {
		if t.last++; t.last < FirstClient { // it wraps round
			t.last = FirstClient
		}
		if t.byClient[t.last] == nil {
			return t.last
		}
	}
}

// call admits a request: it is delivered in this step, or waits for the member.
func (s *Service) call(r *request) {
	t := &s.requests
	r.arrived = s.now
	switch {
	case s.draining:
		s.refuseCall(r, ErrStopping)
		return
	case r.isOver(s.now):
		s.expireCall(r)
		return
	case t.count() >= s.cfg.Pending:
		t.refused++
		s.refuseCall(r, fmt.Errorf("%w: %d operations wait for this node: try another, or later", ErrBusy, s.cfg.Pending))
		return
	}
	if r.onReply == nil {
		t.byTicket[r.ticket] = r
	}
	if !s.member.AnswersClients() {
		r.expires = s.now + s.cfg.ReadyTimeout
		t.waiting = append(t.waiting, r)
		return
	}
	s.deliver(r)
}

// deliver hands a request to the member: in this step, or in the next if the member
// has taken its batch.
func (s *Service) deliver(r *request) {
	r.client = s.requests.newClient()
	s.requests.byClient[r.client] = r
	if s.cfg.Delivered != nil && r.onReply == nil {
		s.cfg.Delivered(r.ticket, r.req)
	}
	ev := node.Event{Kind: node.Receive, From: r.client, Message: r.req}
	if s.stepped {
		s.nextBatch = append(s.nextBatch, ev)
	} else {
		s.batch = append(s.batch, ev)
	}
}

// deliverWaiting hands the waiting requests to a member that has become ready, or
// abstains: then it rejects them.
func (s *Service) deliverWaiting() {
	t := &s.requests
	if len(t.waiting) == 0 || !s.member.AnswersClients() {
		return
	}
	for _, r := range t.waiting {
		if r.isOver(s.now) {
			s.expireCall(r)
		} else {
			s.deliver(r)
		}
	}
	t.waiting = nil
}

// isOver reports whether the client of a request awaits no reply any more.
func (r *request) isOver(now time.Duration) bool { return r.deadline != 0 && r.deadline <= now }

// expireCall rejects a request that came too late for its client.
func (s *Service) expireCall(r *request) {
	s.expired++
	s.finish(r, Reply{Reply: r.req.NotCarriedOut(node.Timeout), Own: true})
}

// expireWaiting rejects the requests that have waited too long.
func (s *Service) expireWaiting() {
	t := &s.requests
	if len(t.waiting) == 0 {
		return
	}
	n := 0
	for n < len(t.waiting) && t.waiting[n].expires <= s.now {
		r := t.waiting[n]
		n++
		s.finish(r, Reply{Reply: r.req.NotCarriedOut(node.Abstains), Own: true})
	}
	t.waiting = slices.Delete(t.waiting, 0, n)
}

// Unserved returns the reply to a request to which the node itself gives none, because
// of err: ErrBusy, ErrStopping or ErrStopped. r may be nil, for requests that are no
// operation of the node.
func Unserved(r *node.Request, err error) *node.Reply {
	if r == nil {
		r = &node.Request{}
	}
	reply := r.NotCarriedOut(node.Stopping)
	switch {
	case errors.Is(err, ErrBusy):
		reply.Reason = node.Overloaded
	case !errors.Is(err, ErrStopping): // the node had the request, and will send no reply
		reply.Outcome = node.Unknown
	}
	return reply
}

// complete gives a client the node's reply.
func (s *Service) complete(client node.ID, reply *node.Reply) {
	if r := s.requests.byClient[client]; r != nil {
		s.finish(r, Reply{Reply: reply})
	}
}

// refuseCall rejects a request that was not admitted.
func (s *Service) refuseCall(r *request, err error) {
	s.finish(r, Reply{Reply: Unserved(r.req, err), Own: true, Err: err})
}

// finish gives a request its outcome, and removes it. The caller removes it from
// waiting.
func (s *Service) finish(r *request, reply Reply) {
	delete(s.requests.byClient, r.client)
	switch {
	case r.abandoned:
	case r.onReply != nil && reply.Err != nil:
		r.onError(reply.Err)
	case r.onReply != nil:
		r.onReply(reply.Reply)
	default:
		delete(s.requests.byTicket, r.ticket)
		reply.Ticket = r.ticket
		reply.Took = s.now - r.arrived
		s.out.Replies = append(s.out.Replies, reply)
	}
}

// failRequests gives every request its outcome when the node stops.
func (s *Service) failRequests() {
	t := &s.requests
	waiting := t.waiting
	t.waiting = nil
	for _, r := range waiting {
		s.refuseCall(r, s.stoppingError())
	}
	for _, client := range slices.Sorted(maps.Keys(t.byClient)) {
		s.refuseCall(t.byClient[client], WithCause(ErrStopped, s.cause))
	}
}

// abandon notes that the client of a call has gone. A request that was not delivered
// is forgotten.
func (t *requestTable) abandon(ticket Ticket) {
	r := t.byTicket[ticket]
	if r == nil {
		return
	}
	r.abandoned = true
	delete(t.byTicket, ticket)
	if i := slices.Index(t.waiting, r); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
}

// TicketOf returns the ticket of the call behind an id that the node knows a client
// by. ok is false if there is none, or if the request is the service's own.
func (s *Service) TicketOf(client node.ID) (t Ticket, ok bool) {
	if r := s.requests.byClient[client]; r != nil && r.onReply == nil {
		return r.ticket, true
	}
	return 0, false
}
