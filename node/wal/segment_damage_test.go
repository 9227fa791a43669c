package wal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// damageCase is a log of several segments to be damaged, and a map of its content.
type damageCase struct {
	files           map[string][]byte
	found           []entry        // by recovery while the log is sound
	used            map[string]int // bytes of header, records and seal of each needed segment; 0: not needed
	current         string         // the segment with the last batch
	lastBatch       int            // the offset of the last batch
	first           uint64         // the lowest segment needed
	tail            string         // the segment that recovery will continue
	marked          int            // the offset in current that the marks cover
	beforeLastBatch int            // the number of entries before the last batch
}

// damageCases returns logs at all points of a life that rolls and trims, with removed
// segments as a crash may bring them back: each as a power loss leaves it, with the mark
// as of its last sync, and as a process crash does, with a mark that covers all that was
// acknowledged.
func damageCases(t *testing.T) (all []damageCase) {
	o := wal.Options{Segment: 194}
	d := newDisk(512)
	var b model
	removed := map[string][]byte{}
	for life := range 3 {
		log, was, found, err := recoverWith(d, identity, o)
		require.NoError(t, err)
		b, err = b.recovered(was, found)
		require.NoError(t, err)
		for n := 0; ; {
			reqs := log.Take(nil)
			if len(reqs) == 0 && n == 8 {
				break
			}
			if len(reqs) == 0 {
				b.append(log, fmt.Sprintf("life %d entry %d", life, n))
				if n++; n%3 == 0 {
					b.trimAllBut(log, 3)
				}
				continue
			}
			for _, r := range reqs {
				if r.Op == wal.Remove || r.Op == wal.Rename {
					removed[r.File] = bytes.Clone(d.visible[r.File])
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
			if log.Ready() {
				require.EqualValues(t, log.Durable(), markedIn(d.visible[marksFile]))
				all = append(all, newDamageCase(t, d.durable, removed), newDamageCase(t, d.visible, removed))
			}
		}
	}
	return all
}

// newDamageCase maps the content of a log with its own implementation of the format.
func newDamageCase(t *testing.T, left, removed map[string][]byte) damageCase {
	r := damageCase{files: maps.Clone(removed), used: map[string]int{}}
	for name, data := range left {
		r.files[name] = bytes.Clone(data)
	}
	var err error
	_, _, r.found, err = recoverWith(diskOf(r.files), identity, oneSegment)
	require.NoError(t, err)
	names := slices.Sorted(maps.Keys(r.files))
	for i := len(names) - 1; i >= 0; i-- {
		r.classify(names, i)
	}
	r.beforeLastBatch = len(r.found)
	for _, s := range spansOf(r.files[r.current][:r.used[r.current]]) {
		if s.entry && s.start >= r.lastBatch {
			r.beforeLastBatch--
		}
	}
	return r
}

// classify maps one segment; the segments after it are mapped already.
func (r *damageCase) classify(names []string, i int) {
	data := r.files[names[i]]
	spans, kinds := records(names[i], data)
	used := headerSize
	if len(spans) > 0 {
		used = spans[len(spans)-1].end
	}
	sealed := len(kinds) > 0 && kinds[len(kinds)-1] == 3
	switch {
	case r.current != "" && uint64(data[48]) >= r.first:
		r.used[names[i]] = used
	case r.current != "" || len(spans) == 0: // trimmed, or not yet in use
	default:
		if sealed { // the next segment is in use, and the seal is the last batch
			r.used[names[i+1]] = headerSize
			r.tail = names[i+1]
		} else {
			r.tail = names[i]
		}
		r.marked = headerSize + int(markedIn(r.files[marksFile])) - int(binary.LittleEndian.Uint64(data[56:]))
		r.current, r.used[names[i]] = names[i], used
		r.lastBatch, r.first = spans[len(spans)-1].batch, uint64(data[88])
		for j, s := range spans {
			if kinds[j] == 4 {
				r.first = uint64(data[s.start+13])
			}
		}
	}
}

// markedIn returns the highest position in a mark file.
func markedIn(file []byte) (at uint64) {
	for _, offset := range []int{0, slot2} {
		at = max(at, binary.LittleEndian.Uint64(file[offset+32:]))
	}
	return at
}

// records returns the records of a segment. A header of another segment, and the
// bytes after it, are old content of a reused file.
func records(name string, data []byte) (spans []span, kinds []byte) {
	if len(data) < headerSize || name != fmt.Sprintf("wal-%016x", binary.LittleEndian.Uint64(data[48:])) {
		return nil, nil
	}
	end := headerSizeOf(data)
	for base := binary.LittleEndian.Uint64(data[56:]); end+13 <= len(data); {
		length := binary.LittleEndian.Uint32(data[end+4:])
		if uint64(length) > uint64(len(data)-end-13) {
			break
		}
		next := end + 13 + int(length)
		at := base + uint64(end-headerSizeOf(data))
		if binary.LittleEndian.Uint32(data[end:]) != sumOf(data[end+4:next], [16]byte(data[32:]), at) {
			break
		}
		kinds = append(kinds, data[end+12])
		end = next
	}
	return spansOf(data[:end]), kinds
}

// recover recovers the log from the given files. Either the log is rejected, or all
// entries before the last batch are found, in order.
func (r *damageCase) recover(t *testing.T, files map[string][]byte) (refused bool, found []entry) {
	t.Helper()
	_, _, found, err := recoverWith(diskOf(files), identity, oneSegment)
	if err == nil {
		return false, found
	}
	require.True(t, errors.Is(err, wal.ErrDamaged) || errors.Is(err, wal.ErrMissing), "%v", err)
	return true, nil
}

// with returns the files with one of them changed; nil removes it.
func (r *damageCase) with(name string, data []byte) map[string][]byte {
	files := maps.Clone(r.files)
	if files[name] = data; data == nil {
		delete(files, name)
	}
	return files
}

// step is the distance of the places that are damaged in turn: the next case has the places
// between. With LOCKSTEP_LONG each case has all.
func step(t *testing.T) int {
	t.Helper()
	if os.Getenv("LOCKSTEP_LONG") != "" {
		return 1
	}
	return 4
}

// One damaged byte anywhere. In bytes that are needed and proven durable, by a later
// batch or by a mark, it is rejected. In the last batch, where no mark covers it, it is
// a torn tail. Elsewhere it has no effect.
func TestFlippedByteInAnySegment(t *testing.T) {
	for i, r := range damageCases(t) {
		for name, data := range r.files {
			for at := i / 2 % step(t); at < len(data); at += step(t) {
				bad := bytes.Clone(data)
				bad[at] ^= 0x11
				refused, found := r.recover(t, r.with(name, bad))
				where := fmt.Sprintf("%s byte %d of %d, current %s, last batch at %d", name, at, r.used[name], r.current, r.lastBatch)
				switch {
				case at >= r.used[name]:
					require.False(t, refused, where)
					require.Equal(t, r.found, found, where)
				case name != r.current || at < max(r.lastBatch, r.marked):
					require.True(t, refused, where)
				case !refused: // the damage may be in a trim in the last batch
					for _, e := range r.found[:r.beforeLastBatch] {
						require.Contains(t, found, e, where)
					}
				}
			}
		}
	}
}

// A file removed, or shortened to any length.
func TestAnySegmentShortened(t *testing.T) {
	for i, r := range damageCases(t) {
		for name, data := range r.files {
			for length := -1; length < len(data); length++ {
				if length >= 0 && length%step(t) != i%step(t) {
					continue
				}
				var bad []byte // removed
				if length >= 0 {
					bad = append([]byte{}, data[:length]...)
				}
				refused, found := r.recover(t, r.with(name, bad))
				where := fmt.Sprintf("%s %d bytes of %d, current %s", name, length, r.used[name], r.current)
				switch {
				case name == r.tail, name == marksFile && length < 48: // shorter than at its creation, or without a mark
					require.True(t, refused, where)
				case r.used[name] == 0 || length >= r.used[name]:
					require.False(t, refused, where)
					require.Equal(t, r.found, found, where)
				default:
					require.True(t, refused, where)
				}
			}
		}
	}
}

// Any two segments in the place of each other.
func TestSegmentsExchanged(t *testing.T) {
	for _, r := range damageCases(t) {
		for one := range r.files {
			for other := range r.files {
				if one == other || r.used[one] == 0 && r.used[other] == 0 {
					continue
				}
				files := r.with(one, r.files[other])
				files[other] = r.files[one]
				refused, _ := r.recover(t, files)
				require.True(t, refused, "%s and %s, current %s", one, other, r.current)
			}
		}
	}
}

// A segment keeps the length that its header states when segments become longer, so that
// any loss of its end is found.
func TestSegmentKeepsItsLengthWhenSegmentsBecomeLonger(t *testing.T) {
	d := diskOf(nil)
	short, long := wal.Options{Segment: 512}, oneSegment
	start(t, d, short)
	log, _, _ := start(t, d, long)
	log.Append([]byte("a"))
	run(log, d)
	require.Len(t, d.durable[segment1], short.Segment)
	bad := diskOf(d.durable)
	bad.put(segment1, d.durable[segment1][:short.Segment-1])
	_, _, _, err := recoverWith(bad, identity, long)
	require.ErrorIs(t, err, wal.ErrDamaged)

	for range 20 { // the next segments are longer
		log.Append(make([]byte, 100))
		run(log, d)
	}
	require.Len(t, d.durable[segment1], short.Segment)
	require.Len(t, d.durable[segment2], long.Segment)
}

// A file that has the name of a segment and is of no log: the text says what to do with
// it, and does not give the log up for lost.
func TestAStrayFileIsToBeMoved(t *testing.T) {
	sound := diskWith(written(t, [][]string{{"a"}}))
	for _, name := range []string{"wal-00000000000000ff", "wal-ffffffffffffffff"} {
		for _, content := range [][]byte{nil, []byte("notes"), make([]byte, 4096)} {
			d := diskOf(sound.durable)
			d.put(name, content)
			_, _, err := dryRecover(d)
			require.ErrorIs(t, err, wal.ErrMissing)
			require.ErrorContains(t, err, name+" has no record that checks, nor a header, and the file before it is "+segment1)
			require.ErrorContains(t, err, "move it to another directory, and keep it")
		}
	}
}

// Files whose names are nearly those of segments are not read, and stay as they are.
func TestNamesThatAreNoSegments(t *testing.T) {
	strays := []string{
		"wal-0000000000000000", "wal-00000000000000FF", "wal-1", "wal-00000000000000001", "wal-10000000000000001",
		"wal-0000000000000001.bak", "wal-000000000000000g", "wal-", "Wal-0000000000000002", "wal-mark.bak",
	}
	d := diskWith(written(t, [][]string{{"a"}}))
	for _, name := range strays {
		d.put(name, []byte("notes"))
	}
	log, _, found, err := recoverWith(d, identity, oneSegment)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, texts(found))
	log.Append([]byte("b"))
	run(log, d)
	for _, name := range strays {
		require.Equal(t, "notes", string(d.visible[name]), name)
	}
}
