package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Every name that a machine may have is one that clients reach, also names that paths have
// a meaning for.
func TestMachinesOfAllNames(t *testing.T) {
	c := startCluster(t, 1)
	cl, err := client.New(client.Config{Endpoints: []string{c.nodes[1].HTTPAddr().String()}})
	require.NoError(t, err)
	defer cl.Close()
	for _, key := range []string{"lifecycle/.", "lifecycle/..", "lifecycle/...", "lifecycle/-", "lifecycle/transitions", "lifecycle/.a."} {
		r, err := cl.Propose(t.Context(), key, "Running")
		require.NoError(t, err)
		require.Equal(t, op.Committed, r.Outcome, "%s: %s", key, r.Text)
		r, err = cl.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, "Running", r.State, key)
		r, err = cl.GetLocal(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, "Running", r.State, key)
	}
}
