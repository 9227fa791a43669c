package op_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const key = "lifecycle/a"

// The form of an id gives its name, its watermark and whether it is for one attempt.
func TestFormsOfIDs(t *testing.T) {
	stamped := op.Stamp(key, 17, "k7")
	require.Regexp(t, `^17@[A-Za-z0-9_-]{4}k7$`, string(stamped))
	for _, c := range []struct {
		id   op.ID
		name string
		base uint64
		once bool
	}{
		{stamped, "k7", 17, false},
		{op.Stamp(key, 0, "k7"), "k7", 0, false},
		{op.Stamp(key, 1<<62, strings.Repeat("x", op.MaxName)), strings.Repeat("x", op.MaxName), 1 << 62, false},
		{op.Stamp(key, 1, "-k7"), "-k7", 1, false},
		{op.Once("k7"), "k7", 0, true},
		{"pay-1", "pay-1", 0, false},
		{"17", "17", 0, false},
		{"@k7", "@k7", 0, false},
		{"a17@abcdk7", "a17@abcdk7", 0, false},
		{"-", "-", 0, false},
	} {
		base, err := c.id.Watermark(key)
		require.NoError(t, err, c.id)
		require.Equal(t, c.base, base, c.id)
		require.Equal(t, c.name, c.id.Name(), c.id)
		require.Equal(t, c.once, c.id.IsOnce(), c.id)
	}
}

// A stamped id is valid for one machine, with its own watermark and name only. Ids
// that merely resemble one are invalid.
func TestIDsThatNoNodeTakes(t *testing.T) {
	stamped := string(op.Stamp(key, 17, "k7"))
	for _, id := range []string{
		"", strings.Repeat("x", op.MaxID+1), "\xff",
		"18" + stamped[2:], "017" + stamped[2:], stamped + "7", stamped[:7], "17@", "17@k7",
		"99999999999999999999" + stamped[2:],
		string(op.Stamp("lifecycle/b", 17, "k7")),
	} {
		_, err := op.ID(id).Watermark(key)
		require.ErrorIs(t, err, op.ErrID, id)
	}
}

func TestStampsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Uint64Max(1<<62).Draw(t, "watermark")
		name := rapid.StringMatching(`[A-Za-z0-9._-]{1,40}`).Draw(t, "name")
		machine := rapid.SampledFrom([]string{key, "lifecycle/b", "door/a"}).Draw(t, "machine")
		id := op.Stamp(machine, base, name)
		require.LessOrEqual(t, len(id), op.MaxID)
		require.Equal(t, name, id.Name())
		got, err := id.Watermark(machine)
		require.NoError(t, err)
		require.Equal(t, base, got)
	})
}
