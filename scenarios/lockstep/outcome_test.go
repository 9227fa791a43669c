package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// Each outcome of a node has its own in a run, under the same name. The names of
// node.Outcome end with the last one, so a new outcome fails here until it has one.
func TestOutcomesOfRuns(t *testing.T) {
	for o := node.Committed; o <= node.Unknown; o++ {
		require.EqualValues(t, o.String(), outcomeOf(o))
	}
	require.Panics(t, func() { _ = (node.Unknown + 1).String() }, "a new outcome: let outcomeOf know it")
	require.Panics(t, func() { outcomeOf(0) })
	require.Panics(t, func() { outcomeOf(node.Unknown + 1) })
}
