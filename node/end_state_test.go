package node_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// In a state that no transition leaves every retry is rejected for good, however many
// there were: no abort tombstones fill the window, which nothing would push out.
func TestRetriesInAnEndState(t *testing.T) {
	w := newWorld(3, nil)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.1", "definition/lamp", text(t, lamp())).Outcome)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.2", "lamp/hall", "on").Outcome)
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.3", "lamp/hall", "broken").Outcome)
	for i := range 20 {
		w.replies = nil
		w.request(1, &node.Request{Kind: node.Propose, Key: "lamp/hall", ID: node.OpID(fmt.Sprintf("c2.%d", i)), Attempt: 2, Retry: true, To: "on"})
		w.deliverAll()
		require.Len(t, w.replies, 1)
		require.Equal(t, node.Rejected, w.replies[0].Outcome, i)
		require.True(t, w.replies[0].Final)
	}
	require.Equal(t, node.Committed, w.ask(t, 1, "c1.4", "lamp/hall", "(retired)").Outcome)
}
