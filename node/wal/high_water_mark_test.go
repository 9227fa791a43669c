package wal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// logWithMark returns the files of a log with entries a, b and c, each in a batch of
// its own. The mark covers all.
func logWithMark(t *testing.T) map[string][]byte {
	d := newDisk(512)
	log, _, _ := start(t, d, oneSegment)
	for _, text := range []string{"a", "b", "c"} {
		log.Append([]byte(text))
		run(log, d)
	}
	require.False(t, log.IsMarkSynced())
	log.SyncMark()
	run(log, d)
	require.True(t, log.IsMarkSynced())
	return d.durable
}

// The mark proves syncs that no later batch proves. Damage to the mark alone is
// distinguished from damage to the log.
func TestWhatAMarkCoversIsNeverTakenForATornTail(t *testing.T) {
	sound := logWithMark(t)
	segment, marks := sound[segment1], sound[marksFile]
	end := len(used(segment))
	last := spansOf(segment[:end])[4]
	with := func(data []byte, change func([]byte) []byte) []byte { return change(bytes.Clone(data)) }
	flipped := func(at int) func([]byte) []byte { return func(b []byte) []byte { b[at] ^= 1; return b } }
	zeroed := func(from, to int) func([]byte) []byte { return func(b []byte) []byte { clear(b[from:to]); return b } }
	cut := func(to int) func([]byte) []byte { return func(b []byte) []byte { return b[:to] } }
	other := identity
	other.Incarnation[3]++
	top := mark{uint64(end - headerSize), binary.LittleEndian.Uint32(segment[last.start:])}
	for _, c := range []struct {
		name           string
		segment, marks []byte // nil: removed
		want           error  // nil: the log is continued
		words          string
	}{
		{"nothing", segment, marks, nil, ""},
		{"a byte of the last record", with(segment, flipped(last.start)), marks, wal.ErrDamaged, fmt.Sprintf("offset %d: the records end there, at position %d, and wal-mark proves that they were synced up to position %d", last.start, last.start-headerSize, end-headerSize)},
		{"the last record zeroed", with(segment, zeroed(last.start, end)), marks, wal.ErrDamaged, "wal-mark proves"},
		{"the second half zeroed", with(segment, zeroed(end/2, len(segment))), marks, wal.ErrDamaged, "wal-mark proves"},
		{"all zeroed", with(segment, zeroed(0, len(segment))), marks, wal.ErrDamaged, "nothing is left there, and wal-mark proves"},
		{"cut to half", with(segment, cut(len(segment)/2)), marks, wal.ErrDamaged, "the file ends there, and was made with 4096 bytes"},
		{"cut by a byte", with(segment, cut(len(segment)-1)), marks, wal.ErrDamaged, "offset 4095: the file ends there"},
		{"cut to nothing", with(segment, cut(0)), marks, wal.ErrDamaged, "nothing is left there"},
		{"removed", nil, marks, wal.ErrMissing, "no segment is there, and wal-mark proves that the log had come to position"},
		{"another past", with(segment, zeroed(last.start, end)), forgeMark(identity, mark{uint64(last.start - headerSize), 1}), wal.ErrDamaged, "is not the one that wal-mark tells of"},
		{"a position within a record", segment, forgeMark(identity, mark{top.at - 1, top.sum}), wal.ErrDamaged, "is not the one that wal-mark tells of"},

		{"one mark flipped", segment, with(marks, flipped(20)), nil, ""},
		{"the other mark flipped", segment, with(marks, flipped(slot2+20)), nil, ""},
		{"one mark zeroed", segment, with(marks, zeroed(0, 4096)), nil, ""},
		{"the file of marks cut", segment, with(marks, cut(100)), nil, ""},
		{"both marks flipped", segment, with(with(marks, flipped(20)), flipped(slot2+20)), wal.ErrDamaged, "neither of its two marks checks"},
		{"the marks cut off", segment, with(marks, cut(10)), wal.ErrDamaged, "neither of its two marks checks"},
		{"the file of marks removed", segment, nil, wal.ErrMissing, "wal-mark is not there"},
		{"the marks of another log", segment, forgeMark(other, top, mark{}), wal.ErrMissing, "wal-mark is of another log"},
		{"a higher mark of another log", segment, append(forgeMark(identity, top)[:slot2], forgeMark(other, mark{1 << 40, 1})[:48]...), nil, ""},
		{"marks of a later program", segment, with(marks, func(b []byte) []byte {
			b[8] = 2
			binary.LittleEndian.PutUint32(b[44:], sumOfMark(b))
			return b
		}), wal.ErrVersion, "format 2 of marks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string][]byte{}
			for name, data := range map[string][]byte{segment1: c.segment, marksFile: c.marks} {
				if data != nil {
					files[name] = data
				}
			}
			was, entries, err := dryRecover(diskOf(files))
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.ErrorContains(t, err, c.words)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b", "c"}, entries)
			require.False(t, was.Fresh)
		})
	}
}

