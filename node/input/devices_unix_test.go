//go:build unix

package input_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/stretchr/testify/require"
)

func TestPipesAndDevicesAreRefusedAtOnce(t *testing.T) {
	at := t.TempDir()
	pipe, link := filepath.Join(at, "pipe"), filepath.Join(at, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", link))
	for _, name := range []string{pipe, link, "/dev/zero"} {
		_, err := input.ReadFile(name, 1<<20)
		require.ErrorIs(t, err, input.ErrNotRegular)
		require.ErrorContains(t, err, name+": not a regular file: a pipe or device may never end")
	}
}
