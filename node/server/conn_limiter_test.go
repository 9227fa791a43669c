package server

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeConn is a connection that records its Close.
type fakeConn struct {
	net.Conn
	closed bool
}

func (c *fakeConn) Close() error {
	c.closed = true
	return nil
}

// The connection that has been idle for longest makes room. A connection that is
// being served is never closed.
func TestConnLimiterClosesOldestIdle(t *testing.T) {
	g := newConnLimiter(3)
	c := []*fakeConn{{}, {}, {}, {}, {}, {}}
	g.onConnState(c[0], http.StateNew)
	g.onConnState(c[1], http.StateNew)
	g.onConnState(c[2], http.StateNew)
	g.onConnState(c[0], http.StateActive)
	g.onConnState(c[1], http.StateActive)
	g.onConnState(c[1], http.StateIdle)
	g.onConnState(c[3], http.StateNew)
	require.True(t, c[2].closed, "the others have asked since")
	g.onConnState(c[2], http.StateClosed)
	g.onConnState(c[3], http.StateActive)
	g.onConnState(c[4], http.StateNew)
	require.True(t, c[1].closed)
	g.onConnState(c[4], http.StateActive)
	g.onConnState(c[5], http.StateNew)
	require.True(t, c[5].closed, "all others are being served")
	now, closed := g.count()
	require.Equal(t, 3, now)
	require.EqualValues(t, 3, closed)
	for _, i := range []int{0, 3, 4} {
		require.False(t, c[i].closed)
	}
}

// When the node stops, idle connections are closed at once.
func TestConnLimiterClosesIdle(t *testing.T) {
	g := newConnLimiter(3)
	c := []*fakeConn{{}, {}, {}}
	for i := range c {
		g.onConnState(c[i], http.StateNew)
	}
	g.onConnState(c[1], http.StateActive)
	g.closeIdle()
	require.Equal(t, []bool{true, false, true}, []bool{c[0].closed, c[1].closed, c[2].closed})
}
