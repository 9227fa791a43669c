package tcp

import (
	"slices"
	"sync"
	"time"
)

const (
	maxPendingConns = 64                    // connections that may be unintroduced
	minPendingTime  = 10 * time.Millisecond // each gets at least so long to introduce itself
)

// pendingConns is where accepted connections are until they are introduced.
type pendingConns struct {
	mu    sync.Mutex
	conns []*conn // oldest first
}

// oldest is the connection to close before another may enter, if any.
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

// remove reports whether c was still there.
func (l *pendingConns) remove(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.conns, c)
	if i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	}
	return i >= 0
}

// addPending lets c in. When it is full, the oldest goes; but a flood is held up at
// the door, or else it would drive out members before they can speak.
func (t *Transport) addPending(c *conn) {
	for {
		old := t.pending.oldest()
		if old == nil {
			break
		}
		if time.Since(old.openedAt) < minPendingTime {
			t.sleep(minPendingTime / 10)
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
