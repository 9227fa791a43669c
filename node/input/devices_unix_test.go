//go:build unix

package input_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/stretchr/testify/require"
)

func TestPipesAndDevicesAreRefusedAtOnce(t *testing.T) {
	at := t.TempDir()
	pipe, link := filepath.Join(at, "pipe"), filepath.Join(at, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", link))
	for _, name := range []string{pipe, link, "/dev/zero"} {
		err := readInTime(t, name)
		require.ErrorIs(t, err, input.ErrNotRegular)
		require.ErrorContains(t, err, name+": not a regular file: a pipe or device may never end")
	}
}

// readInTime reads a file, and fails if that waits for something.
func readInTime(t *testing.T, name string) error {
	read := make(chan error, 1)
	go func() {
		_, err := input.ReadFile(name, 1<<20)
		read <- err
	}()
	select {
	case err := <-read:
		return err
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: it is read until its end", name)
		return nil
	}
}
