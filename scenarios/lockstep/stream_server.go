package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/streamserver"
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
	number  uint64             // of the last connection
	side    *streamserver.Conn // nil: it has ended
	out     direction
	in      uint64 // bytes received
	damaged bool   // some were not those that were sent
	calls   []streamCall
}

// streamCall is the exchange of a ticket.
type streamCall struct {
	exchange uint64
	ticket   service.Ticket
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
func (p *process) addChunk(from sim.ID, m *chunk, out *sim.Effects) {
	s := p.streams.of(from)
	switch {
	case s == nil:
		s = &serverStream{client: from}
		p.streams.list = append(p.streams.list, s)
	case m.connection < s.number || m.connection == s.number && s.side == nil:
		return // it has ended
	}
	if m.connection > s.number {
		p.closeStream(s)
		if s.number = m.connection; m.offset == 0 {
			p.openStream(s)
		}
	}
	if s.side == nil || m.offset != s.in {
		p.closeStream(s)
		c := p.run.chunks.Make(arenaBlock)
		*c = chunk{subject: noSubject, connection: s.number, reset: true}
		out.Send(from, c)
		return
	}
	s.in, s.damaged = s.in+uint64(len(m.data)), s.damaged || m.damaged
	if err := s.side.Receive(p.now, m.data); err != nil && !s.damaged {
		p.breach("wire", "stream-broken", "", "closes the connection of client %d: %v", scenarios.ClientNumber(from), err)
	}
	if s.side.Finished() {
		p.flushStream(s, noSubject, out) // its Goaway
	}
}

// openStream begins a connection. Its credit is the plan's.
func (p *process) openStream(s *serverStream) {
	hello := stream.Hello{Node: node.ID(p.id), Boot: p.node.BootNumber(), Operations: uint64(max(1, p.run.plan.Knobs.StreamWindow)), Watches: 1}
	s.side = streamserver.New(streamserver.Config{
		Hello: hello, Ticket: func() service.Ticket { return p.newTicket(s.client) },
		Name: func(r *node.Request) string { return r.ID.Name() },
		Emit: func(ev service.Event, exchange uint64) { p.takeStreamEvent(s, ev, exchange) },
	})
	s.in, s.calls, s.damaged = 0, nil, false
	s.out = direction{connection: s.number, key: p.run.streamKey.Word(uint64(p.id)).Word(uint64(p.life)).Word(uint64(s.client)).Word(s.number)}
}

// closeStream ends a connection: nobody awaits the replies to its calls.
func (p *process) closeStream(s *serverStream) {
	if s.side != nil {
		s.side.Close()
	}
	s.side, s.calls = nil, nil
}

// takeStreamEvent adds an event of a connection to the current step.
func (p *process) takeStreamEvent(s *serverStream, ev service.Event, exchange uint64) {
	if ev.Kind == service.Abandon {
		s.calls = slices.DeleteFunc(s.calls, func(c streamCall) bool { return c.ticket == ev.Ticket })
		p.abandonCall(ev.Ticket)
		return
	}
	s.calls = append(s.calls, streamCall{exchange, ev.Ticket})
	p.events = append(p.events, ev)
	p.noteCall(&ev)
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
			s.side.Reply(c.exchange, r, "")
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
		if s.side != nil {
			p.flushStream(s, noSubject, out)
		}
	}
}

// flushStream sends the bytes of a connection that wait, and closes it after its last.
func (p *process) flushStream(s *serverStream, about subject, out *sim.Effects) {
	if s.side.Pending() > 0 {
		s.out.send(p.run, s.client, s.side.Take(nil), about, out)
	}
	if s.side.Finished() {
		p.closeStream(s)
	}
}

// drainStreams has all connections end when their calls are over.
func (p *process) drainStreams() {
	for _, s := range p.streams.list {
		if s.side != nil {
			s.side.Drain()
		}
	}
}

// endStreams ends all connections when the node stops, after the outcomes of their calls.
func (p *process) endStreams(out *sim.Effects) {
	for _, s := range p.streams.list {
		if s.side != nil {
			s.side.Stop(nil)
			p.flushStream(s, noSubject, out)
		}
	}
}
