package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// A request that comes when its stream is about to end, since it was not used, goes by
// another: its attempt is not lost.
func TestRequestToAnUnusedStream(t *testing.T) {
	c, err := New(Config{Endpoints: []string{"127.0.0.1:1"}})
	require.NoError(t, err)
	l := c.link(1)
	l.end, l.state, l.lastHeard, l.lastUsed = stream.NewClient(), up, time.Now(), time.Now()
	_, err = l.end.Receive(stream.NewServer(stream.Hello{Node: 1, Boot: 1, Operations: 1}).Take(nil))
	require.NoError(t, err)
	require.ErrorIs(t, l.check(time.Now().Add(2*l.timings.closeIdle)), errUnused)

	var waiting []*exchange
	p := c.newPendingCall(t.Context())
	for range 2 { // there is credit for one
		x := &exchange{link: l, call: p, request: &op.Request{Kind: op.Read, Key: "lifecycle/m", ID: "1:a", Attempt: 1}}
		require.True(t, l.start(x))
		waiting = append(waiting, x)
	}
	require.NotZero(t, waiting[0].id)
	require.True(t, l.reconnect())
	require.Equal(t, connecting, l.state)
	require.Equal(t, waiting, l.waiting)
	require.Zero(t, waiting[0].id)
	_, lost := p.next()
	require.False(t, lost)

	l.waiting = nil
	require.False(t, l.reconnect(), "nothing has come")
}
