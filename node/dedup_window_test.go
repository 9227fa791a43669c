package node_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// The length of a value's own window counts, not a node's configured one: members
// may be configured differently, as during a change.
func TestDedupWindowsOfDifferentLengths(t *testing.T) {
	w := newWorld(3, func(c *node.Config) {
		if c.ID == 1 {
			c.DedupWindow, c.Batch = 4, 4
		}
	})
	states := []string{"Running", "Stopped", "Init"}
	ask := func(id int, r *node.Request) *node.Reply {
		w.replies = nil
		r.Kind, r.Key = node.Propose, key
		w.request(id, r)
		for n := 0; len(w.replies) == 0; n++ {
			require.Less(t, n, 20)
			w.deliverAll()
			w.tick(config(1, 3).ResendTimeout)
		}
		return w.replies[0]
	}
	own := func() *node.Request { return &node.Request{ID: "c1.1", To: "Running", Retry: true} }
	require.Equal(t, node.Committed, ask(1, own()).Outcome)
	for i := 1; i < 6; i++ {
		require.Equal(t, node.Committed, ask(1, &node.Request{ID: node.Once(fmt.Sprint("c2.", i)), To: states[i%3]}).Outcome)
	}
	for id := 1; id <= 3; id++ { // two of them keep 16, but get a value with 4
		r := ask(id, own())
		require.Equal(t, node.Unknown, r.Outcome, "node %d", id)
		require.Equal(t, node.WindowExpired, r.Reason, "node %d", id)
	}
	// Where the window may grow it does, and node 1 cuts it down again.
	for i := 6; i < 12; i++ {
		require.Equal(t, node.Committed, ask(2, &node.Request{ID: node.Once(fmt.Sprint("c2.", i)), To: states[i%3]}).Outcome)
	}
	require.Len(t, w.hosts[2].node.Inspect(key).Value.Window, 10)
	stamped := func() *node.Request { return &node.Request{ID: node.Stamp(key, 7, "c3.1"), To: states[0], Retry: true} }
	require.Equal(t, node.Committed, ask(1, stamped()).Outcome)
	require.Len(t, w.hosts[1].node.Inspect(key).Value.Window, 4)
	require.Equal(t, uint64(13), ask(3, stamped()).Serial, "it is told what it came to")
	require.Equal(t, uint64(13), w.hosts[3].node.Inspect(key).Value.Serial)
}
