package wal_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

const segment2, segment3 = "wal-0000000000000002", "wal-0000000000000003"

// twoSegments is a log as a version that begins new segments would leave it.
func twoSegments(t *testing.T) (first, second []byte) {
	first = written(t, [][]string{{"a"}, {"b"}})
	base := uint64(len(first))
	second = forgeHeader(header{1, identity, 2, base})
	second = forgeRecord(second, identity, base, 0, 2, "c")
	return first, forgeRecord(second, identity, base, 14, 2, "d")
}

func diskOf(segments map[string][]byte) *disk {
	d := newDisk(512)
	for name, data := range segments {
		d.put(name, data)
	}
	return d
}

func TestSegmentsAreReadInOrderAndTheLastIsContinued(t *testing.T) {
	first, second := twoSegments(t)
	for _, c := range []struct {
		second []byte
		want   []string
	}{
		{second, []string{"a", "b", "c", "d"}},
		{second[:len(second)-1], []string{"a", "b", "c"}},
		{second[:64], []string{"a", "b"}},
	} {
		d := diskOf(map[string][]byte{segment1: first, segment2: c.second})
		log, was := start(t, d)
		require.Equal(t, c.want, texts(was.Entries))
		require.EqualValues(t, 2, was.Boot)
		log.Append([]byte("e"))
		run(log, d)
		require.Equal(t, first, d.durable[segment1])
		require.EqualValues(t, len(first)+len(d.durable[segment2]), log.Durable())
		_, was = start(t, d)
		require.Equal(t, append(c.want, "e"), texts(was.Entries))
	}
}

func TestSegmentsThatDoNotFollowAreRefused(t *testing.T) {
	first, second := twoSegments(t)
	base := uint64(len(first))
	other := identity
	other.Incarnation[0]++
	bad := bytes.Clone(first)
	bad[len(bad)-1]++
	for _, c := range []struct {
		name     string
		segments map[string][]byte
		want     error
		words    string
	}{
		{"first missing", map[string][]byte{segment2: second}, wal.ErrMissing, segment1 + ": a segment of the log is missing: put the file back"},
		{"middle missing", map[string][]byte{segment1: first, segment3: second}, wal.ErrMissing, segment2},
		{"first torn", map[string][]byte{segment1: bad, segment2: second}, wal.ErrDamaged, "another segment follows"},
		{"first shorter", map[string][]byte{segment1: first[:len(first)-14], segment2: second}, wal.ErrDamaged, segment2},
		{"first a header only", map[string][]byte{segment1: first[:64], segment2: second}, wal.ErrDamaged, segment2},
		{"first empty", map[string][]byte{segment1: nil, segment2: second}, wal.ErrDamaged, "the header does not check"},
		{"second empty", map[string][]byte{segment1: first, segment2: nil}, wal.ErrDamaged, segment2},
		{"second of another incarnation", map[string][]byte{segment1: first, segment2: forgeHeader(header{1, other, 2, base})}, wal.ErrDamaged, segment2},
		{"second is a copy of the first", map[string][]byte{segment1: first, segment2: first}, wal.ErrDamaged, segment2},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := wal.Recover(diskOf(c.segments), identity)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.words)
		})
	}
}
