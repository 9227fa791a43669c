package server

import (
	"container/list"
	"io"
	"net"
	"net/http"
	"sync"
)

// connSendBuffer is the size in bytes of the kernel's send buffer of a connection.
// It bounds the memory that a client takes which does not read.
const connSendBuffer = 64 << 10

// connLimiter bounds the number of client connections. A new connection above the
// limit does not wait: the connection that has been idle for longest is closed.
type connLimiter struct {
	limit int

	mu     sync.Mutex
	conns  map[io.Closer]*list.Element // element in idle; nil: a request is being served
	idle   list.List                   // io.Closer, the one idle for longest first
	closed uint64                      // connections closed to make room
}

func newConnLimiter(limit int) *connLimiter {
	return &connLimiter{limit: limit, conns: map[io.Closer]*list.Element{}}
}

// onConnState is the ConnState hook of the http.Server.
func (l *connLimiter) onConnState(c net.Conn, state http.ConnState) {
	if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
		_ = tcp.SetWriteBuffer(connSendBuffer) // it can only fail if the connection is dead
	}
	l.set(c, state)
}

// set notes the state of a connection. A stream, which is one that was hijacked, reports
// its states itself.
func (l *connLimiter) set(c io.Closer, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.conns[c]; at != nil {
		l.idle.Remove(at)
	}
	switch state {
	case http.StateNew:
		l.conns[c] = l.idle.PushBack(c)
		l.closeOldestIdle()
	case http.StateIdle:
		l.conns[c] = l.idle.PushBack(c)
	case http.StateActive:
		l.conns[c] = nil
	default:
		delete(l.conns, c)
	}
}

// closeOldestIdle closes the connection that has been idle for longest if the limit
// is exceeded. That may be the newest connection. The server reports its end to
// onConnState.
func (l *connLimiter) closeOldestIdle() {
	if len(l.conns) <= l.limit {
		return
	}
	oldest := l.idle.Front()
	c := l.idle.Remove(oldest).(io.Closer)
	delete(l.conns, c)
	_ = c.Close() // no response is pending on it
	l.closed++
}

// closeIdle closes all idle connections. http.Server.Shutdown would wait some
// seconds for connections that never sent a request.
func (l *connLimiter) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.idle.Front(); at != nil; at = at.Next() {
		_ = at.Value.(io.Closer).Close() // the server reports its end to onConnState
	}
}

// count returns the number of open connections, and of connections closed to make
// room.
func (l *connLimiter) count() (now int, closed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns), l.closed
}
