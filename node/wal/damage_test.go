package wal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// span is the place of a record in the bytes of a segment.
type span struct {
	start, end, batch int
	entry             bool
}

func spansOf(data []byte) (all []span) {
	for at := headerSizeOf(data); at < len(data); {
		end := at + 13 + int(binary.LittleEndian.Uint32(data[at+4:]))
		all = append(all, span{at, end, at - int(binary.LittleEndian.Uint32(data[at+8:])), data[at+12] == 2})
		at = end
	}
	return all
}

// requireDocumented recovers a damaged copy of a log and requires the result that the
// package comment documents: a new log if the log may never have been ready; damage
// if a valid record proves it or no boot is left; otherwise all entries up to the
// first bad record.
func requireDocumented(t *testing.T, sound, bad []byte) (refused bool) {
	t.Helper()
	headed := len(bad) >= headerSize && bytes.Equal(sound[:headerSize], bad[:headerSize])
	first, entries, proven := -1, 0, !headed
	for _, s := range spansOf(sound) {
		intact := s.end <= len(bad) && bytes.Equal(sound[s.start:s.end], bad[s.start:s.end])
		switch {
		case first < 0 && !intact:
			first = s.start
		case first < 0 && s.entry:
			entries++
		case first >= 0 && intact:
			proven = proven || s.batch > first
		}
	}
	written := len(used(bad))
	proven = proven || hasTurnedBit(sound, bad, first)
	unborn := !headed && written <= headerSize || headed && first == headerSize && written <= headerSize+21
	proven = proven || first == headerSize
	was, found, err := dryRecover(diskWith(bad))
	if proven && !unborn {
		require.ErrorIs(t, err, wal.ErrDamaged)
		require.ErrorContains(t, err, segment1+", offset ")
		require.ErrorContains(t, err, "see what it holds with lockstep inspect")
		return true
	}
	require.NoError(t, err)
	require.Equal(t, unborn, was.Fresh)
	require.Len(t, found, entries)
	if !unborn && first >= 0 {
		require.Equal(t, max(0, written-first), was.TornBytes)
	}
	return false
}

// hasTurnedBit reports whether all that is wrong with the first bad record is one bit,
// in a byte that a lost write would have left zero.
func hasTurnedBit(sound, bad []byte, first int) bool {
	for _, s := range spansOf(sound) {
		if s.start != first || s.end > len(bad) {
			continue
		}
		turned, zero := 0, false
		for i := s.start; i < s.end; i++ {
			if bad[i] != sound[i] {
				turned += bits.OnesCount8(bad[i] ^ sound[i])
				zero = bad[i] == 0
			}
		}
		return turned == 1 && !zero
	}
	return false
}

func threeLives(t *testing.T) []byte {
	return written(t,
		[][]string{{"a", "bcd"}, {"efg", strings.Repeat("h", 40), "i"}},
		[][]string{},
		[][]string{{"j", "k"}, {"l", "mno", "p"}})
}

// One bit that is turned is found anywhere, if that leaves a byte that is not zero.
func TestEveryFlippedByteIsFoundUnlessInTheLastBatch(t *testing.T) {
	sound := threeLives(t)
	spans := spansOf(sound)
	last := spans[len(spans)-1].batch
	require.Equal(t, spans[len(spans)-3].start, last)
	for at := range sound {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(sound)
			bad[at] ^= flip
			found := at < last || flip != 0xff && bad[at] != 0
			require.Equal(t, found, requireDocumented(t, sound, bad), "byte %d", at)
		}
	}
}

// Once a life is ready, no damaged byte makes another life use its boot number.
func TestABootIsProvenBeforeTheLogIsReady(t *testing.T) {
	d := diskWith(written(t, [][]string{}))
	log, was, _, err := recoverWith(d, identity, oneSegment)
	require.NoError(t, err)
	for !log.Ready() {
		for _, r := range log.Take(nil) {
			d.execute(r)
			log.Done(r.Token, nil)
		}
	}
	sound := d.durable[segment1][:headerSize+log.End()]
	for at := range sound {
		bad := bytes.Clone(sound)
		bad[at] ^= 0x10
		refused := requireDocumented(t, sound, bad)
		next, _, _ := dryRecover(diskWith(bad))
		require.True(t, refused || next.Boot > was.Boot, "byte %d", at)
	}
}

