package tcp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

var errTalks = errors.New("the acceptor of a connection sent more than keepalives")

// reach keeps a connection to a peer, until the transport is closed.
func (t *Transport) reach(p *peer) {
	wait := backoff{min: t.cfg.BackoffMin, max: t.cfg.BackoffMax}
	for t.ctx.Err() == nil {
		began := time.Now()
		err := t.connect(p)
		if t.ctx.Err() != nil {
			return
		}
		t.lost(p, err)
		switch {
		case refused(err):
			t.sleep(wait.longest())
			continue
		case time.Since(began) > t.cfg.BackoffMax:
			wait.reset() // it was a connection for a while
		}
		t.pause(p, wait.next())
	}
}

// pause waits; less, if the peer itself connects, which says that it is there.
func (t *Transport) pause(p *peer, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.ctx.Done():
	case <-timer.C:
	case <-p.seen:
		t.sleep(t.cfg.BackoffMin)
	}
}

// connect is the life of one connection to a peer.
func (t *Transport) connect(p *peer) error {
	c, err := t.dial(p)
	if err != nil {
		return err
	}
	defer context.AfterFunc(t.ctx, func() { c.end(errClosed) })()
	if err := t.dialHandshake(c, p.id); err != nil {
		c.end(clearer(err))
		return c.reason
	}
	t.up(p)
	t.tasks.Go(func() { c.end(t.await(c)) })
	c.end(t.say(p, c))
	return c.reason
}

func (t *Transport) dial(p *peer) (*conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.cfg.DialTimeout)
	defer cancel()
	nc, err := t.cfg.Dial(ctx, p.addr)
	if err != nil {
		return nil, err
	}
	return newConn(nc), nil
}

// await reads the acceptor's keepalives: silence means that the connection is
// dead, though writing may go on for long.
func (t *Transport) await(c *conn) error {
	for {
		payload, err := c.frame(t.cfg.Dead)
		switch {
		case err != nil:
			return clearer(err)
		case !isKeepalive(payload):
			return errTalks
		}
	}
}

// say sends what is queued until the connection ends.
func (t *Transport) say(p *peer, c *conn) error {
	idle := time.NewTimer(t.cfg.Idle)
	defer idle.Stop()
	b := batch{codec: t.cfg.Codec}
	for {
		select {
		case <-c.done:
			return c.reason
		case <-idle.C:
			if err := c.send(keepalive, t.cfg.WriteTimeout); err != nil {
				return clearer(err)
			}
		case m := <-p.queue:
			if err := b.fill(p, m); err != nil {
				t.quiet.warn("dropped a message that cannot be written", "peer", p.id, "error", err)
			}
			err := c.send(b.bytes, t.cfg.WriteTimeout)
			b.count(p, err == nil)
			if err != nil {
				return fmt.Errorf("sending: %w", clearer(err))
			}
		}
		idle.Reset(t.cfg.Idle)
	}
}

// batch is messages that are written at once.
type batch struct {
	codec wire.Codec
	bytes []byte
	types [types]uint64 // how many of each
}

// fill takes m and what else is queued, up to about the size of a batch, and
// stops with an error at a message that no codec takes.
func (b *batch) fill(p *peer, m node.Message) error {
	if cap(b.bytes) > 4*batchSize {
		b.bytes = nil // after a giant, be small again
	}
	b.bytes, b.types = b.bytes[:0], [types]uint64{}
	for {
		out, err := wire.AppendMessage(b.bytes, b.codec, m)
		if err != nil {
			p.count(m, Dropped, 1)
			return err
		}
		b.bytes = out
		b.types[typeOf(m)]++
		if len(b.bytes) >= batchSize {
			return nil
		}
		select {
		case m = <-p.queue:
		default:
			return nil
		}
	}
}

// count says what became of the batch. Of one that failed some may have arrived.
func (b *batch) count(p *peer, sent bool) {
	fate := Dropped
	if sent {
		fate = Sent
	}
	for kind, n := range b.types {
		p.counts.add(kind, fate, n)
	}
}
