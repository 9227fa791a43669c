package input_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/stretchr/testify/require"
)

func TestAFileIsReadUpToTheLimit(t *testing.T) {
	name := filepath.Join(t.TempDir(), "plan")
	require.NoError(t, os.WriteFile(name, []byte("12345"), 0o600))
	data, err := input.ReadFile(name, 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(data))
	_, err = input.ReadFile(name, 4)
	require.ErrorIs(t, err, input.ErrTooLarge)
	require.ErrorContains(t, err, name+": too large: it has more than 4 bytes")
}

// A sparse file takes no room on the disk, and would take all memory.
func TestALargeFileIsNotRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "plan")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, os.Truncate(name, 1<<42))
	_, err := input.ReadFile(name, 1<<20)
	require.ErrorIs(t, err, input.ErrTooLarge)
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	_, err := input.ReadFile(t.TempDir(), 1<<20)
	require.ErrorIs(t, err, input.ErrNotRegular)
	require.ErrorContains(t, err, "a directory: name a file in it")
	_, err = input.ReadFile(filepath.Join(t.TempDir(), "none"), 1<<20)
	require.ErrorIs(t, err, os.ErrNotExist)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestStandardInputIsReadUpToTheLimit(t *testing.T) {
	data, err := input.ReadAll("-", strings.NewReader("12345"), 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(data))
	_, err = input.ReadAll("-", endless{}, 1<<20)
	require.ErrorIs(t, err, input.ErrTooLarge)
}