// A directory without segments is formatted if no valid mark in it is above position
// zero.
func TestMarkOfPositionZeroAllowsFormat(t *testing.T) {
	other := identity
	other.Incarnation[3]++
	for name, marks := range map[string][]byte{
		"empty": {}, "torn": forgeMark(other, mark{}), "whole": forgeMark(other, mark{}, mark{}), "mangled": bytes.Repeat([]byte{7}, 5000),
	} {
		t.Run(name, func(t *testing.T) {
			d := diskOf(map[string][]byte{marksFile: marks})
			log, was, _ := start(t, d, oneSegment)
			require.True(t, was.Fresh)
			log.Append([]byte("a"))
			run(log, d)
			_, entries, err := dryRecover(d)
			require.NoError(t, err)
			require.Equal(t, []string{"a"}, entries)
		})
	}
}

// Once a log is ready, it is never formatted again.
func TestALogThatSpokeIsNeverMadeAnew(t *testing.T) {
	d := newDisk(512)
	log, _, _, err := recoverWith(d, identity, oneSegment)
	require.NoError(t, err)
	for !log.Ready() {
		for _, r := range log.Take(nil) {
			d.execute(r)
			log.Done(r.Token, nil)
		}
	}
	after := d.powerLoss(func(int) bool { return false })
	for _, data := range [][]byte{nil, make([]byte, 4096), after.durable[segment1][:headerSize], after.durable[segment1][:headerSize+21]} {
		after.put(segment1, data)
		_, _, err := dryRecover(after)
		require.ErrorIs(t, err, wal.ErrDamaged)
	}
}

// Later programs may add fields to a header, and mark the ones that earlier programs
// may skip.
func TestFieldsOfLaterProgramsArePassedOverOrRefused(t *testing.T) {
	h := firstHeader
	h.more = []byte{0x09, 0x80, 3, 0, 'n', 'e', 'w'}
	data := forgeAt(forgeHeader(h), identity, 0, 0, 1, bootText(1))
	data = forgeAt(data, identity, 21, 0, 1, bootText(1))
	data = forgeAt(data, identity, 42, 0, 2, "a")
	_, entries, err := dryRecover(diskWith(data))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, entries)

	h.more[1] = 0
	_, _, err = dryRecover(diskWith(append(forgeHeader(h), data[headerSize:]...)))
	require.ErrorIs(t, err, wal.ErrVersion)
	require.ErrorContains(t, err, "field 9 of the header")

	for name, more := range map[string][]byte{"half a field": {9, 0x80, 3}, "a field too long": {9, 0x80, 3, 0, 'n'}} {
		h.more = more
		_, _, err = dryRecover(diskWith(append(forgeHeader(h), data[headerSize:]...)))
		require.ErrorIs(t, err, wal.ErrDamaged, name)
	}
}

// Logs of earlier programs are continued, in version 4 unless they are raised. Before the
// log is ready, programs of the versions before that reject it.
func TestLogsOfEarlierVersionsAreGoneOnWith(t *testing.T) {
	for _, c := range []struct {
		version int
		form    wal.Form
		then    byte
	}{{2, wal.FormAuto, 4}, {3, wal.FormWhole, 4}, {4, wal.FormAuto, 4}, {2, wal.FormIncremental, 5}, {3, wal.FormIncremental, 5}, {4, wal.FormIncremental, 5}} {
		t.Run(fmt.Sprintf("version %d to %d", c.version, c.then), func(t *testing.T) {
			v := c.version
			d := diskOf(fixture(t, fmt.Sprintf("testdata/version-%d/wal-*", v)))
			o := wal.Options{Segment: 2048, Form: c.form}
			x, err := wal.Inspect(d, func([]byte, wal.LSN) {})
			require.NoError(t, err)
			id := x.Identity
			log, was, found, err := recoverWith(d, id, o)
			require.NoError(t, err)
			require.EqualValues(t, v, was.Version)
			require.EqualValues(t, 4, was.Boot)
			require.NotEmpty(t, found)
			run(log, d)
			require.True(t, log.Ready())
			last := ""
			for name := range d.durable {
				if name != marksFile && len(used(d.durable[name])) > 0 {
					last = max(last, name)
				}
			}
			require.Equal(t, c.then, d.durable[last][8])
			require.Equal(t, c.then == 5, log.Incremental())
			log.Append([]byte("later"))
			run(log, d)
			log, was, again, err := recoverWith(d, id, wal.Options{Segment: 2048, Form: wal.FormWhole}) // it has a log already
			require.NoError(t, err)
			require.EqualValues(t, c.then, was.Version)
			require.Equal(t, c.then == 5, log.Incremental())
			require.Equal(t, append(texts(found), "later"), texts(again))
		})
	}
}

