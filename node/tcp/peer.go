package tcp

import (
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// peer is what is known of another member.
type peer struct {
	id         node.ID
	addr       string
	queue      chan node.Message
	dialledUs  chan struct{} // holds one if the peer has connected
	delivering chan struct{} // holds one while a message is delivered
	counts     counts

	mu            sync.Mutex
	incoming      *conn // nil if there is none
	dialFailure   failure
	acceptFailure failure
	state         PeerStats // only what does not come from counts
}

func newPeer(id node.ID, addr string, cfg Config) *peer {
	return &peer{
		id:         id,
		addr:       addr,
		queue:      make(chan node.Message, cfg.Queue),
		dialledUs:  make(chan struct{}, 1),
		delivering: make(chan struct{}, 1),
		state:      PeerStats{ID: id, Addr: addr, Since: time.Now()},
	}
}

func (p *peer) enqueue(m node.Message) bool {
	select {
	case p.queue <- m:
		p.count(m, Queued, 1)
		return true
	default:
		p.count(m, Dropped, 1)
		return false
	}
}

// attach makes c the connection that the peer is heard on. The one before may be
// half-open, with the peer gone from its other end: it goes.
func (p *peer) attach(c *conn) {
	p.mu.Lock()
	before := p.incoming
	p.incoming = c
	p.acceptFailure = ""
	p.mu.Unlock()
	if before != nil {
		before.closeWith(errReplaced)
	}
	select {
	case p.dialledUs <- struct{}{}:
	default:
	}
}

func (p *peer) detach(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.incoming == c {
		p.incoming = nil
	}
}

// beginDelivery waits until nothing of the peer is being delivered, and reports whether c
// is still the connection to hear it on: what a replaced one has left must not
// come after what is newer.
func (p *peer) beginDelivery(c *conn) bool {
	select {
	case p.delivering <- struct{}{}:
	case <-c.done:
		return false
	}
	if c.closed() {
		p.endDelivery()
		return false
	}
	return true
}

func (p *peer) endDelivery() { <-p.delivering }

// failure is why a peer is not connected, in words that stay the same while the
// reason does: it is logged when it changes. Empty is no trouble.
type failure string

const unreachable failure = "unreachable"

// onConnected notes a connection to p.
func (t *Transport) onConnected(p *peer) {
	p.mu.Lock()
	p.dialFailure = ""
	p.state.Up, p.state.Since = true, time.Now()
	p.state.Connects++
	p.mu.Unlock()
	t.cfg.Log.Info("connected to peer", "peer", p.id, "address", p.addr)
}

// onDisconnected notes that there is no connection to p, or none any more.
func (t *Transport) onDisconnected(p *peer, err error) {
	p.mu.Lock()
	if p.state.Up {
		p.state.Up, p.state.Since = false, time.Now()
	}
	p.state.Failures++
	p.state.LastError = err.Error()
	isNew := !refused(err) && p.dialFailure.set(unreachable)
	p.mu.Unlock()
	switch {
	case refused(err):
		t.logRefusal(p, &p.dialFailure, err)
	case isNew:
		t.cfg.Log.Warn("no connection to peer", "peer", p.id, "address", p.addr, "error", err)
	default:
		t.cfg.Log.Debug("still no connection to peer", "peer", p.id, "address", p.addr, "error", err)
	}
}

// logRefusal tells of a no, in a handshake with p, if it is another than before.
func (t *Transport) logRefusal(p *peer, before *failure, err error) {
	p.mu.Lock()
	p.state.LastError = err.Error()
	isNew := before.set(failure(err.Error()))
	p.mu.Unlock()
	if !isNew {
		return
	}
	t.cfg.Log.Error("handshake with peer refused", "peer", p.id, "address", p.addr, "error", err)
}

// set reports whether that is new.
func (t *failure) set(now failure) bool {
	before := *t
	*t = now
	return before != now
}
