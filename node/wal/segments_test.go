package wal_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

const segment2, segment3 = "wal-0000000000000002", "wal-0000000000000003"

// noMarks is a mark file with both marks at position zero.
var noMarks = forgeMark(identity, mark{}, mark{})

// twoSegments returns the files of a log that has rolled once, without the zeros at
// their ends.
func twoSegments(t *testing.T) (first, second []byte) {
	first = written(t, [][]string{{"a"}, {"b"}})
	base := uint64(len(first)) - headerSize
	first = forgeRecord(first, identity, 0, 0, 3, "")
	second = forgeHeader(header{4, identity, 2, base, 1, 1, 0, nil})
	second = forgeRecord(second, identity, base, 0, 2, "c")
	return first, forgeRecord(second, identity, base, 14, 2, "d")
}

func TestSegmentsAreReadInOrderAndTheLastIsContinued(t *testing.T) {
	first, second := twoSegments(t)
	for _, c := range []struct {
		second []byte
		want   []string
	}{
		{second, []string{"a", "b", "c", "d"}},
		{second[:len(second)-1], []string{"a", "b", "c"}},
		{second[:headerSize], []string{"a", "b"}},
	} {
		d := diskOf(map[string][]byte{segment1: first, segment2: c.second, marksFile: noMarks})
		log, was, entries := start(t, d, oneSegment)
		require.Equal(t, c.want, entries)
		require.EqualValues(t, 2, was.Boot)
		log.Append([]byte("e"))
		run(log, d)
		require.Equal(t, first, d.durable[segment1])
		require.Equal(t, log.End(), log.Durable())
		_, _, entries = start(t, d, oneSegment)
		require.Equal(t, append(c.want, "e"), entries)
	}
}

func TestTheNextSegmentIsDroppedAsLongAsThereIsNoSeal(t *testing.T) {
	first, second := twoSegments(t)
	first = first[:len(first)-13]
	for name, next := range map[string][]byte{
		"empty": nil, "zeros": make([]byte, 500), "torn header": append(bytes.Clone(second[:70]), make([]byte, 90)...),
		"header": second[:headerSize], "header and zeros": append(bytes.Clone(second[:headerSize]), make([]byte, 100)...),
	} {
		t.Run(name, func(t *testing.T) {
			d := diskOf(map[string][]byte{segment1: padded(first), segment2: next, marksFile: noMarks})
			log, _, entries := start(t, d, oneSegment)
			require.Equal(t, []string{"a", "b"}, entries)
			log.Append([]byte("e"))
			run(log, d)
			_, _, entries = start(t, d, manySegments)
			require.Equal(t, []string{"a", "b", "e"}, entries)
			_, _, entries = start(t, d, manySegments)
			require.Equal(t, []string{"a", "b", "e"}, entries)
		})
	}
}

