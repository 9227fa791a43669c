package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The command is built in seconds from nothing. A message server in it would take minutes,
// for everyone without a fleet.
func TestTheCommandHasNoFleetInIt(t *testing.T) {
	deps := func(pkg string) string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		return string(out)
	}
	const server = "github.com/nats-io/"
	require.Contains(t, deps("../lockstep-fleet"), server)
	for _, pkg := range []string{".", "../../scenarios/harness", "../../scenarios/fleet"} {
		require.NotContains(t, deps(pkg), server, pkg)
	}
}
