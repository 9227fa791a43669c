package client_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
)

// closingConn is a connection that closes the client at its first write.
type closingConn struct {
	net.Conn
	client *client.Client
}

// Write implements io.Writer.
func (c closingConn) Write([]byte) (int, error) {
	c.client.Close()
	return 0, io.ErrClosedPipe
}

// Close ends a stream that is being opened, and its connection is closed once more after
// the attempt is over: on one processor, always after it.
func TestCloseWhileAStreamOpens(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var u *client.Client
	u, err := client.New(client.Config{
		Endpoints: []string{"127.0.0.1:1"}, Deadline: 100 * time.Millisecond,
		Dial: func(context.Context, string) (net.Conn, error) {
			_, ours := net.Pipe()
			return closingConn{ours, u}, nil
		},
	})
	require.NoError(t, err)
	r, err := u.Get(t.Context(), key)
	require.NoError(t, err)
	require.True(t, r.Unavailable(), r.Text)
}