func TestSegmentsThatDoNotFollowAreRefused(t *testing.T) {
	first, second := twoSegments(t)
	base := uint64(len(first)) - 13 - headerSize
	unsealed := padded(first[:len(first)-13])
	other := identity
	other.Incarnation[0]++
	bad := bytes.Clone(first)
	bad[len(bad)-1]++
	headless := bytes.Clone(second)
	headless[70]++
	mangled := bytes.Clone(second)
	mangled[90]++
	header2 := func(change func(*header)) []byte {
		h := header{4, identity, 2, base, 1, 1, 0, nil}
		change(&h)
		return forgeHeader(h)
	}
	for _, c := range []struct {
		name     string
		segments map[string][]byte
		want     error
		words    string
	}{
		{"first missing", map[string][]byte{segment2: second}, wal.ErrMissing, segment1 + " is not there, and " + segment2 + " needs all from 1 on: a file of the log is missing: if it was moved, put that very file back"},
		{"second missing", map[string][]byte{segment1: first}, wal.ErrMissing, segment2},
		{"second under the name of the third", map[string][]byte{segment1: first, segment3: second}, wal.ErrMissing, segment2},
		{"second missing, third unused", map[string][]byte{segment1: first, segment3: nil}, wal.ErrMissing, segment2},
		{"third missing", map[string][]byte{segment1: first, segment2: forgeRecord(second, identity, base, 0, 3, "")}, wal.ErrMissing, segment3},
		{"no boot, though a next was prepared", map[string][]byte{segment1: padded(first[:headerSize]), segment2: make([]byte, 100)}, wal.ErrDamaged, "no boot that checks"},
		{"no seal", map[string][]byte{segment1: unsealed, segment2: second}, wal.ErrDamaged, "another segment follows"},
		{"no seal and no header", map[string][]byte{segment1: unsealed, segment2: headless}, wal.ErrDamaged, "proves that there was a seal"},
		{"no seal and a bad record", map[string][]byte{segment1: unsealed, segment2: mangled}, wal.ErrDamaged, "proves that there was a seal"},
		{"bad seal", map[string][]byte{segment1: bad, segment2: second}, wal.ErrDamaged, "another segment follows"},
		{"first shorter", map[string][]byte{segment1: first[:len(first)-14], segment2: second}, wal.ErrDamaged, segment1},
		{"first a header only", map[string][]byte{segment1: first[:headerSize], segment2: second}, wal.ErrDamaged, segment1},
		{"first empty", map[string][]byte{segment1: nil, segment2: second}, wal.ErrDamaged, "the header does not check"},
		{"second empty", map[string][]byte{segment1: first, segment2: nil}, wal.ErrDamaged, segment2},
		{"second without header", map[string][]byte{segment1: first, segment2: headless}, wal.ErrDamaged, segment2},
		{"second of another incarnation", map[string][]byte{segment1: first, segment2: header2(func(h *header) { h.id = other })}, wal.ErrMissing, "wal-mark is of another log"},
		{"second of another place", map[string][]byte{segment1: first, segment2: header2(func(h *header) { h.base++ })}, wal.ErrDamaged, segment2},
		{"second of another boot", map[string][]byte{segment1: first, segment2: header2(func(h *header) { h.boot++ })}, wal.ErrDamaged, segment2},
		{"second of another cluster", map[string][]byte{segment1: first, segment2: header2(func(h *header) { h.id.Cluster[0]++ })}, wal.ErrCluster, segment2},
		{"second of another version", map[string][]byte{segment1: first, segment2: header2(func(h *header) { h.version = 6 })}, wal.ErrVersion, segment2},
		{"second is a copy of the first", map[string][]byte{segment1: first, segment2: unsealed}, wal.ErrDamaged, segment2},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := diskOf(c.segments)
			d.put(marksFile, noMarks)
			_, _, err := dryRecover(d)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.words)
		})
	}
}

// A batch is written to one segment, and extends it if necessary.
func TestABatchIsNotDivided(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, manySegments)
	var want []string
	for i := range 3 {
		for j := range 20 {
			want = append(want, fmt.Sprint("batch ", i, " entry ", j))
			log.Append([]byte(want[len(want)-1]))
		}
		run(log, d)
	}
	require.LessOrEqual(t, len(d.visible), 6)
	_, _, entries := start(t, d, manySegments)
	require.Equal(t, want, entries)
}

// The next segment is prepared before it is needed: a roll writes only the header and
// the seal, and waits only for their syncs.
func TestTheNextSegmentIsPreparedInTime(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, wal.Options{Segment: 3 << 20})
	for {
		log.Append(make([]byte, 100<<10))
		reqs := log.Take(nil)
		for _, r := range reqs {
			d.execute(r)
			log.Done(r.Token, nil)
		}
		if reqs[0].File != segment2 {
			require.LessOrEqual(t, len(reqs), 5, "%v", reqs)
			continue
		}
		require.Equal(t, []wal.Op{wal.Write, wal.Sync, wal.SyncDir}, ops(reqs))
		reqs = log.Take(nil)
		require.Equal(t, []wal.Op{wal.Write, wal.Sync}, ops(reqs))
		require.Equal(t, segment1, reqs[0].File)
		require.Len(t, d.visible[segment1], 3<<20)
		require.Len(t, d.visible[segment2], 3<<20)
		return
	}
}

// A log that trims a segment for each that it fills writes no zeros: it reuses the
// files.
func TestTrimmedSegmentsAreUsedAgain(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, manySegments)
	var want []entry
	last := 0 // the entry after which a file was last created or removed
	for i := range 40 {
		text := fmt.Sprint("entry ", i)
		want = append(want, entry{text, log.Append([]byte(text))})
		log.Trim(want[max(0, i-2)].end)
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				if r.Op == wal.Create || r.Op == wal.Allocate || r.Op == wal.Remove {
					last = i
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
		}
		_, _, found, err := recoverWith(d, identity, manySegments)
		require.NoError(t, err)
		require.Equal(t, want[len(want)-len(found):], found)
		require.GreaterOrEqual(t, len(found), min(3, len(want)))
	}
	require.Less(t, last, 10)
	require.LessOrEqual(t, len(d.visible), 5)
}

