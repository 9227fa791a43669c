package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// What a node uses grows with work and falls to nothing when there is none.
func TestUse(t *testing.T) {
	w := newWorld(3, func(cfg *node.Config) { cfg.Queue = 2 })
	n := w.hosts[1].node
	before := n.Use()
	for _, id := range []node.OpID{"c1.1", "c2.1", "c3.1", "c4.1"} { // one in the round's prepare phase is queued, too
		w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: id, Attempt: 1, To: "Running"})
	}
	require.Equal(t, node.Waiting{Queue: 2}, n.Waiting(key))
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c5.1", Attempt: 1})
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c6.1", Attempt: 1})
	require.Equal(t, node.Waiting{Queue: 2, ReadQueue: 1, Reads: 1}, n.Waiting(key))
	w.deliverAll()
	require.Zero(t, n.Waiting(key))
	u := n.Use()
	require.Greater(t, u.Appended, before.Appended)
	require.Positive(t, u.Live)
	require.Zero(t, u.Backlog)
	require.Equal(t, 3, u.LogFiles) // two segments and the high-water mark
}

// HasRoom agrees with the replies: an operation is refused as overloaded if there is no
// room for it.
func TestHasRoom(t *testing.T) {
	w := newWorld(3, func(cfg *node.Config) { cfg.Queue = 2 })
	n := w.hosts[1].node
	refused := func() bool {
		return len(w.replies) > 0 && w.replies[len(w.replies)-1].Reason == node.Overloaded
	}
	for _, machine := range []string{key, "lamp/hall"} { // nobody has created lamp
		for _, kind := range []node.Kind{node.Propose, node.Read} {
			for i := range 5 {
				room := n.HasRoom(kind, machine)
				w.replies = nil
				w.request(1, &node.Request{Kind: kind, Key: machine, ID: node.OpID(fmt.Sprintf("c%d.%d", kind, i)), Attempt: 1, To: "Running"})
				if kind == node.Propose || refused() { // a read may later need a round, and room in its queue
					require.Equal(t, room, !refused(), "%v %s %d", kind, machine, i)
				}
			}
		}
	}
	require.False(t, n.HasRoom(node.Read, "lamp/hall"))
	require.Equal(t, node.Waiting{Definition: 2}, n.Waiting("lamp/hall"))
	require.False(t, n.Knows("lamp/hall"))
	require.True(t, n.Knows(key))
}

// A machine that was only read, and that does not exist, leaves nothing.
func TestReadsLeaveNothing(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c1.1", Attempt: 1})
	require.NotEmpty(t, w.hosts[1].node.LeftOver(), "it is being read")
	w.deliverAll()
	w.tick(time.Second)
	for _, h := range w.hosts[1:] {
		require.Empty(t, h.node.LeftOver())
		require.Zero(t, h.node.MachineCount())
	}
}
