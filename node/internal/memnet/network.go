package memnet

import (
	"context"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	buffer  = 64 << 10 // bytes of one direction of a connection that may be unread
	backlog = 64       // connections of a listener that are not accepted yet
)

// Network is a set of hosts. It is safe for concurrent use.
type Network struct {
	latency time.Duration

	mu        sync.Mutex // guards everything, also of listeners and connections
	changed   sync.Cond  // a fault began or ended, or a listener was opened or closed
	listeners map[string]*listener
	conns     []*conn // both ends of the open ones
	stalled   map[route]bool
	refused   map[route]bool
	deaf      map[string]bool // addresses at which nothing is accepted
	dials     map[route]int
}

// route is the way from one host to another.
type route struct{ from, to string }

// New returns a network on which bytes take a latency from host to host.
func New(latency time.Duration) *Network {
	n := &Network{
		latency: latency, listeners: map[string]*listener{}, stalled: map[route]bool{}, refused: map[route]bool{},
		deaf: map[string]bool{}, dials: map[route]int{},
	}
	n.changed.L = &n.mu
	return n
}

// Host is a place on a network. The host of an address "a:1" is "a".
type Host struct {
	network *Network
	name    string
}

// Host returns the host with a name.
func (n *Network) Host(name string) *Host { return &Host{n, name} }

// Stall stops all bytes from one host to another, of dials as well, until Heal. None
// are lost.
func (n *Network) Stall(from, to string) { n.set(n.stalled, route{from, to}) }

// Refuse refuses new connections of a host to another until Heal.
func (n *Network) Refuse(from, to string) { n.set(n.refused, route{from, to}) }

// Deafen has an address accept nothing until Heal: dials succeed, as long as there is
// room in the backlog.
func (n *Network) Deafen(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaf[address] = true
}

// Heal ends all stalls and refusals.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.stalled)
	clear(n.refused)
	clear(n.deaf)
	n.wakeAll()
}

func (n *Network) set(of map[route]bool, r route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of[r] = true
	n.wakeAll()
}

// Sever makes the present connections of two hosts half-open in one direction: bytes and
// ends from one to the other never arrive any more, and no side is told. Connections that
// are opened later are sound.
func (n *Network) Sever(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if c.out.route == (route{from, to}) {
			c.out.severed = true
		}
	}
	n.wakeAll()
}

// Reset resets the present connections of two hosts. Bytes that are unread are lost.
func (n *Network) Reset(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if r := c.out.route; r == (route{a, b}) || r == (route{b, a}) {
			c.out.reset = true
		}
	}
	n.wakeAll()
}

// Dials returns the number of calls of Dial from one host to another so far.
func (n *Network) Dials(from, to string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[route{from, to}]
}

// Open returns the number of ends of connections that are not closed.
func (n *Network) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// wakeAll has all that wait look again. The lock is held.
func (n *Network) wakeAll() {
	n.changed.Broadcast()
	for _, c := range n.conns {
		c.in.changed.Broadcast()
		c.out.changed.Broadcast()
	}
}

// Dial opens a connection to an address within ctx. Its errors are those of a net.Dialer.
func (h *Host) Dial(ctx context.Context, address string) (net.Conn, error) {
	to, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, opError("dial", h.name, address, err)
	}
	n := h.network
	there, back := route{h.name, to}, route{to, h.name}
	n.mu.Lock()
	n.dials[there]++
	n.mu.Unlock()
	if err := sleep(ctx, 2*n.latency); err != nil {
		return nil, opError("dial", h.name, address, err)
	}
	defer context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.changed.Broadcast()
	})()
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		l := n.listeners[address]
		switch {
		case ctx.Err() != nil:
			return nil, opError("dial", h.name, address, ctx.Err())
		case n.stalled[there] || n.stalled[back] || l != nil && len(l.queue) == backlog:
		case n.refused[there] || l == nil:
			return nil, opError("dial", h.name, address, syscall.ECONNREFUSED)
		default:
			return l.connect(h.name, to), nil
		}
		n.changed.Wait()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Listen listens on an address of the host.
func (h *Host) Listen(address string) (net.Listener, error) {
	name, _, err := net.SplitHostPort(address)
	if err == nil && name != h.name {
		err = syscall.EADDRNOTAVAIL
	}
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil && n.listeners[address] != nil {
		err = syscall.EADDRINUSE
	}
	if err != nil {
		return nil, opError("listen", h.name, address, err)
	}
	l := &listener{network: n, address: address}
	n.listeners[address] = l
	n.changed.Broadcast()
	return l, nil
}

// listener implements net.Listener.
type listener struct {
	network *Network
	address string
	queue   []*conn // not accepted yet
	closed  bool
}

// connect makes a connection and returns the dialler's end.
func (l *listener) connect(from, to string) *conn {
	n := l.network
	there, back := newStream(n, route{from, to}), newStream(n, route{to, from})
	theirs := newConn(n, from, l.address, there, back)
	ours := newConn(n, l.address, from, back, there)
	n.conns = append(n.conns, theirs, ours)
	l.queue = append(l.queue, ours)
	n.changed.Broadcast()
	return theirs
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for !l.closed && (len(l.queue) == 0 || n.deaf[l.address]) {
		n.changed.Wait()
	}
	if l.closed {
		return nil, opError("accept", l.address, "", net.ErrClosed)
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	n.changed.Broadcast() // there is room
	return c, nil
}

// Close implements net.Listener. Connections that were not accepted are reset.
func (l *listener) Close() error {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.closed {
		return opError("close", l.address, "", net.ErrClosed)
	}
	l.closed = true
	delete(n.listeners, l.address)
	for _, c := range l.queue {
		c.out.reset = true
		c.shut()
	}
	l.queue = nil
	n.changed.Broadcast()
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return addr(l.address) }

// addr implements net.Addr.
type addr string

// Network implements net.Addr.
func (a addr) Network() string { return "mem" }

// String implements net.Addr.
func (a addr) String() string { return string(a) }

func opError(op, from, to string, err error) error {
	return &net.OpError{Op: op, Net: "mem", Source: addr(from), Addr: addr(to), Err: err}
}

// forget removes a closed end. The lock is held.
func (n *Network) forget(c *conn) {
	if i := slices.Index(n.conns, c); i >= 0 {
		n.conns = slices.Delete(n.conns, i, i+1)
	}
}
