package lockstep

import (
	"errors"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// streamsOf reports whether a client speaks the framed protocol. Knobs.StreamPercent is
// the share of those that do.
func (r *run) streamsOf(client sim.ID) bool {
	return keyed.Seed(r.plan.Seed).Name("streams").Word(uint64(client)).Below(100) < uint64(r.plan.Knobs.StreamPercent)
}

// clientStream is a client's side of its connections to one node, of which it has one at
// a time.
type clientStream struct {
	to      node.ID
	number  uint64         // of connections so far
	end     *stream.Client // nil: no connection
	opened  time.Duration  // when this one began
	out     direction
	in      uint64 // bytes received
	damaged bool   // some were not those that were sent
	sent    []streamRequest
	queue   []*node.Request // that wait for the greeting, or for credit
}

// streamRequest is an unfinished request of a connection.
type streamRequest struct {
	id      uint64
	request *node.Request
	at      time.Duration
}

// streamTo returns the client's side of its connections to a node.
func (c *client) streamTo(to node.ID) *clientStream {
	for _, s := range c.streams {
		if s.to == to {
			return s
		}
	}
	s := &clientStream{to: to}
	c.streams = append(c.streams, s)
	return s
}

// sendByStream sends an attempt over the connection to a node, and opens one if there is
// none. A connection on which nothing has come for long is given up first. It reports
// false if the request does not fit into a message: then it goes another way.
func (c *client) sendByStream(s *clientStream, r *node.Request, out *sim.Effects) bool {
	if !stream.Fits(r) {
		return false
	}
	if s.end != nil && c.now-s.waitsSince(c.now) > c.run.attemptTimeout() {
		c.closeStream(s, out)
	}
	if s.end == nil {
		s.open(c, out)
	}
	s.queue = append(s.queue, r)
	c.flushQueue(s, out)
	return true
}

// waitsSince returns the time since which the connection owes something.
func (s *clientStream) waitsSince(now time.Duration) time.Duration {
	if s.end.Peer() == (stream.Hello{}) {
		return s.opened
	}
	if len(s.sent) > 0 {
		return s.sent[0].at
	}
	return now
}

// open begins a connection.
func (s *clientStream) open(c *client, out *sim.Effects) {
	s.number++
	s.end, s.opened, s.in, s.damaged = stream.NewClient(), c.now, 0, false
	s.out = direction{connection: s.number, key: c.run.streamKey.Word(uint64(c.id)).Word(uint64(s.to)).Word(s.number)}
	s.out.send(c.run, sim.ID(s.to), s.end.Take(nil), noSubject, out)
}

// flushQueue sends the requests that wait, as far as there is credit.
func (c *client) flushQueue(s *clientStream, out *sim.Effects) {
	for len(s.queue) > 0 {
		r := s.queue[0]
		id, err := s.end.Request(r, max(time.Millisecond, c.deadline-c.now))
		switch {
		case errors.Is(err, stream.ErrNoCredit):
			if s.end.Peer() != (stream.Hello{}) {
				c.run.marks.streamWaits++
			}
			return
		case err != nil:
			return // the connection ends soon
		}
		s.queue = s.queue[1:]
		s.sent = append(s.sent, streamRequest{id, r, c.now})
		s.out.send(c.run, sim.ID(s.to), s.end.Take(nil), subjectOf("request", r), out)
	}
}

// receiveChunk takes bytes of a node.
func (c *client) receiveChunk(from sim.ID, m *chunk, out *sim.Effects) {
	s := c.streamTo(node.ID(from))
	switch {
	case s.end == nil || m.connection != s.number:
		return // of a connection that has ended
	case m.reset || m.offset != s.in:
		c.run.marks.streamResets++
		c.closeStream(s, out)
		return
	}
	s.in, s.damaged = s.in+uint64(len(m.data)), s.damaged || m.damaged
	number := s.number
	events, err := s.end.Receive(m.data)
	for i := range events {
		c.takeStreamEvent(s, &events[i], out)
	}
	if s.number != number || s.end == nil {
		return // it has ended meanwhile
	}
	if err != nil {
		if !s.damaged {
			out.Observe(&streamBroken{s.to, err})
		}
		c.closeStream(s, out)
		return
	}
	c.flushQueue(s, out)
}

// takeStreamEvent takes a message of a node.
func (c *client) takeStreamEvent(s *clientStream, e *stream.ClientEvent, out *sim.Effects) {
	switch e.Kind {
	case stream.Replied:
		i := slices.IndexFunc(s.sent, func(x streamRequest) bool { return x.id == e.ID })
		if i < 0 {
			return // of a connection that an earlier message has ended
		}
		s.sent = slices.Delete(s.sent, i, i+1)
		if r := e.Reply; c.sessionCall != nil {
			c.takeReply(c.exchangeOf(&r), &r, out)
		}
	case stream.WentAway:
		c.closeStream(s, out)
	}
}

// closeStream ends the connection to a node: its requests end without a reply. Those
// that have not been sent never are.
func (c *client) closeStream(s *clientStream, out *sim.Effects) {
	if s.end == nil {
		return
	}
	lost, sent, queue := s.end.Closed(), s.sent, s.queue
	s.end, s.sent, s.queue = nil, nil, nil
	for _, l := range lost {
		for i := range sent {
			if sent[i].id == l.ID {
				c.loseAttempt(sent[i].request, l.NeverSent, out)
			}
		}
	}
	for _, r := range queue {
		c.loseAttempt(r, true, out)
	}
}

// loseAttempt ends the exchange of an attempt of the current call.
func (c *client) loseAttempt(r *node.Request, neverSent bool, out *sim.Effects) {
	c.endWhere(func(x *exchange) bool { return x.request == r }, neverSent, out)
}

// chunkRefused takes the news that bytes have not left: nor will the ones after them be
// taken.
func (c *client) chunkRefused(to sim.ID, m *chunk, out *sim.Effects) {
	s := c.streamTo(node.ID(to))
	if s.end == nil || m.connection != s.number || m.reset {
		return
	}
	s.end.NotWritten(int(s.out.sent - m.offset))
	c.closeStream(s, out)
}

// cancelByStream tells a node that nobody awaits its reply to an attempt. It reports
// false if the attempt did not go over a connection.
func (c *client) cancelByStream(a *attemptSent, out *sim.Effects) bool {
	s := c.streamTo(a.to)
	for i, r := range s.queue {
		if r.ID == a.id && r.Attempt == a.attempt {
			s.queue = append(s.queue[:i:i], s.queue[i+1:]...)
			return true
		}
	}
	for i := range s.sent {
		if r := s.sent[i].request; r.ID == a.id && r.Attempt == a.attempt {
			if s.end.Cancel(s.sent[i].id) {
				c.run.marks.streamCancels++
				s.out.send(c.run, sim.ID(s.to), s.end.Take(nil), subject{"hang-up", a.key, a.id.Name()}, out)
			}
			return true
		}
	}
	return false
}

// checkStreamBroken: a node's bytes that nothing has damaged keep to the protocol.
func (o *oracle) checkStreamBroken(f *streamBroken) *scenarios.Violation {
	return o.violation("wire", "stream-broken", "", "%v", f)
}