func TestDamagedRangesAreAsDocumented(t *testing.T) {
	sound := threeLives(t)
	for from := range sound {
		for to := from + 1 + from%step(t); to <= len(sound); to += step(t) {
			zeroed, mangled := bytes.Clone(sound), bytes.Clone(sound)
			clear(zeroed[from:to])
			for i := range mangled[from:to] {
				mangled[from+i] ^= 0x5a
			}
			requireDocumented(t, sound, zeroed)
			requireDocumented(t, sound, mangled)
		}
	}
}

func TestALostEndIsATornTailIfNoMarkCoversIt(t *testing.T) {
	sound := threeLives(t)
	for length := range sound {
		bad := sound[:length]
		if length >= headerSize+14 { // the rest of the first record is zeros
			require.False(t, requireDocumented(t, sound, padded(bad)), "%d bytes", length)
			continue
		}
		fresh := identity
		fresh.Incarnation[5]++
		_, was, _, err := recoverWith(diskWith(bad), fresh, oneSegment)
		require.NoError(t, err)
		require.Equal(t, wal.Recovered{Identity: fresh, Boot: 1, Fresh: true, TornBytes: len(used(bad))}, was,
			"peers know the old incarnation and refuse the new one")
	}
}

// Records of this log that are copied into a payload prove nothing.
func TestAPayloadIsNotMistakenForRecords(t *testing.T) {
	sound := threeLives(t)
	nested := written(t, [][]string{{"a"}, {string(sound), string(written(t, [][]string{{"b"}, {"c"}}))}})
	spans := spansOf(nested)
	torn := spans[len(spans)-2]
	nested[torn.start] ^= 3 // one bit would show
	was, entries, err := dryRecover(diskWith(nested))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, entries)
	require.Equal(t, len(nested)-torn.start, was.TornBytes)
}

func TestRecordsOfAnotherIncarnationDoNotJoinOn(t *testing.T) {
	sound := written(t, [][]string{{"a"}})
	other := identity
	other.Incarnation[0]++
	stale := forgeRecord(bytes.Clone(sound), other, 0, 0, 2, "stale")
	was, entries, err := dryRecover(diskWith(stale))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, entries)
	require.Equal(t, len(stale)-len(sound), was.TornBytes)
}

func TestLogsThatBreakTheRulesAreRefused(t *testing.T) {
	sound := written(t, [][]string{{"a"}})
	head := sound[:headerSize]
	for _, c := range []struct {
		name  string
		data  []byte
		want  error
		words string
	}{
		{"entry before boot", forgeRecord(head, identity, 0, 0, 2, "x"), wal.ErrDamaged, "a record before the first boot"},
		{"boot 0", forgeRecord(head, identity, 0, 0, 1, bootText(0)), wal.ErrDamaged, "boot 0 follows boot 0"},
		{"boot 2 first", forgeRecord(head, identity, 0, 0, 1, bootText(2)), wal.ErrDamaged, "boot 2 follows boot 0"},
		{"boot skipped", forgeRecord(sound, identity, 0, 0, 1, bootText(3)), wal.ErrDamaged, "boot 3 follows boot 1"},
		{"boot too long", forgeRecord(sound, identity, 0, 0, 1, bootText(2)+"x"), wal.ErrDamaged, "9 bytes"},
		{"batch in batch", forgeRecord(sound, identity, 0, 5, 2, "x"), wal.ErrDamaged, "another batch"},
		{"unknown kind", forgeRecord(sound, identity, 0, 0, 5, "x"), wal.ErrVersion, "kind 5"},
		{"many bytes, no boot", append(bytes.Clone(head), bytes.Repeat([]byte{0xff}, 22)...), wal.ErrDamaged, "no boot that checks"},
		{"seal and no next", forgeRecord(sound, identity, 0, 0, 3, ""), wal.ErrMissing, segment2 + " is not there, and the seal"},
		{"trim of nothing", forgeRecord(sound, identity, 0, 0, 4, bootText(1)), wal.ErrDamaged, "a trim to segment 1 follows one to 1"},
		{"trim too far", forgeRecord(sound, identity, 0, 0, 4, bootText(2)), wal.ErrDamaged, "a trim to segment 2"},
		{"trim too long", forgeRecord(sound, identity, 0, 0, 4, bootText(2)+"x"), wal.ErrDamaged, "9 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := dryRecover(diskWith(c.data))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.words)
		})
	}
}

