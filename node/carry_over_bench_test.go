package node_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// One operation is the begin of an epoch at a node with a million machines. Each is joint
// with the one before.
func BenchmarkReconfigure(b *testing.B) {
	const machines = 1_000_000
	n, _, d := bootAlone(b)
	for m := range machines {
		key := fmt.Sprintf("lifecycle/m%d", m)
		require.NoError(b, drive(n, d, node.Event{Kind: node.Receive, From: 101, Message: &node.Request{
			Kind: node.Propose, Key: key, ID: node.Stamp(key, 0, fmt.Sprintf("c1.%d", m)), To: "Running",
		}}))
	}
	epoch := uint32(1)
	for b.Loop() {
		epoch++
		_, err := n.StepAll(0, nil)
		require.NoError(b, err)
		require.NoError(b, n.Reconfigure([]node.ID{1, 2}, node.Membership{Epoch: epoch, Voters: []node.ID{1}, Next: []node.ID{1, 2}}))
	}
}
