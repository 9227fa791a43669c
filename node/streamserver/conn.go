package streamserver

import (
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// Config configures a Conn.
type Config struct {
	Hello  stream.Hello // greeting of the node
	Buffer int          // bytes that may wait for a client that does not read; 0: any number

	Gate Gate // admits the client's requests and watches; nil: all

	// Ticket returns a ticket that has not been used.
	Ticket func() service.Ticket
	// Name returns the name of an operation that the client sends once, for which the
	// id in the request is no use: a node relies on there being no other.
	Name func(*op.Request) string
	// Emit takes an event for the service. exchange is the one that all responses to
	// the event's ticket are for, as Reply and Update take it; 0: the ticket is not new.
	Emit func(ev service.Event, exchange uint64)
}

// Conn is a node's side of one stream. It is not safe for concurrent use.
type Conn struct {
	cfg      Config
	end      *stream.Server
	calls    map[uint64]call // unfinished, by exchange
	watches  map[uint64]*streamWatch
	leaving  *goaway // sent when no call is unfinished; nil: the stream goes on
	finished bool
	broken   bool
}

// call is an unfinished request.
type call struct {
	ticket  service.Ticket
	request *op.Request
	cost    int // see Gate
}

// goaway is the content of a Goaway.
type goaway struct {
	code stream.Code
	text string
}

// New returns the node's side of a new stream. Its Hello is ready to be taken.
func New(cfg Config) *Conn {
	if cfg.Gate == nil {
		cfg.Gate = open{}
	}
	return &Conn{cfg: cfg, end: stream.NewServer(cfg.Hello), calls: map[uint64]call{}, watches: map[uint64]*streamWatch{}}
}

// Take returns the bytes to be sent, and uses next for further ones.
func (c *Conn) Take(next []byte) []byte { return c.end.Take(next) }

// Pending is the number of bytes that Take would return.
func (c *Conn) Pending() int { return c.end.Pending() }

// Unfinished is the number of requests and watches that are not finished.
func (c *Conn) Unfinished() int { return c.end.Unfinished() }

// Finished reports whether the stream ends with the bytes that are pending.
func (c *Conn) Finished() bool { return c.finished }

// Broken reports whether the client broke the protocol.
func (c *Conn) Broken() bool { return c.broken }

// Request returns the unfinished request of an exchange, or nil.
func (c *Conn) Request(exchange uint64) *op.Request { return c.calls[exchange].request }

// Receive takes bytes of the client, cut anywhere, at the local time now. The error says
// how the client breaks the protocol; the stream is finished then.
func (c *Conn) Receive(now time.Duration, chunk []byte) error {
	if c.finished {
		return nil
	}
	events, err := c.end.Receive(chunk)
	for i := range events {
		c.take(now, &events[i])
	}
	if err != nil {
		c.finished, c.broken = true, true
	}
	if c.cfg.Buffer > 0 && c.end.Pending() > c.cfg.Buffer {
		c.End(stream.TooSlow, "it does not read")
	}
	c.leaveIfIdle()
	return err
}

// take takes one message of the client.
func (c *Conn) take(now time.Duration, e *stream.ServerEvent) {
	switch e.Kind {
	case stream.Called:
		c.call(now, e)
	case stream.WatchRequested:
		c.watch(e)
	case stream.CallCancelled:
		if x, ok := c.calls[e.ID]; ok {
			c.forgetCall(e.ID)
			c.end.Refuse(e.ID, stream.Cancelled, "")
			c.abandon(x.ticket)
		}
	case stream.WatchCancelled:
		if w := c.watches[e.ID]; w != nil {
			c.endWatch(e.ID, w, stream.Cancelled, "")
			c.abandon(w.ticket)
		}
	case stream.WatchCredited:
		if w := c.watches[e.ID]; w != nil {
			c.pump(e.ID, w)
		}
	}
}

// call hands a request to the service, or rejects it.
func (c *Conn) call(now time.Duration, e *stream.ServerEvent) {
	r := e.Request
	if err := c.prepare(r); err != nil {
		c.end.Reply(e.ID, &op.Reply{
			Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: op.Rejected, Reason: op.BadRequest,
		}, err.Error())
		return
	}
	cost, code, text := c.cfg.Gate.Call(r)
	if code != "" {
		c.end.Reply(e.ID, r.NotCarriedOut(code), text)
		return
	}
	ev := service.Event{Kind: service.Call, Ticket: c.cfg.Ticket(), Request: r}
	if e.Remaining > 0 {
		ev.Expires = now + e.Remaining
	}
	c.calls[e.ID] = call{ev.Ticket, r, cost}
	c.cfg.Emit(ev, e.ID)
}

// abandon tells the service that responses to a ticket are awaited no more.
func (c *Conn) abandon(t service.Ticket) {
	c.cfg.Emit(service.Event{Kind: service.Abandon, Ticket: t}, 0)
}

// Reply takes the service's reply to a call, unless that is finished. text explains a
// reply that is no commit to people.
func (c *Conn) Reply(exchange uint64, r *service.Reply, text string) {
	if _, ok := c.calls[exchange]; ok {
		c.forgetCall(exchange)
		c.end.Reply(exchange, r.Reply, text)
		c.leaveIfIdle()
	}
}

// Leave ends the stream with a Goaway when no call is unfinished. The last Leave counts.
func (c *Conn) Leave(code stream.Code, text string) {
	c.leaving = &goaway{code, text}
	c.leaveIfIdle()
}

func (c *Conn) leaveIfIdle() {
	if c.leaving != nil && len(c.calls) == 0 && !c.finished {
		c.End(c.leaving.code, c.leaving.text)
	}
}

// End ends the stream with a Goaway.
func (c *Conn) End(code stream.Code, text string) {
	c.end.Goaway(code, text)
	c.finished = true
}

// Hangup ends the stream without a Goaway: the client has ended its direction.
func (c *Conn) Hangup() { c.finished = true }

// Drain ends the watches of a node that is about to stop, and the stream when no call is
// unfinished.
func (c *Conn) Drain() {
	c.endWatches(service.Stopped.Explain(nil))
	c.Leave(stream.Stopping, "the node stops")
}

// Stop ends the stream of a node that has stopped, because of cause or at a request.
// Calls that have no reply by now were not taken by the service.
func (c *Conn) Stop(cause error) {
	err := service.WithCause(service.ErrStopping, cause)
	for _, id := range slices.Sorted(maps.Keys(c.calls)) {
		c.end.Reply(id, service.Unserved(c.calls[id].request, err), err.Error())
		c.forgetCall(id)
	}
	c.endWatches(service.Stopped.Explain(cause))
	c.End(stream.Stopping, err.Error())
}

// Close abandons all that is unfinished: the connection has ended.
func (c *Conn) Close() {
	for _, id := range slices.Sorted(maps.Keys(c.calls)) {
		c.abandon(c.calls[id].ticket)
		c.forgetCall(id)
	}
	for _, id := range slices.Sorted(maps.Keys(c.watches)) {
		c.abandon(c.watches[id].ticket)
		c.forgetWatch(id)
	}
	c.finished = true
}
