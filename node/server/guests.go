package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// sendBuffer bounds what the kernel keeps for a client that does not read, in
// bytes.
const sendBuffer = 64 << 10

// guests is the connections of clients, a bounded number. One too many does not
// wait: the one that has asked for nothing for longest has to go.
type guests struct {
	limit int

	mu     sync.Mutex
	all    map[net.Conn]*list.Element // where it is in idle; nil: it is being served
	idle   list.List                  // of net.Conn, the one idle for longest first
	closed uint64                     // to make room
}

func newGuests(limit int) *guests { return &guests{limit: limit, all: map[net.Conn]*list.Element{}} }

// note is an http.Server's ConnState.
func (g *guests) note(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.all[c]; at != nil {
		g.idle.Remove(at)
	}
	switch state {
	case http.StateNew:
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // it can only fail if the connection is dead
		}
		g.all[c] = g.idle.PushBack(c)
		g.makeRoom()
	case http.StateIdle:
		g.all[c] = g.idle.PushBack(c)
	case http.StateActive:
		g.all[c] = nil
	default:
		delete(g.all, c)
	}
}

// makeRoom closes a connection if there is one too many: at worst the one that
// has just come. The server will tell of its end.
func (g *guests) makeRoom() {
	if len(g.all) <= g.limit {
		return
	}
	oldest := g.idle.Front()
	c := g.idle.Remove(oldest).(net.Conn)
	delete(g.all, c)
	_ = c.Close() // nothing is expected of it any more
	g.closed++
}

// sendAway closes the connections that ask for nothing: the server would wait
// some seconds for those that have never asked.
func (g *guests) sendAway() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at := g.idle.Front(); at != nil; at = at.Next() {
		_ = at.Value.(net.Conn).Close() // the server will tell of its end
	}
}

// count is how many there are, and how many were closed to make room.
func (g *guests) count() (now int, closed uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all), g.closed
}
