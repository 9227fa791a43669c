package tcp

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

var (
	errTooManyPending = errors.New("too many connections that have not introduced themselves")
	errReplaced       = errors.New("the peer has connected again")
	errOutnumbered    = errors.New("too many connections in the peer's name")
	errDropped        = errors.New("the peer is a member no more")
)

// accept accepts connections until the listener is closed.
func (t *Transport) accept() {
	wait := backoff{min: 5 * time.Millisecond, max: time.Second}
	for {
		nc, err := t.cfg.Listener.Accept()
		switch {
		case t.ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return
		case err != nil: // as with too many open files
			t.warnings.warn("cannot accept connections", "error", err)
			sleep(t.ctx, wait.next())
			continue
		}
		wait.reset()
		c := newConn(nc)
		t.addPending(c)
		t.tasks.Go(func() { t.serveIncoming(c) })
	}
}

// serveIncoming serves an accepted connection until it ends.
func (t *Transport) serveIncoming(c *conn) {
	defer context.AfterFunc(t.ctx, func() { c.closeWith(errClosed) })()
	hello, err := t.acceptHandshake(c)
	stillPending := t.pending.remove(c)
	p := t.peer(hello.Node)
	switch {
	case err != nil:
		c.closeWith(err)
		t.countRejected(p, c, stillPending)
		return
	case !stillPending:
		c.closeWith(errTooManyPending)
		t.listener.evicted.Add(1)
		return
	case p == nil: // dropped since the handshake began
		c.closeWith(ErrFormerMember)
		t.listener.refused.Add(1)
		return
	}
	t.listener.accepted.Add(1)
	defer context.AfterFunc(p.ctx, func() { c.closeWith(errDropped) })()
	p.attach(c)
	defer p.detach(c)
	t.tasks.Go(func() { t.sendKeepalives(c) })
	c.closeWith(t.receiveFrom(p, c, hello.Life))
	if malformed(c.closeReason) {
		p.malformed()
		t.warnings.warn("closed a peer's connection: it sent bytes that are no message", "peer", p.id, "error", c.closeReason)
	}
}

// countRejected counts a connection that failed in the handshake, and may log it.
// The peer is nil if it is unknown.
func (t *Transport) countRejected(p *peer, c *conn, stillPending bool) {
	err := c.closeReason
	switch {
	case t.ctx.Err() != nil:
	case refused(err):
		t.listener.refused.Add(1)
		if p == nil && t.waits() && errors.Is(err, ErrNotMember) {
			t.cfg.Log.Debug("refused a connection of a node that this one has not heard of yet", "from", c.RemoteAddr(), "error", err)
		} else if p == nil {
			t.warnings.warn("refused a connection", "from", c.RemoteAddr(), "error", err)
		} else {
			t.logRefusedCaller(p, c, err)
		}
	case insecure(err):
		t.listener.insecure.Add(1)
		t.warnings.warn("closed a connection: the two sides agree on no TLS", "from", c.RemoteAddr(), "error", err)
	case malformed(err):
		t.listener.malformed.Add(1)
		t.warnings.warn("closed a connection that does not speak the protocol", "from", c.RemoteAddr(), "error", err)
	case !stillPending:
		t.listener.evicted.Add(1)
		t.warnings.warn("closed a connection for new ones", "from", c.RemoteAddr(), "error", errTooManyPending)
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.listener.timedOut.Add(1)
		t.warnings.warn("closed a connection that did not introduce itself", "from", c.RemoteAddr())
	default:
		t.listener.disconnected.Add(1)
	}
}

// receiveFrom delivers the messages of a peer until the connection ends: all that
// have arrived, at once.
func (t *Transport) receiveFrom(p *peer, c *conn, life uint64) error {
	var messages []node.Message
	for {
		payload, err := c.readFrame(t.cfg.KeepaliveTimeout)
		for err == nil && payload != nil {
			if !isKeepalive(payload) {
				var m node.Message
				if m, err = c.codec.Decode(payload); err != nil {
					break
				}
				messages = append(messages, m)
			}
			payload, _, err = c.decoder.Next()
		}
		if len(messages) > 0 && !t.deliver(p, c, life, messages) {
			return c.closeReason
		}
		if err != nil {
			return describeError(err)
		}
		clear(messages)
		messages = messages[:0]
	}
}

// deliver delivers messages, unless c is no longer the peer's connection.
func (t *Transport) deliver(p *peer, c *conn, life uint64, messages []node.Message) bool {
	if !p.beginDelivery(c) {
		return false
	}
	defer p.endDelivery()
	for _, m := range messages {
		p.count(m, Received, 1)
	}
	t.cfg.Deliver(Sender{p.id, life, c.level}, messages)
	return true
}

// sendKeepalives sends keepalives until the connection ends, also while a delivery
// blocks.
func (t *Transport) sendKeepalives(c *conn) {
	tick := time.NewTicker(t.cfg.KeepaliveInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if err := c.send(keepalive, t.cfg.WriteTimeout); err != nil {
				c.closeWith(describeError(err))
				return
			}
		}
	}
}
