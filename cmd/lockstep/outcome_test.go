package main

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// Each outcome of a node has its own in a history, under the same name. The names of
// node.Outcome end with the last one, so a new outcome fails here until it has one.
func TestOutcomesOfHistories(t *testing.T) {
	for o := node.Committed; o <= node.Unknown; o++ {
		require.EqualValues(t, o.String(), outcomeInHistory(o))
	}
	require.Panics(t, func() { _ = (node.Unknown + 1).String() }, "a new outcome: let outcomeInHistory know it")
	require.Panics(t, func() { outcomeInHistory(0) })
	require.Panics(t, func() { outcomeInHistory(node.Unknown + 1) })
}
