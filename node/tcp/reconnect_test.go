package tcp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

func TestReconnectsAfterARestart(t *testing.T) {
	members := cluster(t, 2)
	one, two := members[0], members[1]
	for n := range 3 {
		eventually(t, "up", func() bool { return one.peer(2).Up && one.peer(2).Incoming })
		require.True(t, one.Send(2, numbered(n)))
		eventually(t, "delivery", func() bool { return len(two.from(1)) > 0 })
		require.Equal(t, n, numberOf(two.from(1)[0]))
		require.NoError(t, two.Close())
		eventually(t, "down", func() bool { return !one.peer(2).Up && !one.peer(2).Incoming })
		require.NotEmpty(t, one.peer(2).LastError)
		two = start(t, listen(t, two.address), 2, map[node.ID]string{1: one.address})
	}
	eventually(t, "up", func() bool { return one.peer(2).Up })
	require.EqualValues(t, 4, one.peer(2).Connects)
	require.GreaterOrEqual(t, one.peer(2).Failures, uint64(3))
}

// Messages wait for a peer that is not up yet, as far as the queue has room.
func TestQueueIsBounded(t *testing.T) {
	requireNoGoroutines(t)
	l := listen(t, "127.0.0.1:0")
	address := l.Addr().String()
	require.NoError(t, l.Close())
	one := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: address}, func(c *tcp.Config) { c.Queue = 10 })
	for n := range 25 {
		require.Equal(t, n < 10, one.Send(2, numbered(n)))
	}
	s := one.peer(2)
	require.Equal(t, 10, s.Waiting)
	require.EqualValues(t, 10, s.Queued)
	require.EqualValues(t, 15, s.Dropped)
	require.False(t, s.Up)
	two := start(t, listen(t, address), 2, map[node.ID]string{1: one.address})
	eventually(t, "delivery", func() bool { return len(two.from(1)) == 10 })
}
