package server

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

// The transport starts last. The loop has to run to accept messages of peers, so
// nothing that can fail may be left to do by then.
func TestTransportStartsLast(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	s := &Server{log: slog.New(slog.DiscardHandler), cfg: Config{
		Node: node.Defaults(), Cluster: "test", Codec: "binary", Data: t.TempDir(), Peers: map[node.ID]string{1: "127.0.0.1:0"}, HTTP: taken.Addr().String(),
	}}
	s.cfg.Node.ID = 1
	require.ErrorContains(t, s.start(), "listen for clients")
	require.Nil(t, s.transport)
	s.release()
	require.False(t, hasLog(s.cfg.Data))
}

// A loop that is stopped blocks no caller, whether it has ever run or not.
func TestEndedLoopDoesNotBlock(t *testing.T) {
	cfg := node.Defaults()
	cfg.ID, cfg.Members = 1, []node.ID{1}
	m, err := member.New(member.Config{Node: cfg})
	require.NoError(t, err)
	x, err := service.New(m, service.Config{Pending: 1, Watchers: 1, Changes: 1, Page: 1, ReadyTimeout: time.Second})
	require.NoError(t, err)
	l := newLoop(x, nil)
	for range inboxSize {
		require.True(t, l.post(clientEvent{}))
	}
	held := make(chan bool)
	go func() { held <- l.post(clientEvent{}) }()
	l.stop(nil)
	require.False(t, <-held)
}

// A response that the loop has given in its last step is taken, though the loop has ended
// meanwhile: it may say that an outcome is unknown. That the loop has not taken the request
// would be a lie.
func TestLastResponseIsTaken(t *testing.T) {
	for range 50 { // the runtime chooses among channels that are ready
		l := &loop{done: make(chan struct{})}
		responses := make(chan response, 2)
		responses <- response{reply: service.Reply{Reply: &node.Reply{Outcome: node.Unknown}}}
		close(l.done)
		got, err := l.await(1, responses, nil)
		require.NoError(t, err)
		require.Equal(t, node.Unknown, got.reply.Reply.Outcome)
		_, err = l.await(2, make(chan response), nil)
		require.ErrorIs(t, err, service.ErrStopping)
	}
}

// A stream keeps the responses of each step until its writer takes them, in their order.
func TestStreamKeepsResponses(t *testing.T) {
	c := &streamConn{wake: make(chan struct{}, 1)}
	for step := range 4 {
		require.True(t, c.gather(uint64(10*step), response{}))
		require.False(t, c.gather(uint64(10*step+1), response{}))
		c.deliver()
	}
	require.Len(t, c.wake, 1)
	var ids []uint64
	for _, r := range c.delivered {
		ids = append(ids, r.id)
	}
	require.Equal(t, []uint64{0, 1, 10, 11, 20, 21, 30, 31}, ids)
}
