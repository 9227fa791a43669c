package tcp

import (
	"slices"
	"sync"
	"time"
)

const (
	maxPendingConns = 64                    // connections in the handshake
	minPendingTime  = 10 * time.Millisecond // each has at least this time to introduce itself
)

// pendingConns is the list of accepted connections whose handshake is not done.
type pendingConns struct {
	mu    sync.Mutex
	conns []*conn // oldest first
}

// oldest returns the connection to close before another is added; nil if none.
func (l *pendingConns) oldest() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) < maxPendingConns {
		return nil
	}
	return l.conns[0]
}

func (l *pendingConns) add(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
}

// remove removes c, and reports whether it was there.
func (l *pendingConns) remove(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.conns, c)
	if i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	}
	return i >= 0
}

// addPending adds c. If the list is full, the oldest connection is closed, but not
// before minPendingTime: otherwise a flood of connections would drive out members
// before they can introduce themselves.
func (t *Transport) addPending(c *conn) {
	for {
		old := t.pending.oldest()
		if old == nil {
			break
		}
		if time.Since(old.openedAt) < minPendingTime {
			sleep(t.ctx, minPendingTime/10)
			if t.ctx.Err() != nil {
				break
			}
			continue
		}
		if t.pending.remove(old) {
			old.closeWith(errTooManyPending)
		}
	}
	t.pending.add(c)
}
