package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/lockstep-dst/lockstep/node/internal/connlimit"
)

// connSendBuffer is the size in bytes of the kernel's send buffer of a connection.
// It bounds the memory that a client takes which does not read.
const connSendBuffer = 64 << 10

// connLimiter bounds the number of client connections, as a connlimit.Table decides.
type connLimiter struct {
	mu    sync.Mutex
	table *connlimit.Table[io.Closer]
}

func newConnLimiter(limit int) *connLimiter {
	return &connLimiter{table: connlimit.New[io.Closer](limit)}
}

// onConnState is the ConnState hook of the http.Server.
func (l *connLimiter) onConnState(c net.Conn, state http.ConnState) {
	raw := c
	if secured, ok := c.(*tls.Conn); ok {
		raw = secured.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok && state == http.StateNew {
		_ = tcp.SetWriteBuffer(connSendBuffer) // it can only fail if the connection is dead
	}
	l.set(c, state)
}

// set notes the state of a connection. A stream, which is one that was hijacked, reports
// its states itself.
func (l *connLimiter) set(c io.Closer, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		if old, exceeded := l.table.Open(c); exceeded {
			closeNow(old) // no response is pending on it; the server reports its end
		}
	case http.StateIdle:
		l.table.SetIdle(c)
	case http.StateActive:
		l.table.SetActive(c)
	default:
		l.table.Close(c)
	}
}

// closeIdle closes all idle connections. http.Server.Shutdown would wait some
// seconds for connections that never sent a request.
func (l *connLimiter) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.table.Idle() {
		closeNow(c) // the server reports its end to onConnState
	}
}

// count returns the number of open connections, and of connections closed to make
// room.
func (l *connLimiter) count() (now int, closed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Len(), l.table.Evicted()
}
