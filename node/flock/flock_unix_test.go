//go:build linux || darwin || freebsd

package flock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-dst/lockstep/node/flock"
	"github.com/stretchr/testify/require"
)

func TestTake(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	for range 2 {
		first, err := os.Create(name)
		require.NoError(t, err)
		taken, err := flock.Take(first)
		require.NoError(t, err)
		require.True(t, taken)
		second, err := os.Open(name)
		require.NoError(t, err)
		taken, err = flock.Take(second)
		require.NoError(t, err)
		require.False(t, taken)
		require.NoError(t, second.Close())
		require.NoError(t, first.Close())
	}
}