func fixture(t *testing.T, pattern string) map[string][]byte {
	files := map[string][]byte{}
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = data
	}
	require.NotEmpty(t, files)
	return files
}

// No crash during the upgrade from an earlier version loses an entry or leaves a log
// that is rejected.
func TestEverySubsetOfWritesSurvivesOnTheWayToThisVersion(t *testing.T) {
	for _, sector := range []int{32, 512} {
		data := forgeHeader(header{3, identity, 1, 0, 0, 1, 0, nil})
		data = forgeRecord(data, identity, 0, 0, 1, bootText(1))
		data = forgeRecord(data, identity, 0, 0, 1, bootText(1))
		data = forgeRecord(data, identity, 0, 21, 2, "12345678")
		for _, torn := range [][]byte{nil, {1, 2, 3}} {
			d := newDisk(sector)
			d.put(segment1, append(bytes.Clone(data), torn...))
			x := explorer{
				options: wal.Options{Segment: 200, Form: wal.FormIncremental}, batches: [][]int{{8}, {8, 8}},
				seen: map[string]bool{}, situations: map[string]int{}, reusedNames: map[string]bool{},
			}
			x.explore(t, d, model{appended: []entry{{"12345678", 63}}, acknowledged: 1, boot: 1}, 2)
			t.Logf("%d different worlds, %v", x.worlds, x.situations)
			require.Greater(t, x.worlds, 50)
		}
	}
}

// The mark costs at most a write per batch, and a sync per segment or MiB.
func TestTheMarkIsSyncedNowAndThen(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, wal.Options{Segment: 8 << 20})
	writes, syncs, batches := 0, 0, 0
	for log.End() < 6<<20 {
		log.Append(make([]byte, 1000))
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				switch {
				case r.File == marksFile && r.Op == wal.Write:
					writes++
				case r.File == marksFile && r.Op == wal.Sync:
					syncs++
				case r.Op == wal.Sync:
					batches++
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
		}
	}
	require.LessOrEqual(t, writes, batches)
	require.Equal(t, 5, syncs)
}

// A process crash leaves changes that can be read and need not be durable, and power
// is lost while the next life continues from them. Any subset of the unsynced
// changes, of the marks above all, leaves a sound mark, none older than the last that
// was synced.
func TestNoCrashLeavesALogWithoutAMark(t *testing.T) {
	states := 0
	for killed := 0; ; killed++ {
		d := newDisk(32)
		var b model
		var proven uint64 // the highest position that the mark durably covered
		ended := marksLife(t, d, &b, &proven, killed, func() {})
		marksLife(t, d, &b, &proven, 14, func() {
			marks := map[int]int{} // from pieces to their index among the pieces of marks
			for i, p := range d.pieces() {
				if p.File == marksFile {
					marks[i] = len(marks)
				}
			}
			require.Less(t, len(marks), 16)
			for subset := range uint64(2) << len(marks) { // bit 0: all other pieces survive, or none
				after := d.powerLoss(func(i int) bool {
					if n, ofMark := marks[i]; ofMark {
						return subset>>(n+1)&1 == 1
					}
					return subset&1 == 1
				})
				_, was, found, err := recoverWith(after, identity, manySegments)
				require.NoError(t, err, "killed after %d requests", killed)
				_, err = b.recovered(was, found)
				require.NoError(t, err)
				require.GreaterOrEqual(t, soundMark(after.durable[marksFile]), proven, "killed %d, %v, subset %b, before %s, after %s", killed, d.pieces(), subset, describeMarks(d.durable[marksFile]), describeMarks(after.durable[marksFile]))
				states++
			}
		})
		if ended {
			break
		}
	}
	t.Logf("%d states", states)
	require.Greater(t, states, 1000)
}

// marksLife runs a life that ends after a number of requests, and reports whether it
// ran out of work before. Each entry is a batch of its own; SyncMark follows some.
func marksLife(t *testing.T, d *disk, b *model, proven *uint64, requests int, crash func()) (ended bool) {
	log, was, found, err := recoverWith(d, identity, manySegments)
	require.NoError(t, err)
	*b, err = b.recovered(was, found)
	require.NoError(t, err)
	for entries := 0; ; {
		reqs := log.Take(nil)
		if len(reqs) == 0 && entries == 4 {
			return true
		}
		if len(reqs) == 0 {
			entries++
			b.append(log, fmt.Sprintf("%d.%d of a length", was.Boot, entries))
			continue
		}
		for _, r := range reqs {
			if requests == 0 {
				return false
			}
			requests--
			d.execute(r)
			crash()
			log.Done(r.Token, nil)
			b.acknowledge(log, was.Boot)
			if log.IsMarkSynced() {
				*proven = uint64(log.Durable())
			}
		}
		if entries == 2 && log.Durable() == log.End() {
			log.SyncMark()
		}
	}
}
