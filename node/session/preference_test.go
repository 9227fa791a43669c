package session_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/stretchr/testify/require"
)

var five = []op.NodeID{1, 2, 3, 4, 5}

func machines(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("lifecycle/web-%d", i))
	}
	return keys
}

// All clients compute the same home, in whatever order they know the nodes.
func TestPreferenceListIgnoresOrderOfNodes(t *testing.T) {
	other := []op.NodeID{4, 2, 5, 1, 3}
	for _, key := range machines(100) {
		require.Equal(t, session.PreferenceList(key, five), session.PreferenceList(key, other))
		require.ElementsMatch(t, five, session.PreferenceList(key, five))
	}
	require.Equal(t, []op.NodeID{4, 2, 5, 1, 3}, other, "the caller's list is the caller's")
}

// When a node is removed, only its machines move, each to its second node.
func TestRemovingANodeMovesOnlyItsMachines(t *testing.T) {
	for _, gone := range five {
		rest := slices.DeleteFunc(slices.Clone(five), func(id op.NodeID) bool { return id == gone })
		for _, key := range machines(200) {
			before, after := session.PreferenceList(key, five), session.PreferenceList(key, rest)
			if before[0] == gone {
				require.Equal(t, before[1], after[0])
			} else {
				require.Equal(t, before[0], after[0])
			}
		}
	}
}

// Machines are spread evenly: of 1000, each of five nodes is home to 200, within
// four standard deviations.
func TestPreferenceListsAreBalanced(t *testing.T) {
	count := map[op.NodeID]int{}
	for _, key := range machines(1000) {
		count[session.PreferenceList(key, five)[0]]++
	}
	for _, id := range five {
		require.InDelta(t, 200, count[id], 51, "node %d", id)
	}
}

// A call tries the home first, or the node that the operation names, then the
// other nodes in order, and begins again.
func TestFailoverOrder(t *testing.T) {
	order := session.PreferenceList(key, config().Nodes)
	for name, want := range map[op.NodeID][]op.NodeID{
		0:        order,
		order[0]: order,
		order[1]: {order[1], order[0], order[2]},
		order[2]: {order[2], order[0], order[1]},
		77:       order, // not a node that the session knows
	} {
		o := propose()
		o.Node = name
		c := beginCall(t, newSession(t), o)
		c.wait(deadline - 1)
		for i, a := range c.sent {
			require.Equal(t, want[i%3], a.To, "attempt %d, asked for node %d", i+1, name)
		}
		require.Len(t, c.sent, 7)
	}
}
