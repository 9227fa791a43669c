package lockstep

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// serverStreams are the connections of clients to one life of a node, as package server
// has them: one a client at a time.
type serverStreams struct {
	list []*serverStream // by arrival of the clients
}

// serverStream is a node's side of a client's connection.
type serverStream struct {
	client  sim.ID
	number  uint64         // of the last connection
	end     *stream.Server // nil: it has ended
	out     direction
	in      uint64 // bytes received
	damaged bool   // some were not those that were sent
	calls   []streamCall
}

// streamCall is an unfinished call of a connection.
type streamCall struct {
	id     uint64
	ticket service.Ticket
}

// of returns the connection of a client, or nil.
func (l *serverStreams) of(client sim.ID) *serverStream {
	for _, s := range l.list {
		if s.client == client {
			return s
		}
	}
	return nil
}

// addChunk takes bytes of a client: the calls in them are events of the current step.
func (p *process) addChunk(now scenarios.Duration, from sim.ID, m *chunk, out *sim.Effects) {
	s := p.streams.of(from)
	switch {
	case s == nil:
		s = &serverStream{client: from}
		p.streams.list = append(p.streams.list, s)
	case m.connection < s.number || m.connection == s.number && s.end == nil:
		return // it has ended
	}
	if m.connection > s.number {
		p.closeStream(s)
		if s.number = m.connection; m.offset == 0 {
			p.openStream(s)
		}
	}
	if s.end == nil || m.offset != s.in {
		p.closeStream(s)
		c := p.run.chunks.Make(arenaBlock)
		*c = chunk{subject: noSubject, connection: s.number, reset: true}
		out.Send(from, c)
		return
	}
	s.in, s.damaged = s.in+uint64(len(m.data)), s.damaged || m.damaged
	events, err := s.end.Receive(m.data)
	for i := range events {
		p.takeStreamEvent(now, s, &events[i])
	}
	if err == nil {
		return
	}
	if !s.damaged {
		p.breach("wire", "stream-broken", "", "closes the connection of client %d: %v", scenarios.ClientNumber(from), err)
	}
	p.flushStream(s, noSubject, out) // its Goaway
	p.closeStream(s)
}

// openStream begins a connection. Its credit is the plan's.
func (p *process) openStream(s *serverStream) {
	hello := stream.Hello{Node: node.ID(p.id), Boot: p.node.BootNumber(), Operations: uint64(max(1, p.run.plan.Knobs.StreamWindow)), Watches: 1}
	s.end, s.in, s.calls, s.damaged = stream.NewServer(hello), 0, nil, false
	s.out = direction{connection: s.number, key: p.run.streamKey.Word(uint64(p.id)).Word(uint64(p.life)).Word(uint64(s.client)).Word(s.number)}
}

// closeStream ends a connection: nobody awaits the replies to its calls.
func (p *process) closeStream(s *serverStream) {
	for i := range s.calls {
		p.abandonCall(s.calls[i].ticket)
	}
	s.end, s.calls = nil, nil
}

// takeStreamEvent takes a message of a client.
func (p *process) takeStreamEvent(now scenarios.Duration, s *serverStream, e *stream.ServerEvent) {
	switch e.Kind {
	case stream.Called:
		t := p.newTicket(s.client)
		s.calls = append(s.calls, streamCall{e.ID, t})
		p.events = append(p.events, service.Event{Kind: service.Call, Ticket: t, Request: e.Request})
		p.noteCall(t, e.Request, time.Duration(now))
	case stream.CallCancelled:
		i := slices.IndexFunc(s.calls, func(c streamCall) bool { return c.id == e.ID })
		p.abandonCall(s.calls[i].ticket)
		s.calls = slices.Delete(s.calls, i, i+1)
		s.end.Refuse(e.ID, stream.Cancelled, "")
	}
}

// replyByStream sends a reply over the connection that its call came by. It reports
// false if that came another way.
func (p *process) replyByStream(client sim.ID, r *service.Reply, out *sim.Effects) bool {
	s := p.streams.of(client)
	if s == nil {
		return false
	}
	for i := range s.calls {
		if c := &s.calls[i]; c.ticket == r.Ticket {
			s.end.Reply(c.id, r.Reply, "")
			s.calls = slices.Delete(s.calls, i, i+1)
			p.flushStream(s, subjectOf("reply", r.Reply), out)
			return true
		}
	}
	return false
}

// flushStreams sends what all connections have to say.
func (p *process) flushStreams(out *sim.Effects) {
	for _, s := range p.streams.list {
		if s.end != nil {
			p.flushStream(s, noSubject, out)
		}
	}
}

func (p *process) flushStream(s *serverStream, about subject, out *sim.Effects) {
	if s.end.Pending() > 0 {
		s.out.send(p.run, s.client, s.end.Take(nil), about, out)
	}
}

// endStreams ends all connections when the node stops, after the outcomes of their calls.
func (p *process) endStreams(out *sim.Effects) {
	for _, s := range p.streams.list {
		if s.end != nil {
			s.end.Goaway(stream.Stopping, "the node stops")
			p.flushStream(s, noSubject, out)
			s.end, s.calls = nil, nil
		}
	}
}
