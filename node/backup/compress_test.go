package backup_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/stretchr/testify/require"
)

// compressed returns a file as Create writes it under a name that ends with .zst.
func compressed(t testing.TB, list []machine) []byte {
	path := filepath.Join(t.TempDir(), "monday.backup"+backup.CompressedExtension)
	f, err := backup.Create(path, header())
	require.NoError(t, err)
	for _, m := range list {
		require.NoError(t, f.Add(m.key, m.value))
	}
	_, err = f.Commit()
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// The digest is of the content: it does not depend on the form.
func TestCompressedBackupIsTheSame(t *testing.T) {
	plain, small := write(t, machines(t)), compressed(t, machines(t))
	d, err := zstd.NewReader(bytes.NewReader(small))
	require.NoError(t, err)
	defer d.Close()
	content, err := io.ReadAll(d)
	require.NoError(t, err)
	require.Equal(t, plain, content)
	_, want, err := backup.Check(bytes.NewReader(plain))
	require.NoError(t, err)
	_, got, err := backup.Check(iotest.OneByteReader(bytes.NewReader(small)))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// A compressed file that was changed in any byte is refused, or has the same content: zstd
// has bytes that mean nothing. One that is cut anywhere is refused, and one with more
// content behind its end.
func TestDamageOfACompressedBackupIsFound(t *testing.T) {
	good := compressed(t, machines(t))
	_, want, err := backup.Check(bytes.NewReader(good))
	require.NoError(t, err)
	for i := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			if _, got, err := backup.Check(bytes.NewReader(bad)); err == nil {
				require.Equal(t, want, got, "byte %d", i)
			} else if i >= 4 {
				require.True(t, errors.Is(err, backup.ErrDamaged) || errors.Is(err, backup.ErrFormat), "byte %d: %v", i, err)
			}
		}
		_, _, err := backup.Check(bytes.NewReader(good[:i]))
		require.Error(t, err, "cut to %d bytes", i)
		if i >= 4 { // it begins as a compressed file
			require.ErrorIs(t, err, backup.ErrDamaged, "cut to %d bytes", i)
		}
	}
	for _, more := range [][]byte{[]byte("more"), good} {
		_, _, err := backup.Check(bytes.NewReader(append(bytes.Clone(good), more...)))
		require.ErrorIs(t, err, backup.ErrDamaged)
	}
}

// A file cannot have a reader take more memory than zstd itself asks for.
func TestCompressedBackupCannotAskForMuchMemory(t *testing.T) {
	huge := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 1, 0, 0} // a window of 256 MiB, and an empty last block
	_, _, err := backup.Check(bytes.NewReader(huge))
	require.ErrorIs(t, err, backup.ErrDamaged)
	require.ErrorContains(t, err, "window size")
}

// An error of the source is not damage.
func TestSourceOfACompressedBackupFails(t *testing.T) {
	good, failure := compressed(t, machines(t)), errors.New("input/output error")
	for i := range good {
		_, _, err := backup.Check(io.MultiReader(bytes.NewReader(good[:i]), iotest.ErrReader(failure)))
		require.ErrorIs(t, err, failure, "after %d bytes", i)
		require.NotErrorIs(t, err, backup.ErrDamaged)
	}
}
