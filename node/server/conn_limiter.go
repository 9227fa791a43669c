package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connSendBuffer bounds the kernel buffer of a client that does not read, in
// bytes.
const connSendBuffer = 64 << 10

// connLimiter is the connections of clients, a bounded number. One too many does not
// wait: the one that has asked for nothing for longest has to go.
type connLimiter struct {
	limit int

	mu     sync.Mutex
	conns  map[net.Conn]*list.Element // where it is in idle; nil: it is being served
	idle   list.List                  // of net.Conn, the one idle for longest first
	closed uint64                     // to make room
}

func newConnLimiter(limit int) *connLimiter {
	return &connLimiter{limit: limit, conns: map[net.Conn]*list.Element{}}
}

// onConnState is an http.Server's ConnState.
func (g *connLimiter) onConnState(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.conns[c]; at != nil {
		g.idle.Remove(at)
	}
	switch state {
	case http.StateNew:
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(connSendBuffer) // it can only fail if the connection is dead
		}
		g.conns[c] = g.idle.PushBack(c)
		g.closeOldestIdle()
	case http.StateIdle:
		g.conns[c] = g.idle.PushBack(c)
	case http.StateActive:
		g.conns[c] = nil
	default:
		delete(g.conns, c)
	}
}

// closeOldestIdle closes a connection if there is one too many: at worst the one that
// has just come. The server will tell of its end.
func (g *connLimiter) closeOldestIdle() {
	if len(g.conns) <= g.limit {
		return
	}
	oldest := g.idle.Front()
	c := g.idle.Remove(oldest).(net.Conn)
	delete(g.conns, c)
	_ = c.Close() // nothing is expected of it any more
	g.closed++
}

// closeIdle closes the connections that ask for nothing: the server would wait
// some seconds for those that have never asked.
func (g *connLimiter) closeIdle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at := g.idle.Front(); at != nil; at = at.Next() {
		_ = at.Value.(net.Conn).Close() // the server will tell of its end
	}
}

// count is how many there are, and how many were closed to make room.
func (g *connLimiter) count() (now int, closed uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns), g.closed
}
