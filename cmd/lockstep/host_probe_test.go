package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProbeHost(t *testing.T) {
	dir := t.TempDir()
	h, err := probeHost(dir)
	require.NoError(t, err)
	require.Positive(t, h.Sync)
	require.Positive(t, h.RoundTrip)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	h, err = probeHost("")
	require.NoError(t, err)
	require.Zero(t, h.Sync, "no directory was named")
	_, err = probeHost(dir + "/missing")
	require.ErrorContains(t, err, "--probe: ")
}
