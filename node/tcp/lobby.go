package tcp

import (
	"slices"
	"sync"
	"time"
)

const (
	strangers = 64                    // connections that may be unintroduced
	stay      = 10 * time.Millisecond // each gets at least so long to introduce itself
)

// lobby is where accepted connections are until they are introduced.
type lobby struct {
	mu      sync.Mutex
	waiting []*conn // oldest first
}

// oldest is the connection to close before another may enter, if any.
func (l *lobby) oldest() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) < strangers {
		return nil
	}
	return l.waiting[0]
}

func (l *lobby) enter(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, c)
}

// leave reports whether c was still there.
func (l *lobby) leave(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, c)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return i >= 0
}

// admit lets c in. When it is full, the oldest goes; but a flood is held up at
// the door, or else it would drive out members before they can speak.
func (t *Transport) admit(c *conn) {
	for {
		old := t.lobby.oldest()
		if old == nil {
			break
		}
		if time.Since(old.born) < stay {
			t.sleep(stay / 10)
			if t.ctx.Err() != nil {
				break
			}
			continue
		}
		if t.lobby.leave(old) {
			old.end(errCrowded)
		}
	}
	t.lobby.enter(c)
}
