package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/certificate"
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

// A connection that makes room is closed without TLS's goodbye: its client may not read,
// and the limit's lock is held meanwhile.
func TestConnLimiterSaysNoGoodbye(t *testing.T) {
	pair, err := tls.X509KeyPair(testCertificate(t))
	require.NoError(t, err)
	ours, theirs := net.Pipe()
	written := &writeCounter{Conn: ours}
	server := tls.Server(written, &tls.Config{Certificates: []tls.Certificate{pair}, SessionTicketsDisabled: true})
	go func() {
		_ = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true}).Handshake() // and reads nothing from then on
	}()
	require.NoError(t, server.Handshake())
	before := written.n.Load()
	g := newConnLimiter(1)
	g.onConnState(server, http.StateNew)
	g.onConnState(&fakeConn{}, http.StateNew)
	require.Equal(t, before, written.n.Load())
	_, err = ours.Write(nil)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func testCertificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	pair, err := certificate.NewAuthority("test", certificate.ValidFor(time.Now(), time.Hour))
	require.NoError(t, err)
	return pair.Certificate, pair.Key
}

// writeCounter counts the writes to a connection.
type writeCounter struct {
	net.Conn
	n atomic.Int64
}

// Write implements net.Conn.
func (c *writeCounter) Write(b []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Write(b)
}
