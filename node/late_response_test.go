package node_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// The response to a life that lost power before it had logged the machine is late, and
// not malformed.
func TestResponsesToAnEarlierLifeAreNotMalformed(t *testing.T) {
	w := newWorld(3, nil)
	h := w.hosts[1]
	ballot := node.Ballot{Epoch: 1, Round: 9, Node: 1, Boot: 1}
	for _, m := range []node.Message{
		&node.Acknowledgment{Phase: node.Prepare, Key: "lifecycle/lost", Ballot: ballot},
		&node.Reject{Phase: node.Prepare, Key: "lifecycle/lost", Ballot: ballot, Reason: node.StaleBallot, Promised: ballot},
	} {
		w.deliver(packet{2, 1, m})
	}
	require.Zero(t, h.node.Counters().Discarded)
	w.deliver(packet{2, 1, &node.Acknowledgment{Phase: node.Prepare, Key: "unheard-of/lost", Ballot: ballot}})
	require.EqualValues(t, 1, h.node.Counters().Discarded)
}
