// Package connlimit decides which connections of clients a server keeps: at most a limit.
// It knows connections by names, and nothing of sockets.
package connlimit

import (
	"container/list"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// Table is the set of open connections. A new connection above the limit does not wait:
// the connection that has been idle for longest makes room. It is not safe for concurrent
// use.
type Table[C comparable] struct {
	limit   int
	open    map[C]*list.Element // element of idle; nil: a request is being served
	idle    list.List           // of C, the one idle for longest first
	evicted uint64
}

// New returns a table without connections. limit is at least 1.
func New[C comparable](limit int) *Table[C] {
	invariant.Check(limit > 0, "connlimit: a server has room for one connection")
	return &Table[C]{limit: limit, open: map[C]*list.Element{}}
}

// Open adds a connection, which is idle until its first request. If that exceeds the limit
// it removes the connection to close, and returns it. That may be the new one: no request
// that is being served is cut off.
func (t *Table[C]) Open(c C) (evicted C, exceeded bool) {
	t.open[c] = t.idle.PushBack(c)
	if len(t.open) > t.limit {
		evicted, exceeded = t.idle.Front().Value.(C), true
		t.Close(evicted)
		t.evicted++
	}
	invariant.Check(len(t.open) <= t.limit && t.idle.Len() <= len(t.open), "connlimit: no more connections than the limit are kept")
	return evicted, exceeded
}

// SetIdle notes that the request of a connection has been served. A connection that was
// removed is no more known.
func (t *Table[C]) SetIdle(c C) {
	if t.leaveIdle(c) {
		t.open[c] = t.idle.PushBack(c)
	}
}

// SetActive notes that a request comes on a connection.
func (t *Table[C]) SetActive(c C) {
	if t.leaveIdle(c) {
		t.open[c] = nil
	}
}

// Close removes a connection.
func (t *Table[C]) Close(c C) {
	t.leaveIdle(c)
	delete(t.open, c)
}

// leaveIdle takes a connection out of the idle ones. It reports whether it is open.
func (t *Table[C]) leaveIdle(c C) bool {
	at, known := t.open[c]
	if at != nil {
		t.idle.Remove(at)
	}
	return known
}

// Idle returns the idle connections, the one idle for longest first.
func (t *Table[C]) Idle() []C {
	all := make([]C, 0, t.idle.Len())
	for at := t.idle.Front(); at != nil; at = at.Next() {
		all = append(all, at.Value.(C))
	}
	return all
}

// Len returns the number of open connections.
func (t *Table[C]) Len() int { return len(t.open) }

// Evicted returns the number of connections removed to make room.
func (t *Table[C]) Evicted() uint64 { return t.evicted }
