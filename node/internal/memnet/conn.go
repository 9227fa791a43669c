package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is one direction of a connection. The lock of the network guards it.
type stream struct {
	network  *Network
	route    route
	changed  sync.Cond
	segments []segment // unread
	unread   int       // bytes
	ended    bool      // the writer sends no more: after the segments comes EOF
	endedAt  time.Time // when the reader may see that
	deserted bool      // the reader has closed its end
	severed  bool      // see Network.Sever
	reset    bool      // of the connection, by way of this direction
}

// segment is the bytes of one write, or the rest of them.
type segment struct {
	bytes  []byte
	arrive time.Time
}

func newStream(n *Network, r route) *stream {
	s := &stream{network: n, route: r}
	s.changed.L = &n.mu
	return s
}

// holds reports whether nothing arrives now.
func (s *stream) holds() bool { return s.severed || s.network.stalled[s.route] }

// wakeAt has all that wait for the stream look again at an instant.
func (s *stream) wakeAt(d time.Duration) *time.Timer {
	return time.AfterFunc(d, func() {
		s.network.mu.Lock()
		defer s.network.mu.Unlock()
		s.changed.Broadcast()
	})
}

// end ends the stream behind its last segment.
func (s *stream) end() {
	if !s.ended {
		s.ended, s.endedAt = true, time.Now().Add(s.network.latency)
		s.wakeAt(s.network.latency)
	}
	s.changed.Broadcast()
}

// take moves bytes that have arrived to b.
func (s *stream) take(b []byte) (n int) {
	now := time.Now()
	for len(s.segments) > 0 && n < len(b) && !s.segments[0].arrive.After(now) {
		first := &s.segments[0]
		taken := copy(b[n:], first.bytes)
		n += taken
		if first.bytes = first.bytes[taken:]; len(first.bytes) == 0 {
			s.segments = s.segments[1:]
		}
	}
	if n > 0 {
		s.unread -= n
		s.changed.Broadcast()
	}
	return n
}

// put adds bytes, as far as there is room.
func (s *stream) put(b []byte) int {
	n := min(len(b), buffer-s.unread)
	if n > 0 {
		s.unread += n
		s.segments = append(s.segments, segment{append([]byte(nil), b[:n]...), time.Now().Add(s.network.latency)})
		s.wakeAt(s.network.latency)
	}
	return n
}

// conn is one end of a connection. It implements net.Conn and the CloseWrite of a
// net.TCPConn.
type conn struct {
	network       *Network
	local, remote string
	out, in       *stream
	closed        bool
	read, write   deadline
}

func newConn(n *Network, local, remote string, out, in *stream) *conn {
	return &conn{network: n, local: local, remote: remote, out: out, in: in}
}

// deadline is a time after which calls fail; zero: none.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(at time.Time, s *stream) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.at = at; !at.IsZero() {
		d.timer = s.wakeAt(time.Until(at))
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	for {
		if err := c.failure(&c.read); err != nil || len(b) == 0 {
			return 0, c.opError("read", err)
		}
		if !c.in.holds() {
			if n := c.in.take(b); n > 0 {
				return n, nil
			}
			if c.in.ended && len(c.in.segments) == 0 && !time.Now().Before(c.in.endedAt) {
				return 0, io.EOF
			}
		}
		c.in.changed.Wait()
	}
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (n int, err error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	for {
		if err := c.failure(&c.write); err != nil {
			return n, c.opError("write", err)
		}
		if c.out.ended || c.out.deserted && !c.out.holds() && !c.in.holds() {
			return n, c.opError("write", syscall.EPIPE)
		}
		if n += c.out.put(b[n:]); n == len(b) {
			return n, nil
		}
		c.out.changed.Wait()
	}
}

// failure returns the error of a call that may not go on.
func (c *conn) failure(d *deadline) error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.in.reset || c.out.reset:
		return syscall.ECONNRESET
	case d.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close implements net.Conn. The other end gets all that was written, and then EOF.
func (c *conn) Close() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.shut()
	return nil
}

// shut closes the end. The lock is held.
func (c *conn) shut() {
	c.closed, c.in.deserted = true, true
	c.read.set(time.Time{}, c.in)
	c.write.set(time.Time{}, c.out)
	c.out.end()
	c.in.changed.Broadcast()
	c.network.forget(c)
}

// CloseWrite ends the direction to the other end.
func (c *conn) CloseWrite() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.out.end()
	return nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *conn) setDeadlines(t time.Time, read, write bool) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	if read {
		c.read.set(t, c.in)
	}
	if write {
		c.write.set(t, c.out)
	}
	return nil
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return addr(c.local) }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return addr(c.remote) }

func (c *conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, c.local, c.remote, err)
}