// Files of another size than the next segment are removed: smaller segments of an
// earlier life, and segments that a large batch extended.
func TestOnlyFilesOfTheRightSizeAreUsedAgain(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, manySegments)
	for range 10 {
		log.Append(make([]byte, 50))
		run(log, d)
	}
	log, _, _ = start(t, d, wal.Options{Segment: 300})
	again, removed := 0, map[int]int{}
	for i := range 100 {
		log.Append(make([]byte, 50+i%5/4*400))
		log.Trim(log.End() - 1)
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				switch r.Op {
				case wal.Rename:
					again++
					require.Len(t, d.visible[r.File], 300)
				case wal.Remove:
					removed[len(d.visible[r.File])]++
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
		}
	}
	require.Positive(t, again)
	require.Positive(t, removed[manySegments.Segment])
	require.Greater(t, len(removed), 1)
	require.LessOrEqual(t, len(d.visible), 4)
}

// A program of an earlier version rejects a log of this one by its header. It would take
// the header of a renamed file of its own version for damage.
func TestFilesOfEarlierVersionsAreNotUsedAgain(t *testing.T) {
	old := forgeHeader(header{2, identity, 1, 0, 0, 1, 0, nil})
	old = forgeRecord(old, identity, 0, 0, 1, bootText(1))
	old = forgeRecord(old, identity, 0, 0, 1, bootText(1))
	requireNotUsedAgain(t, diskWith(old), manySegments, 4)

	whole := manySegments
	whole.Form = wal.FormWhole
	d := newDisk(512)
	log, _, _ := start(t, d, whole)
	run(log, d)
	raised := manySegments
	raised.Form = wal.FormIncremental
	requireNotUsedAgain(t, d, raised, 5)
}

// requireNotUsedAgain continues a log until released files have become segments again:
// all of them have a version.
func requireNotUsedAgain(t *testing.T, d *disk, o wal.Options, version byte) {
	log, _, _ := start(t, d, o)
	again := 0
	for range 20 {
		log.Append(make([]byte, 20))
		log.Trim(log.End() - 1)
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				if r.Op == wal.Rename {
					again++
					require.Equal(t, version, d.visible[r.File][8], r)
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
		}
	}
	require.Positive(t, again)
	require.NotContains(t, d.visible, segment1)
}

// A log of version 2 is continued. Before it is ready, it is of version 4.
func TestVersion2IsRead(t *testing.T) {
	data := forgeHeader(header{2, identity, 1, 0, 0, 1, 0, nil})
	data = forgeRecord(data, identity, 0, 0, 1, bootText(1))
	data = forgeRecord(data, identity, 0, 0, 1, bootText(1))
	data = forgeRecord(data, identity, 0, 21, 2, "a")
	d := diskWith(data)
	want := []string{"a"}
	for life := range 5 {
		log, was, entries := start(t, d, manySegments)
		require.Equal(t, want, entries)
		require.EqualValues(t, 2+life, was.Boot)
		want = append(want, fmt.Sprint("entry of life ", life))
		log.Append([]byte(want[len(want)-1]))
		run(log, d)
	}
	require.Equal(t, byte(2), d.durable[segment1][8])
	require.Equal(t, byte(4), d.durable[segment2][8])
}

func ops(reqs []wal.DiskRequest) (all []wal.Op) {
	for _, r := range reqs {
		all = append(all, r.Op)
	}
	return all
}

// Recovered has no start of a life if it was trimmed, and the exact start of each
// other life.
func TestBootStartsOfTrimmedSegmentsAreUnknown(t *testing.T) {
	d := newDisk(512)
	var starts []wal.BootStart
	end := wal.LSN(0)
	for life := uint64(1); life <= 6; life++ {
		log, was, _ := start(t, d, manySegments)
		require.Equal(t, end, was.End)
		require.LessOrEqual(t, len(was.BootStarts), len(starts))
		require.True(t, slices.Equal(starts[len(starts)-len(was.BootStarts):], was.BootStarts), "%v, want the last of %v", was.BootStarts, starts)
		if life == 6 {
			require.NotEmpty(t, was.BootStarts)
			require.Greater(t, len(starts), len(was.BootStarts), "nothing was trimmed")
		}
		starts = append(starts, wal.BootStart{Boot: life, At: end})
		for range 8 {
			log.Append(make([]byte, 400))
			run(log, d)
		}
		if life > 2 {
			log.Trim(starts[life-3].At)
			run(log, d)
		}
		end = log.End()
	}
}
