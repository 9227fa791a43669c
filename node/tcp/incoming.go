package tcp

import (
	"context"
	"errors"
	"os"
	"time"
)

var (
	errCrowded  = errors.New("too many connections that have not introduced themselves")
	errReplaced = errors.New("the peer has connected again")
)

// accept takes connections until the listener is closed.
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
		case err != nil: // too many open files, perhaps
			t.quiet.warn("cannot accept connections", "error", err)
			t.sleep(wait.next())
			continue
		}
		wait.reset()
		c := newConn(nc)
		t.admit(c)
		t.tasks.Go(func() { t.welcome(c) })
	}
}

// welcome is the life of an accepted connection.
func (t *Transport) welcome(c *conn) {
	defer context.AfterFunc(t.ctx, func() { c.end(errClosed) })()
	hello, err := t.acceptHandshake(c)
	stayed := t.lobby.leave(c)
	p := t.peers[hello.Node]
	switch {
	case err != nil:
		c.end(err)
		t.turnedAway(p, c, stayed)
		return
	case !stayed:
		c.end(errCrowded)
		t.port.crowded.Add(1)
		return
	}
	t.port.accepted.Add(1)
	p.attach(c)
	defer p.detach(c)
	t.tasks.Go(func() { t.beat(c) })
	c.end(t.hear(p, c, hello.Life))
	if malformed(c.reason) {
		p.malformed()
		t.quiet.warn("closed a peer's connection: it sent what is no message", "peer", p.id, "error", c.reason)
	}
}

// turnedAway counts why a connection was not accepted, and perhaps logs it. The
// peer is nil if it is not known.
func (t *Transport) turnedAway(p *peer, c *conn, stayed bool) {
	err := c.reason
	switch {
	case t.ctx.Err() != nil:
	case refused(err):
		t.port.refused.Add(1)
		if p == nil {
			t.quiet.warn("refused a connection", "from", c.RemoteAddr(), "error", err)
		} else {
			t.refusal(p, &p.accepting, err)
		}
	case malformed(err):
		t.port.malformed.Add(1)
		t.quiet.warn("closed a connection that does not speak the protocol", "from", c.RemoteAddr(), "error", err)
	case !stayed:
		t.port.crowded.Add(1)
		t.quiet.warn("closed a connection for new ones", "from", c.RemoteAddr(), "error", errCrowded)
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.port.silent.Add(1)
		t.quiet.warn("closed a connection that did not introduce itself", "from", c.RemoteAddr())
	default:
		t.port.left.Add(1)
	}
}

// hear delivers what a peer says until the connection ends.
func (t *Transport) hear(p *peer, c *conn, life uint64) error {
	for {
		payload, err := c.frame(t.cfg.Dead)
		if err != nil {
			return clearer(err)
		}
		if isKeepalive(payload) {
			continue
		}
		m, err := t.cfg.Codec.Decode(payload)
		if err != nil {
			return err
		}
		if !p.take(c) {
			return c.reason
		}
		p.count(m, Received, 1)
		t.cfg.Deliver(p.id, life, m)
		p.release()
	}
}

// beat tells the peer that the connection is alive, also while a delivery
// blocks.
func (t *Transport) beat(c *conn) {
	tick := time.NewTicker(t.cfg.Idle)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if err := c.send(keepalive, t.cfg.WriteTimeout); err != nil {
				c.end(clearer(err))
				return
			}
		}
	}
}
