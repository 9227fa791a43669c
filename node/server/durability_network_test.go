package server_test

import (
	"bytes"
	"context"
	"net"
	"sync"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// judgedNetwork is TCP, with all that a node writes shown to the ledger before the
// operating system has it.
type judgedNetwork struct {
	id      node.ID
	ledger  *ledger
	clients string // the address for clients
}

// Listen implements server.Network.
func (n *judgedNetwork) Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &judgedListener{l, n, address == n.clients}, nil
}

// Dial implements server.Network. Only peers are dialled.
func (n *judgedNetwork) Dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return n.toPeer(conn), nil
}

func (n *judgedNetwork) toPeer(conn net.Conn) net.Conn {
	return &judgedPeer{Conn: conn, network: n}
}

type judgedListener struct {
	net.Listener
	network   *judgedNetwork
	toClients bool
}

// Accept implements net.Listener.
func (l *judgedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.toClients {
		return &judgedClient{Conn: conn, network: l.network, requests: map[uint64]op.Reply{}}, nil
	}
	return l.network.toPeer(conn), nil
}

// judgedPeer is a connection to a peer.
type judgedPeer struct {
	net.Conn
	network *judgedNetwork
	frames  wire.Decoder
}

// Write implements net.Conn.
func (c *judgedPeer) Write(b []byte) (int, error) {
	c.frames.Write(b)
	for {
		payload, ok, err := c.frames.Next()
		if err != nil {
			panic("a node writes no frames: " + err.Error())
		}
		if !ok {
			return c.Conn.Write(b)
		}
		if m, err := (wire.Binary{}).Decode(payload); err == nil { // otherwise of a handshake, or a keepalive
			c.network.ledger.toPeer(c.network.id, m)
		}
	}
}

// judgedClient is a connection of a client. Of HTTP it shows nothing.
type judgedClient struct {
	net.Conn
	network *judgedNetwork

	mu       sync.Mutex // guards the following
	asked    framed
	told     framed
	requests map[uint64]op.Reply // the fields of replies that requests have
}

// framed are the frames of one direction of a stream, after the head in HTTP.
type framed struct {
	head   []byte
	begun  bool
	frames wire.Decoder
}

// next adds bytes, and calls f for the payloads of the frames that are complete.
func (s *framed) next(b []byte, f func(fieldBytes)) {
	if !s.begun {
		s.head = append(s.head, b...)
		_, rest, found := bytes.Cut(s.head, []byte("\r\n\r\n"))
		if !found {
			return
		}
		s.begun, b = true, rest
	}
	s.frames.Write(b)
	for {
		payload, ok, err := s.frames.Next()
		if err != nil || !ok {
			return
		}
		f(payload)
	}
}

// The types of messages of package stream.
const (
	streamRequest = 2
	streamReply   = 18
)

// Read implements net.Conn.
func (c *judgedClient) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked.next(b[:n], func(m fieldBytes) {
		if m.number() == streamRequest {
			id, _ := m.number(), m.number()
			kind, _ := m.number(), m.number()
			c.requests[id] = op.Reply{Kind: op.Kind(kind), Key: m.string(), ID: op.ID(m.string())}
		}
	})
	return n, err
}

// Write implements net.Conn.
func (c *judgedClient) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.told.next(b, func(m fieldBytes) {
		if m.number() != streamReply {
			return
		}
		id := m.number()
		r := c.requests[id]
		delete(c.requests, id)
		r.Outcome, _ = op.Outcome(m.number()), m.number()
		r.Reason, r.State, r.Version = op.Reason(m.string()), m.string(), m.number()
		c.network.ledger.toClient(c.network.id, &r)
	})
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// CloseWrite ends the direction to the client, as that of TCP does.
func (c *judgedClient) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }
