package bubble

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/sim"
)

// Conn is a reliable stream between two hosts, as TCP is: a net.Conn. Its addresses
// are *net.TCPAddr. The network loses, delays, repeats and reorders its segments;
// the Conn sends them again and puts them in order. So loss is delay, a partition is a
// stall, and only a reset, a crash of the peer or a silence of Stream.GiveUp ends it, with
// an error.
type Conn struct {
	stack *stack
	peer  sim.ID
	// Addresses never change.
	local, remote *net.TCPAddr
	name          *streamName
	number        uint64 // at this side; 0: not assigned yet
	peerNumber    uint64 // at the other side; 0: not known yet

	state   connState
	changed sync.Cond // locked by the host; tells of every change
	out     sender
	in      receiver
	err     error // why the stream ended
	closed  bool  // Close was called
	aborted bool  // the peer is to be reset in the next step

	readLimit, writeLimit deadline

	queued   bool         // in stack.dirty
	ackOwed  bool         // the peer waits for an acknowledgement
	probing  bool         // the peer was asked for one, and has not answered
	waiting  bool         // the timer is one of retransmission; else of keep-alive
	heard    sim.Duration // when the last segment came, or the wait for one began
	timerDue sim.Duration // 0: no timer
	// orphanEnd is when the stream is forgotten although the peer has not ended it; 0:
	// not yet.
	orphanEnd sim.Duration
	accepter  *Listener // nil at the dialler
}

type connState uint8

const (
	dialling    connState = iota + 1 // a syn is sent
	accepting                        // a syn has come
	established                      // both sides know each other
	gone                             // it has ended, and no segment concerns it
)

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	h := c.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case c.readLimit.passed:
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case len(c.in.buf) > 0:
			n := c.in.read(b)
			if c.state == established && c.in.reopened(c.stack.tuning.Segment) {
				c.ackOwed = true
				c.touch()
			}
			return n, nil
		case len(b) == 0:
			return 0, nil
		case c.in.ended:
			return 0, io.EOF
		case c.err != nil:
			return 0, c.opError("read", c.err)
		}
		c.changed.Wait()
	}
}

// Write implements net.Conn. It returns when all of b is in the buffer of the
// stream, which holds Stream.Window bytes.
func (c *Conn) Write(b []byte) (n int, err error) {
	h := c.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case c.closed:
			return n, c.opError("write", net.ErrClosed)
		case c.writeLimit.passed:
			return n, c.opError("write", os.ErrDeadlineExceeded)
		case c.err != nil:
			return n, c.opError("write", c.err)
		case c.out.ending:
			return n, c.opError("write", errPipe)
		case n == len(b):
			return n, nil
		}
		if room := c.stack.tuning.Window - len(c.out.buf); room > 0 {
			piece := b[n:min(len(b), n+room)]
			c.out.buf = append(c.out.buf, piece...)
			n += len(piece)
			c.touch()
			continue
		}
		c.changed.Wait()
	}
}

// Close implements net.Conn. Bytes that were written are still sent. If bytes that
// have come are not read, or more come, the peer's stream is reset.
func (c *Conn) Close() error {
	h := c.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.close()
	return nil
}

// close is Close, under the lock of the host.
func (c *Conn) close() {
	c.closed, c.out.ending = true, true
	c.readLimit.stop()
	c.writeLimit.stop()
	c.changed.Broadcast()
	c.touch()
}

// CloseWrite ends the stream to the peer, which reads io.EOF after all that was
// written. Reads go on.
func (c *Conn) CloseWrite() error {
	h := c.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.out.ending = true
	c.changed.Broadcast()
	c.touch()
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readLimit, &c.writeLimit) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readLimit) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeLimit) }

func (c *Conn) setDeadlines(t time.Time, limits ...*deadline) error {
	h := c.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, d := range limits {
		d.set(t, &c.changed)
	}
	return nil
}

// touch has the host look at c in its next step.
func (c *Conn) touch() {
	if !c.queued {
		c.queued = true
		c.stack.dirty = append(c.stack.dirty, c)
	}
	c.stack.host.touch()
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
