package tcp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

var (
	errUnexpectedData = errors.New("the acceptor of a connection sent more than keepalives")
	errNoAddress      = errors.New("no address is known: name it in --peers or --join, or give it one for all by lockstep members move")
)

// keepConnected keeps a connection to a peer until the transport is closed, or the peer is
// dropped.
func (t *Transport) keepConnected(p *peer) {
	wait := backoff{min: t.cfg.BackoffMin, max: t.cfg.BackoffMax}
	for p.ctx.Err() == nil {
		began := time.Now()
		err := t.connect(p)
		if p.ctx.Err() != nil {
			return
		}
		t.onDisconnected(p, err)
		if t.provesRemoval(err) {
			t.cfg.Removed(p.id)
		}
		switch {
		case refused(err):
			sleep(p.ctx, wait.longestWait())
			continue
		case time.Since(began) > t.cfg.BackoffMax:
			wait.reset() // the connection was up for a while
		}
		t.waitToRedial(p, wait.next())
	}
}

// waitToRedial waits for d, or less if the peer connects: then it is up.
func (t *Transport) waitToRedial(p *peer, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ctx.Done():
	case <-timer.C:
	case <-p.dialledUs:
		sleep(p.ctx, t.cfg.BackoffMin)
	}
}

// connect dials a peer, and sends to it until the connection ends.
func (t *Transport) connect(p *peer) error {
	c, err := t.dial(p)
	if err != nil {
		return err
	}
	defer context.AfterFunc(p.ctx, func() { c.closeWith(errClosed) })()
	if err := t.dialHandshake(c, p.id); err != nil {
		c.closeWith(describeError(err))
		return c.closeReason
	}
	t.onConnected(p, c.codec)
	t.tasks.Go(func() { c.closeWith(t.readKeepalives(c)) })
	c.closeWith(t.sendQueued(p, c))
	return c.closeReason
}

func (t *Transport) dial(p *peer) (*conn, error) {
	address := p.address()
	if address == "" {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(p.ctx, t.cfg.DialTimeout)
	defer cancel()
	nc, err := t.cfg.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return newConn(nc), nil
}

// readKeepalives reads the acceptor's keepalives. Without them the connection is
// dead, although writes may succeed for long.
func (t *Transport) readKeepalives(c *conn) error {
	for {
		payload, err := c.readFrame(t.cfg.KeepaliveTimeout)
		switch {
		case err != nil:
			return describeError(err)
		case !isKeepalive(payload):
			return errUnexpectedData
		}
	}
}

// sendQueued sends queued messages until the connection ends.
func (t *Transport) sendQueued(p *peer, c *conn) error {
	idle := time.NewTimer(t.cfg.KeepaliveInterval)
	defer idle.Stop()
	b := batch{codec: c.codec, level: c.level}
	for {
		select {
		case <-c.done:
			return c.closeReason
		case <-idle.C:
			if err := c.send(keepalive, t.cfg.WriteTimeout); err != nil {
				return describeError(err)
			}
		case <-p.queue.filled:
			if err := t.sendAll(p, c, &b); err != nil {
				return fmt.Errorf("sending: %w", describeError(err))
			}
		}
		idle.Reset(t.cfg.KeepaliveInterval)
	}
}

// sendAll sends what is queued for a peer, in writes of about batchSize bytes. Of
// what it has not written when it fails, the queue keeps what has no place in the
// batch.
func (t *Transport) sendAll(p *peer, c *conn, b *batch) error {
	for {
		b.begin()
		for b.hasRoom() {
			m, ok := p.queue.pop()
			if !ok {
				break
			}
			if err := b.add(m); err != nil {
				p.count(m, Dropped, 1)
				t.warnings.warn("dropped a message that cannot be written", "peer", p.id, "error", err)
			}
		}
		if len(b.bytes) == 0 {
			return nil
		}
		err := c.send(b.bytes, t.cfg.WriteTimeout)
		b.count(p, err == nil)
		if err != nil {
			p.queue.signal() // for the next connection
			return err
		}
	}
}

// batch is a list of messages that are written at once.
type batch struct {
	codec wire.Codec
	level node.Level // of the messages
	bytes []byte
	types [types]uint64 // number of messages by type
}

// begin empties the batch.
func (b *batch) begin() {
	if cap(b.bytes) > 4*batchSize {
		b.bytes = nil // after a very large batch, shrink again
	}
	b.bytes, b.types = b.bytes[:0], [types]uint64{}
}

func (b *batch) hasRoom() bool { return len(b.bytes) < batchSize }

// add encodes a message, if there is a form of it for the peer. With an error the batch is
// as before.
func (b *batch) add(m node.Message) error {
	if m = wire.AtLevel(m, b.level); m == nil {
		return nil
	}
	out, err := wire.AppendMessage(b.bytes, b.codec, m)
	if err != nil {
		return err
	}
	b.bytes = out
	b.types[typeOf(m)]++
	return nil
}

// count counts the messages of the batch as sent or dropped. Of a failed batch
// some may have arrived.
func (b *batch) count(p *peer, sent bool) {
	disposition := Dropped
	if sent {
		disposition = Sent
	}
	for kind, n := range b.types {
		p.counts.add(kind, disposition, n)
	}
	if sent {
		p.counts.writes.Add(1)
		p.counts.sentBytes.Add(uint64(len(b.bytes)))
	}
}
