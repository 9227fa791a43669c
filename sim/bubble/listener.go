package bubble

import (
	"net"
	"sync"
)

// Listener accepts the streams that are dialled to one port of a host: a
// net.Listener.
type Listener struct {
	stack    *stack
	addr     *net.TCPAddr
	changed  sync.Cond // locked by the host
	ready    []*Conn   // wait for Accept
	arriving int       // streams in the accepting state
	closed   bool
}

// listen opens a port.
func (s *stack) listen(addr *net.TCPAddr) (*Listener, error) {
	if addr.Port == 0 {
		for addr.Port = firstEphemeralPort; s.listeners[uint16(addr.Port)] != nil; addr.Port++ {
		}
	}
	if s.listeners[uint16(addr.Port)] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: addr, Err: errInUse}
	}
	l := &Listener{stack: s, addr: addr}
	l.changed.L = &s.host.mu
	s.listeners[uint16(addr.Port)] = l
	return l, nil
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	h := l.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.crashed:
			return nil, l.opError(ErrCrashed)
		case l.closed:
			return nil, l.opError(net.ErrClosed)
		case len(l.ready) > 0:
			c := l.ready[0]
			l.ready = l.ready[1:]
			return c, nil
		}
		l.changed.Wait()
	}
}

// Close implements net.Listener. It resets the streams that wait for Accept.
func (l *Listener) Close() error {
	h := l.stack.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.closed {
		return l.opError(net.ErrClosed)
	}
	l.closed = true
	delete(l.stack.listeners, uint16(l.addr.Port))
	for _, c := range l.ready {
		c.aborted = true
		c.touch()
	}
	l.ready = nil
	l.changed.Broadcast()
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.addr }

// full reports whether l has no room for another stream.
func (l *Listener) full() bool { return l.arriving+len(l.ready) >= l.stack.tuning.MaxPending }

// arrived takes a stream that both sides know.
func (l *Listener) arrived(c *Conn) {
	l.arriving--
	if l.closed {
		c.aborted = true
		return
	}
	l.ready = append(l.ready, c)
	l.changed.Broadcast()
}

func (l *Listener) opError(err error) error {
	return &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: err}
}
