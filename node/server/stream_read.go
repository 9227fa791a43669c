package server

import (
	"errors"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// streamReadBuffer is the size in bytes of the largest read of a stream.
const streamReadBuffer = 32 << 10

// readLoop takes the client's bytes until the connection fails. After the end of the
// stream it drops them: to close a connection with bytes unread would reset it, and the
// client might miss the last message.
func (c *streamConn) readLoop(first []byte) {
	chunk, batch := make([]byte, streamReadBuffer), []clientEvent(nil)
	batch = c.receive(first, batch)
	var deadline time.Time
	for {
		if now := time.Now(); deadline.Sub(now) < streamSilence*3/4 {
			deadline = now.Add(streamSilence)
			if !c.extend(deadline) {
				deadline = now.Add(time.Hour) // the writer has set the last one
			}
		}
		n, err := c.conn.Read(chunk)
		batch = c.receive(chunk[:n], batch)
		if err != nil {
			c.readFailed(err)
			return
		}
	}
}

// extend sets the deadline of reads, unless the stream is about to end.
func (c *streamConn) extend(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return false
	}
	_ = c.conn.SetReadDeadline(deadline) // fails only if the connection is dead
	return true
}

// readFailed has the writer end the stream.
func (c *streamConn) readFailed(err error) {
	c.mu.Lock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.end.Goaway(stream.Idle, "nothing has come for a long time")
	}
	c.finished = true
	c.mu.Unlock()
	c.signal()
}

// receive takes bytes, and hands the requests in them to the loop, in the memory of
// batch, which it returns.
func (c *streamConn) receive(chunk []byte, batch []clientEvent) []clientEvent {
	if len(chunk) == 0 {
		return batch
	}
	batch, work := c.decode(chunk, batch)
	if work {
		c.signal()
	}
	c.server.loop.submit(batch) // if it is refused, the writer gives all calls their end
	clear(batch)
	return batch[:0]
}

// decode takes bytes. It returns the events for the loop, and whether the writer has
// work.
func (c *streamConn) decode(chunk []byte, batch []clientEvent) ([]clientEvent, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return batch, false
	}
	c.batch = batch
	events, err := c.end.Receive(chunk)
	now := c.server.loop.now()
	ticket := service.Ticket(c.server.loop.lastTicket.Add(uint64(len(events)))) - service.Ticket(len(events))
	for i := range events {
		ticket++
		c.take(&events[i], ticket, now)
	}
	if err != nil {
		c.finished, c.broken = true, true
		c.server.log.Debug("a client breaks the protocol", "client", c.conn.RemoteAddr(), "error", err)
	}
	if c.end.Pending() > streamBuffer {
		c.end.Goaway(stream.TooSlow, "it does not read")
		c.finished = true
	}
	c.noteBusy()
	return c.batch, c.end.Pending() > 0 || c.finished
}

// take takes one event of the client.
func (c *streamConn) take(e *stream.ServerEvent, t service.Ticket, now time.Duration) {
	switch e.Kind {
	case stream.Called:
		if err := prepare(e.Request); err != nil {
			c.end.Reply(e.ID, badRequest(e.Request), err.Error())
			return
		}
		c.calls[e.ID] = streamCall{t, e.Request}
		ev := clientEvent{
			Event:     service.Event{Kind: service.Call, Ticket: t, Request: e.Request},
			recipient: recipient{stream: c, id: e.ID},
		}
		if e.Remaining > 0 {
			ev.expires = now + e.Remaining
		}
		c.batch = append(c.batch, ev)
	case stream.WatchRequested:
		q := &service.Query{Selection: e.Selection}
		if err := prepareWatch(q); err != nil {
			c.end.Refuse(e.ID, node.BadRequest, err.Error())
			return
		}
		c.watches[e.ID] = newStreamWatch(t, q)
		c.batch = append(c.batch, clientEvent{
			Event:     service.Event{Kind: service.Watch, Ticket: t, Query: q},
			recipient: recipient{stream: c, id: e.ID},
		})
	case stream.CallCancelled:
		if call, ok := c.calls[e.ID]; ok {
			delete(c.calls, e.ID)
			c.end.Refuse(e.ID, stream.Cancelled, "")
			c.batch = append(c.batch, abandonment(call.ticket))
		}
	case stream.WatchCancelled:
		if w := c.watches[e.ID]; w != nil {
			delete(c.watches, e.ID)
			if !c.end.End(e.ID, stream.Cancelled, "") {
				c.end.Refuse(e.ID, stream.Cancelled, "")
			}
			c.batch = append(c.batch, abandonment(w.ticket))
		}
	case stream.WatchCredited:
		if w := c.watches[e.ID]; w != nil {
			c.pump(e.ID, w)
		}
	}
}

// badRequest is the reply to a request that the server does not hand to the node.
func badRequest(r *node.Request) *node.Reply {
	return &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.BadRequest}
}

// prepare makes a client's request one for the node, as httpapi.Transition does. An id
// for one attempt is made by the server: a node relies on there being no other.
func prepare(r *node.Request) error {
	if _, _, err := fsm.SplitKey(r.Key); err != nil {
		return err
	}
	if r.Kind != op.Propose {
		*r = node.Request{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: 1}
	} else if r.To == "" {
		return errors.New("to: missing: name the state to go to")
	} else if r.Attempt = max(1, r.Attempt); r.ID == "" || r.ID.IsOnce() {
		r.ID, r.Retry, r.Watermark = op.Once(randomName()), false, 0
	}
	if _, err := r.ID.Watermark(r.Key); err != nil {
		return err
	}
	return nil
}

// prepareWatch checks the query of a watch.
func prepareWatch(q *service.Query) error {
	if !q.Single {
		return nil
	}
	_, _, err := fsm.SplitKey(q.Prefix)
	return err
}
