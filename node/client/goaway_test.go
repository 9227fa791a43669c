package client_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
)

// lateConn is a connection on which, once it is held, nothing is read until the client
// closes it or sets a time for the rest. The second write from then on fails, as on a
// connection that the other side has reset.
type lateConn struct {
	net.Conn
	held   *atomic.Bool
	writes atomic.Int32 // since it is held
	closed atomic.Bool
	let    chan struct{}
	once   sync.Once
}

func (c *lateConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.held.Load() {
		<-c.let
		if c.closed.Load() {
			return 0, net.ErrClosed
		}
	}
	return n, err
}

func (c *lateConn) Write(b []byte) (int, error) {
	if c.held.Load() && c.writes.Add(1) == 2 {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(b)
}

func (c *lateConn) Close() error {
	c.once.Do(func() {
		c.closed.Store(true)
		close(c.let)
	})
	return c.Conn.Close()
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	if c.held.Load() {
		c.once.Do(func() { close(c.let) })
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *lateConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// The writes of a client may fail before it has read the Goaway of a node that stops. It
// reads that all the same: operations that were sent too late for the node are certainly
// without effect.
func TestGoawayIsReadAfterAFailedWrite(t *testing.T) {
	s, err := server.Start(configOfOne(t))
	require.NoError(t, err)
	held := &atomic.Bool{}
	c := newClient(t, client.Config{
		Endpoints: []string{s.HTTPAddr().String()}, Deadline: 2 * time.Second,
		Dial: func(ctx context.Context, endpoint string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint)
			return &lateConn{Conn: conn, held: held, let: make(chan struct{})}, err
		},
	})
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome)

	held.Store(true)
	require.NoError(t, s.Close(context.Background()))
	results := make(chan client.Result, 2)
	for _, to := range []string{"Stopped", "Init"} {
		go func() {
			r, _ := c.Propose(context.Background(), key, to)
			results <- r
		}()
		time.Sleep(20 * time.Millisecond) // so that each has a write of its own, if the host is not too busy
	}
	for range 2 {
		r := <-results
		require.Equal(t, op.Rejected, r.Outcome, "%+v", r)
		require.Equal(t, op.Unreachable, r.Reason, "%+v", r)
	}
}
