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
		Node: node.Defaults(), Codec: "binary", Data: t.TempDir(), Peers: map[node.ID]string{1: "127.0.0.1:0"}, HTTP: taken.Addr().String(),
	}}
	s.cfg.Node.ID = 1
	require.ErrorContains(t, s.start(), "listen for clients")
	require.Nil(t, s.transport)
	s.loop.stop(nil)
	s.release()
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
