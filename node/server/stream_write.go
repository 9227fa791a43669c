package server

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
)

// streamKept is the size in bytes of the buffers that an idle stream keeps.
const streamKept = 64 << 10

// writeLoop sends what is to be sent until the stream ends.
func (c *streamConn) writeLoop() {
	out, pulls := c.server.switching(), []clientEvent(nil)
	closing, done := c.server.closing, c.server.loop.done
	for {
		pulls = c.encode(pulls)
		var last bool
		if out, last = c.output(out); len(out) > 0 && !c.write(out) {
			closeNow(c.conn) // which ends the reader
			return
		}
		if out = out[:0]; cap(out) > streamKept {
			out = nil
		}
		if last {
			c.hangUp()
			return
		}
		select {
		case <-c.wake:
		case <-closing:
			closing = nil
			c.drain()
		case <-done:
			done = nil
			pulls = c.encode(pulls) // what the loop has delivered last
			c.nodeStopped()
		}
	}
}

// write sends bytes. It reports false if the client does not take them in time.
func (c *streamConn) write(b []byte) bool {
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.server.cfg.Limits.IOTimeout)) // fails only if the connection is dead
	n, err := c.conn.Write(b)
	c.server.streams.traffic.sent.add(n)
	return err == nil
}

// hangUp tells the client that nothing more comes, and has the reader wait a moment for
// the client to hang up, too.
func (c *streamConn) hangUp() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only if the connection is dead
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(lingerTimeout / 4))
}

// encode encodes all responses that have come. It hands pulls of watches to the loop, in
// the memory of pulls, which it returns.
func (c *streamConn) encode(pulls []clientEvent) []clientEvent {
	c.deliveredMu.Lock()
	c.taken, c.delivered = c.delivered, c.taken
	c.deliveredMu.Unlock()
	c.addTexts()
	c.mu.Lock()
	c.batch = pulls
	for i := range c.taken {
		c.respond(&c.taken[i])
	}
	pulls = c.batch
	c.noteBusy()
	c.mu.Unlock()
	clear(c.taken)
	c.taken = c.taken[:0]
	c.server.loop.submit(pulls)
	clear(pulls)
	return pulls[:0]
}

// output adds to out the bytes to be sent. last is set if no others follow.
func (c *streamConn) output(out []byte) (_ []byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(out) > 0 {
		return append(out, c.side.Take(nil)...), c.side.Finished()
	}
	return c.side.Take(out), c.side.Finished()
}

// addTexts explains the refusals, and the replies that are no commits, to people. That may
// need the loop, so c.mu is not held.
func (c *streamConn) addTexts() {
	for i := range c.taken {
		r := &c.taken[i]
		switch {
		case r.update.Refused != nil:
			r.text = refusalText(&r.update)
		case r.reply.Reply != nil && r.reply.Reply.Outcome != node.Committed:
			c.mu.Lock()
			request := c.side.Request(r.id)
			c.mu.Unlock()
			if request != nil {
				r.text = c.server.replyText(request, &r.reply)
			}
		}
	}
}

// replyText explains a reply of the service.
func (s *Server) replyText(q *node.Request, r *service.Reply) string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Reply.Reason == node.NotLearnt:
		return fmt.Sprintf("node %d has not learnt its state in this life: request a linearizable read", s.cfg.Node.ID)
	case r.Reply.Reason == node.Abstains:
		return "this node takes no part, and others may: " + s.Status().Reason
	}
	return failureText(q, r.Reply)
}

// refusalText explains why a watch does not begin.
func refusalText(u *service.Update) string {
	switch {
	case u.Err != nil:
		return u.Err.Error()
	case u.Refused.Reason == node.Abstains:
		return "this node takes no part, and others may"
	}
	return failureText(&node.Request{Key: u.Refused.Key}, u.Refused)
}

// respond hands a response of the service to its exchange.
func (c *streamConn) respond(r *exchangeResponse) {
	if r.reply.Reply != nil {
		c.side.Reply(r.id, &r.reply, r.text)
	} else {
		c.side.Update(r.id, &r.update, r.text)
	}
}

// drain has the stream end when no call is unfinished, since the node is about to stop.
func (c *streamConn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.side.Drain()
}

// nodeStopped ends the stream. The loop has delivered all its responses before.
func (c *streamConn) nodeStopped() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.side.Stop(c.server.loop.err)
}
