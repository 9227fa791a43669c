package disk

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy can be read like a disk.
func TestACopyIsRead(t *testing.T) {
	var d Device
	ask(&d, write("b", 0, "two"), write("a", 0, "one"), sync("a"), sync("b"), syncDir)
	finish(&d)
	copied := d.Copy()
	names, err := copied.List()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names)
	data, err := copied.Read("b")
	require.NoError(t, err)
	require.Equal(t, "two", string(data))
	_, err = copied.Read("c")
	require.ErrorIs(t, err, ErrNoFile)
}