func TestForeignLogsAreRefusedWithARemedy(t *testing.T) {
	tail := written(t, [][]string{{"a"}})[headerSize:]
	for _, c := range []struct {
		change func(*header)
		want   error
		remedy string
	}{
		{func(h *header) { h.id.Cluster[15]++ }, wal.ErrCluster, "check the data directory and the cluster"},
		{func(h *header) { h.id.Node++ }, wal.ErrNode, "check the data directory and the node's number"},
		{func(h *header) { h.version = 1 }, wal.ErrVersion, "run the version that wrote it"},
		{func(h *header) { h.version = 6 }, wal.ErrVersion, "run the version that wrote it"},
	} {
		for _, rest := range [][]byte{nil, tail} {
			h := firstHeader
			c.change(&h)
			_, _, err := dryRecover(diskWith(append(forgeHeader(h), rest...)))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.remedy)
			require.ErrorContains(t, err, segment1)
		}
	}
}

// A first segment begins the log, even if its header states otherwise.
func TestHeadersThatBreakTheRulesAreRefused(t *testing.T) {
	tail := written(t, [][]string{{"a"}})[headerSize:]
	for _, change := range []func(*header){
		func(h *header) { h.sequence++ },
		func(h *header) { h.boot++ },
		func(h *header) { h.first++ },
		func(h *header) { h.base++ },
	} {
		h := firstHeader
		change(&h)
		_, _, err := dryRecover(diskWith(append(forgeHeader(h), tail...)))
		require.ErrorIs(t, err, wal.ErrDamaged)
		require.ErrorContains(t, err, segment1+", offset ")
	}
}

// A later record proves damage, at any distance and of any length.
func TestRecordsOfAnyLengthProveDamage(t *testing.T) {
	head := written(t, [][]string{{"a"}})
	for length := 0; length <= wal.MaxPayload; length += 1 + length*2/3 {
		for _, between := range []int{0, 1, 500, 5000} {
			data := forgeRecord(head, identity, 0, 0, 2, strings.Repeat("b", between))
			data = forgeRecord(data, identity, 0, 0, 2, strings.Repeat("\x00\x0f", length)[:length])
			sound, _, err := dryRecover(diskWith(data))
			require.NoError(t, err)
			require.Zero(t, sound.TornBytes)
			data[len(head)] ^= 3 // one bit would show
			_, _, err = dryRecover(diskWith(data))
			require.ErrorIs(t, err, wal.ErrDamaged, "%d bytes after %d", length, between)
			data[len(data)-1]++
			_, _, err = dryRecover(diskWith(data))
			require.NoError(t, err)
		}
	}
}

// A write that never reached a reused file leaves the file's old content: records of
// the same length as the lost ones, at the same places.
func TestLostWritesIntoFilesUsedAgainAreFound(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, wal.Options{Segment: 300})
	before := map[string][]byte{} // contents of files at their rename
	proven := 0
	for i := range 100 {
		log.Append(fmt.Appendf(nil, "entry %3d", i))
		log.Trim(log.End() - 1)
		current := ""
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				switch r.Op {
				case wal.Rename:
					before[r.To] = bytes.Clone(d.visible[r.File])
				case wal.Write:
					if r.File != marksFile {
						current = r.File
					}
				}
				d.execute(r)
				log.Done(r.Token, nil)
			}
		}
		data, was := d.durable[current], before[current]
		if was == nil {
			continue
		}
		spans, _ := records(current, data)
		lost := []span{{start: 0, end: headerSize}, {start: 0, end: len(data)}}
		for _, s := range spans {
			if s.end <= spans[len(spans)-1].batch {
				lost = append(lost, s)
			}
		}
		for _, s := range lost {
			bad := maps.Clone(d.durable)
			bad[current] = bytes.Clone(data)
			copy(bad[current][s.start:s.end], was[s.start:s.end])
			_, _, err := dryRecover(diskOf(bad))
			require.ErrorIs(t, err, wal.ErrDamaged, "entry %d, bytes %d to %d", i, s.start, s.end)
			proven++
		}
	}
	require.Greater(t, proven, 200)
}
