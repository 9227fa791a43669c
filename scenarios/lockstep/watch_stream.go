package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/streamserver"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// watchStream is the stream of a client that watches: both ends of it sit at the node,
// and the words of one reach the other at once.
type watchStream struct {
	client *stream.Client
	side   *streamserver.Conn
	id     uint64 // of the watch
	taken  int    // events since the last credit
}

// openStream begins a watch by a stream.
func (w *watchClient) openStream(p *process, q *service.Query) {
	s := &watchStream{client: stream.NewClient()}
	w.stream = s
	s.side = streamserver.New(streamserver.Config{
		Hello:  stream.Hello{Node: node.ID(p.id), Boot: p.node.BootNumber(), Watches: 1},
		Ticket: func() service.Ticket { return w.ticket },
		Emit: func(ev service.Event, _ uint64) {
			if ev.Kind == service.Pull {
				w.pulled, w.pulledAt = true, p.observers.steps
			}
			p.events = append(p.events, ev)
		},
	})
	w.cross(p)
	var err error
	if s.id, err = s.client.Watch(q.Selection, w.credit); err != nil {
		p.breach("wire", "stream-broken", "", "takes no watch: %v", err)
	}
	w.cross(p)
}

// cross lets the bytes of both ends arrive.
func (w *watchClient) cross(p *process) {
	s := w.stream
	for s.client.Pending()+s.side.Pending() > 0 {
		if err := s.side.Receive(p.now, s.client.Take(nil)); err != nil {
			p.breach("wire", "stream-broken", "", "closes the stream of its watcher: %v", err)
			return
		}
		events, err := s.client.Receive(s.side.Take(nil))
		if err != nil {
			p.breach("wire", "stream-broken", "", "breaks the stream of its watcher: %v", err)
			return
		}
		for i := range events {
			w.takeStreamEvent(p, &events[i])
		}
	}
}

// takeStreamEvent takes a message of the node.
func (w *watchClient) takeStreamEvent(p *process, e *stream.ClientEvent) {
	switch e.Kind {
	case stream.WatchBegun:
		w.begins(p)
	case stream.WatchRefused:
		w.refused(p, e.Code)
	case stream.WatchChanged:
		w.stream.taken += len(e.Changes)
		for _, change := range e.Changes {
			w.event(p, change)
		}
	case stream.WatchEnded:
		w.ticket = 0
	}
}

// grant gives the node credit for as many events as the client has taken.
func (w *watchClient) grant(p *process) {
	if s := w.stream; s.taken > 0 && s.client.Credit(s.id, s.taken) {
		s.taken = 0
		w.cross(p)
	}
}

// begins notes that the node has accepted the watch.
func (w *watchClient) begins(p *process) {
	if w.begun = true; w.refuse {
		p.breach("watch", "not-refused", "", "begins a watch, though it drains or abstains")
	}
	w.resumer.Accepted()
}

// refused notes that the node has refused the watch.
func (w *watchClient) refused(p *process, why op.Reason) {
	w.checkRefused(p, why)
	w.ticket, w.resumeAt = 0, p.run.steps+refusedPause
	w.unknown, w.retryAt = why == node.UnknownDefinition, p.observers.steps+retryDelay
}

// event takes an event of the watch.
func (w *watchClient) event(p *process, e watch.Event) {
	if what := w.check.check(&e); what != "" {
		p.breach("watch", "repeated", "", "sends its watcher %s", what)
	}
	if w.resumer.Pass(&e) {
		p.report.watched = append(p.report.watched, newWatched(w, &e))
	}
}
