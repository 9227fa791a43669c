package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// peer is the state that the transport keeps of another member.
type peer struct {
	id         node.ID
	ctx        context.Context // ends with the transport, and when the peer is dropped
	stop       context.CancelFunc
	former     atomic.Bool // it is a member no more, and no peer
	departures int         // how often it has become a former one; guarded by Transport.mu
	queue      *queue
	dialledUs  chan struct{} // holds a token if the peer has connected
	delivering chan struct{} // holds a token while a message is delivered
	counts     counts

	mu            sync.Mutex
	incoming      []*conn // on which messages come in its name, one a life; the oldest first
	life          uint64  // that was confirmed last; 0: none
	dialFailure   failure
	acceptFailure failure
	state         PeerStats // without the fields that come from queue and counts
}

func newPeer(parent context.Context, id node.ID, address string, queue int) *peer {
	p := &peer{
		id:         id,
		queue:      newQueue(queue),
		dialledUs:  make(chan struct{}, 1),
		delivering: make(chan struct{}, 1),
		state:      PeerStats{ID: id, Addr: address, Since: time.Now()},
	}
	p.ctx, p.stop = context.WithCancel(parent)
	return p
}

// address is where the peer is dialled; empty: it is not known.
func (p *peer) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.Addr
}

// move has the peer dialled at an address from the next attempt on.
func (p *peer) move(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Addr = address
}

// enqueue queues messages, and reports whether there was room for all.
func (p *peer) enqueue(messages []node.Message) bool {
	n := p.queue.push(messages)
	for i, m := range messages {
		if i < n {
			p.count(m, Queued, 1)
		} else {
			p.count(m, Dropped, 1)
		}
	}
	return n == len(messages)
}

// maxUnconfirmed bounds the connections in a peer's name of lives that are not confirmed.
const maxUnconfirmed = 4

// attach adds c to the connections on which the peer's messages are received. An
// earlier one of the same life may be half-open, with the peer gone: it is closed. One
// of another life is not: c may be of somebody who poses as the peer. It is closed only
// if there are too many, the oldest first, and never for the confirmed life.
func (p *peer) attach(c *conn) {
	p.mu.Lock()
	i := slices.IndexFunc(p.incoming, func(o *conn) bool { return o.life == c.life })
	reason := errReplaced
	if i < 0 && p.countUnconfirmed() >= maxUnconfirmed && c.life != p.life {
		reason = errOutnumbered
		i = slices.IndexFunc(p.incoming, func(o *conn) bool { return o.life != p.life })
	}
	var before *conn
	if i >= 0 {
		before = p.incoming[i]
		p.incoming = slices.Delete(p.incoming, i, i+1)
	}
	p.incoming = append(p.incoming, c)
	p.acceptFailure = ""
	p.mu.Unlock()
	if before != nil {
		before.closeWith(reason)
	}
	select {
	case p.dialledUs <- struct{}{}:
	default:
	}
}

func (p *peer) countUnconfirmed() (n int) {
	for _, c := range p.incoming {
		if c.life != p.life {
			n++
		}
	}
	return n
}

func (p *peer) detach(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.incoming = slices.DeleteFunc(p.incoming, func(o *conn) bool { return o == c })
}

func (p *peer) confirm(life uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life = life
}

// beginDelivery waits until no message of the peer is being delivered, and reports
// whether c is still the current connection: messages of a replaced one must not
// be delivered after newer ones.
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

// failure is the reason why a peer is not connected. The text stays the same while
// the reason does, so that only a change is logged. Empty means no failure.
type failure string

const (
	unreachable failure = "unreachable"
	addressless failure = "addressless"
)

// failureToConnect returns the reason for err, which is no refusal. The errors of a network
// differ from attempt to attempt; what needs another remedy is a reason of its own.
func failureToConnect(err error) failure {
	if errors.Is(err, errNoAddress) {
		return addressless
	}
	return unreachable
}

// onConnected records a connection to p, with messages in a codec.
func (t *Transport) onConnected(p *peer, codec wire.Codec) {
	p.mu.Lock()
	p.dialFailure = ""
	p.state.Up, p.state.Since = true, time.Now()
	p.state.Connects++
	p.mu.Unlock()
	t.cfg.Log.Info("connected to peer", "peer", p.id, "address", p.address(), "codec", codec.Name())
}

// onDisconnected records that a connection to p ended or could not be made.
func (t *Transport) onDisconnected(p *peer, err error) {
	p.mu.Lock()
	if p.state.Up {
		p.state.Up, p.state.Since = false, time.Now()
	}
	p.state.Failures++
	p.state.LastError = err.Error()
	isNew := !refused(err) && !insecure(err) && p.dialFailure.set(failureToConnect(err))
	p.mu.Unlock()
	switch {
	case refused(err):
		t.logRefusal(p, err)
	case insecure(err):
		t.warnings.warn("no connection to peer: the two sides agree on no TLS", "peer", p.id, "address", p.address(), "error", err)
	case isNew:
		t.cfg.Log.Warn("no connection to peer", "peer", p.id, "address", p.address(), "error", err)
	default:
		t.cfg.Log.Debug("still no connection to peer", "peer", p.id, "address", p.address(), "error", err)
	}
}

const handshakeRefused = "handshake with peer refused"

// logRefusal logs a no in a handshake that this node began, unless it is the same as before.
func (t *Transport) logRefusal(p *peer, err error) {
	switch {
	case !p.isNewRefusal(&p.dialFailure, err):
	case t.waits() && NotAdded(err):
		t.cfg.Log.Info("the peer does not have this node among its members yet", "peer", p.id, "address", p.address())
	default:
		t.cfg.Log.Error(handshakeRefused, "peer", p.id, "address", p.address(), "error", err)
	}
}

// logRefusedCaller logs a no in a handshake that somebody began in p's name, unless it is the
// same as before. A stranger can have a new reason each time: most of them are left out.
func (t *Transport) logRefusedCaller(p *peer, c *conn, err error) {
	if p.isNewRefusal(&p.acceptFailure, err) {
		t.warnings.record(slog.LevelError, fmt.Sprint(handshakeRefused, p.id), handshakeRefused, "peer", p.id, "from", c.RemoteAddr(), "error", err)
	}
}

// isNewRefusal keeps the reason of a refusal, and reports whether it was another one before.
func (p *peer) isNewRefusal(before *failure, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.LastError = err.Error()
	return before.set(failure(err.Error()))
}

// set replaces the failure, and reports whether it has changed.
func (t *failure) set(now failure) bool {
	before := *t
	*t = now
	return before != now
}
