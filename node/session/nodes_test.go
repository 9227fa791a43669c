package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
)

// triedNodes tries an operation until its deadline, without a reply, and returns the nodes
// that it was sent to.
func (c *call) triedNodes() map[op.NodeID]bool {
	tried := map[op.NodeID]bool{}
	for !c.last.Done {
		c.now = c.wakeAt
		c.take(c.call.Tick(c.now))
	}
	for _, a := range c.sent {
		tried[a.To] = true
	}
	return tried
}

// After the nodes were replaced, operations and queries go to the new ones alone; a call
// that is under way keeps the nodes that it began with.
func TestNodesAreReplaced(t *testing.T) {
	s := newSession(t)
	before := beginCall(t, s, propose())
	require.NoError(t, s.SetNodes([]op.NodeID{3, 4}))
	require.Equal(t, map[op.NodeID]bool{1: true, 2: true, 3: true}, before.triedNodes())

	after := beginCall(t, s, read())
	require.Equal(t, map[op.NodeID]bool{3: true, 4: true}, after.triedNodes())
	q, a := s.Query(time.Second)
	asked := map[op.NodeID]bool{}
	for now := time.Second; !a.Done; a = q.Tick(now) {
		if a.To != 0 {
			asked[a.To] = true
		}
		now += a.Wake
	}
	require.Equal(t, map[op.NodeID]bool{3: true, 4: true}, asked)
}

// A session without nodes could do nothing: it keeps those that it has.
func TestNodesAreNotReplacedByNone(t *testing.T) {
	s := newSession(t)
	require.ErrorIs(t, s.SetNodes(nil), session.ErrConfig)
	require.Len(t, beginCall(t, s, read()).triedNodes(), 3)
}

// The list of nodes is copied: the caller's may change.
func TestNodesAreTheSessionsOwn(t *testing.T) {
	s, nodes := newSession(t), []op.NodeID{4, 5}
	require.NoError(t, s.SetNodes(nodes))
	nodes[0] = 9
	require.Equal(t, map[op.NodeID]bool{4: true, 5: true}, beginCall(t, s, read()).triedNodes())
}
