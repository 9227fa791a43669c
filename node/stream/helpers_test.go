package stream_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

var hello = stream.Hello{Node: 2, Boot: 7, Operations: 3, Watches: 2}

func proposal(id op.ID) *op.Request {
	return &op.Request{Kind: op.Propose, Key: "lifecycle/a", ID: id, Attempt: 2, To: "Running", Watermark: 4, Retry: true, Expects: true, Expect: 300}
}

func committed(q *op.Request) *op.Reply {
	return &op.Reply{Kind: q.Kind, Key: q.Key, ID: q.ID, Attempt: q.Attempt, Outcome: op.Committed, State: "Running", Version: 5, Serial: 6}
}

// changes has an event of each type.
func changes() []watch.Event {
	return []watch.Event{
		{State: &watch.Machine{Key: "lifecycle/a", State: "Init", Version: 1, Serial: 2}},
		{Transition: &watch.Transition{Key: "lifecycle/a", Version: 2, From: "Init", To: "Running", Operation: "0@x3_kname"}},
		{Gap: &watch.Gap{Key: "lifecycle/b", From: 1, To: 9}},
		{Behind: &watch.Behind{Key: "lifecycle/c", Version: 1, From: 1 << 40}},
	}
}

// pair returns two ends that have greeted each other.
func pair(t require.TestingT, h stream.Hello) (*stream.Client, *stream.Server) {
	c, s := stream.NewClient(), stream.NewServer(h)
	require.Empty(t, toServer(t, c, s))
	events := toClient(t, c, s)
	require.Equal(t, []stream.ClientEvent{{Kind: stream.Greeted, Hello: h}}, events)
	return c, s
}

func toServer(t require.TestingT, c *stream.Client, s *stream.Server) []stream.ServerEvent {
	events, err := s.Receive(c.Take(nil))
	require.NoError(t, err)
	return append([]stream.ServerEvent(nil), events...)
}

func toClient(t require.TestingT, c *stream.Client, s *stream.Server) []stream.ClientEvent {
	events, err := c.Receive(s.Take(nil))
	require.NoError(t, err)
	return append([]stream.ClientEvent(nil), events...)
}

func id(t testing.TB) func(uint64, error) uint64 {
	return func(id uint64, err error) uint64 {
		require.NoError(t, err)
		return id
	}
}
