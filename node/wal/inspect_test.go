package wal_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// inspected returns the inspection of some files and the entries found.
func inspected(t *testing.T, files map[string][]byte) (*wal.Inspection, []string) {
	t.Helper()
	var entries []string
	d := diskOf(files)
	before := d.state()
	x, err := wal.Inspect(d, func(payload []byte, _ wal.LSN) { entries = append(entries, string(payload)) })
	require.NoError(t, err)
	require.Equal(t, before, d.state())
	return x, entries
}

// The inspection of a sound log, and of the log with each kind of damage.
func TestInspectReadsWhatRecoveryRefuses(t *testing.T) {
	sound := logWithMark(t)
	spans := spansOf(used(sound[segment1]))
	x, entries := inspected(t, sound)
	require.NoError(t, x.Refused)
	require.Equal(t, []string{"a", "b", "c"}, entries)
	require.Equal(t, identity, x.Identity)
	require.EqualValues(t, 1, x.Boots)
	require.EqualValues(t, spans[4].end-headerSize, x.End)
	require.Contains(t, x.Marks, wal.HighWaterMark{Incarnation: identity.Incarnation, At: x.End})
	require.Equal(t, 5, x.Segments[0].Records)
	require.Equal(t, 4096, x.Segments[0].Size)
	require.EqualValues(t, 4096, x.Segments[0].Made)
	require.True(t, x.Segments[0].Needed)

	changed := func(name string, change func([]byte) []byte) map[string][]byte {
		files := maps.Clone(sound)
		if files[name] = change(bytes.Clone(files[name])); files[name] == nil {
			delete(files, name)
		}
		return files
	}
	x, entries = inspected(t, changed(segment1, func(b []byte) []byte { b[spans[3].start+4] ^= 1; return b }))
	require.ErrorIs(t, x.Refused, wal.ErrDamaged)
	require.Equal(t, []string{"a", "c"}, entries, "what is behind the damage is found")
	require.Equal(t, []wal.Damage{{From: spans[3].start, To: spans[4].start}}, x.Segments[0].Damages)

	x, entries = inspected(t, changed(segment1, func(b []byte) []byte { return b[:spans[4].start] }))
	require.ErrorIs(t, x.Refused, wal.ErrDamaged)
	require.Equal(t, []string{"a", "b"}, entries)

	x, entries = inspected(t, changed(segment1, func(b []byte) []byte { b[20] ^= 1; return b }))
	require.ErrorIs(t, x.Refused, wal.ErrDamaged)
	require.Empty(t, entries)
	require.False(t, x.Segments[0].HasHeader)
	require.Zero(t, x.Version)

	x, entries = inspected(t, changed(marksFile, func([]byte) []byte { return nil }))
	require.ErrorIs(t, x.Refused, wal.ErrMissing)
	require.Len(t, entries, 3)
	require.False(t, x.HasMarkFile)

	x, _ = inspected(t, changed(segment1, func([]byte) []byte { return nil }))
	require.ErrorIs(t, x.Refused, wal.ErrMissing)
	require.NotEmpty(t, x.Marks)

	_, err := wal.Inspect(newDisk(512), nil)
	require.ErrorIs(t, err, wal.ErrMissing)
}

// Inspect handles any content of the files.
func TestInspectTakesAnything(t *testing.T) {
	for _, r := range damageCases(t)[:20] {
		for name, data := range r.files {
			for _, length := range []int{0, 10, 60, 108, 120, len(data) / 2, len(data)} {
				bad := bytes.Clone(data[:min(length, len(data))])
				for at := 7; at < len(bad); at += 13 {
					bad[at] ^= 0x55
				}
				x, _ := inspected(t, r.with(name, bad))
				require.NotEmpty(t, x.Segments)
			}
		}
	}
}
