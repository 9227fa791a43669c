package bubble

import (
	"context"
	"net"
)

// connect opens a stream, and waits for the peer to agree.
func (s *stack) connect(ctx context.Context, network, address string) (*Conn, error) {
	peer, port, err := resolve(network, address, s.host.id)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	h := s.host
	if !h.bubble.has(peer) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host in this world", Name: address, IsNotFound: true}}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := s.newConn(peer, addressOf(h.id, 0), addressOf(peer, port))
	c.state = dialling
	s.dials = append(s.dials, c)
	h.touch()
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	for {
		switch {
		case h.crashed:
			err = ErrCrashed
		case c.err != nil:
			err = c.err
		case c.state == established:
			return c, nil
		case ctx.Err() != nil:
			c.forget()
			err = ctx.Err()
		default:
			c.changed.Wait()
			continue
		}
		return nil, &net.OpError{Op: "dial", Net: network, Source: c.local, Addr: c.remote, Err: err}
	}
}
