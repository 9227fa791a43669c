package wal_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// span is one record in the bytes of a segment.
type span struct {
	start, end, batch int
	entry             bool
}

func spansOf(data []byte) (all []span) {
	for at := 64; at < len(data); {
		end := at + 13 + int(binary.LittleEndian.Uint32(data[at+4:]))
		all = append(all, span{at, end, at - int(binary.LittleEndian.Uint32(data[at+8:])), data[at+12] == 2})
		at = end
	}
	return all
}

// requireDocumented recovers a damaged copy of a log and requires what the
// package comment promises: damage if a sound record proves it or if no boot is
// left, and otherwise all entries up to the first bad record.
func requireDocumented(t *testing.T, sound, bad []byte) (refused bool) {
	t.Helper()
	first, entries, proven := -1, 0, !bytes.Equal(sound[:64], bad[:64])
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
	proven = proven || first == 64 && len(bad) > 64+21
	_, was, err := wal.Recover(diskWith(bad), identity)
	if proven {
		require.ErrorIs(t, err, wal.ErrDamaged)
		require.ErrorContains(t, err, segment1+", offset ")
		require.ErrorContains(t, err, "add it as a new member")
		return true
	}
	require.NoError(t, err)
	require.Len(t, was.Entries, entries)
	if first >= 0 {
		require.Equal(t, len(bad)-first, was.Cut)
	}
	return false
}

func threeLives(t *testing.T) []byte {
	return written(t,
		[][]string{{"a", "bcd"}, {"efg", strings.Repeat("h", 40), "i"}},
		[][]string{},
		[][]string{{"j", "k"}, {"l", "mno", "p"}})
}

func TestEveryFlippedByteIsFoundUnlessInTheLastBatch(t *testing.T) {
	sound := threeLives(t)
	spans := spansOf(sound)
	last := spans[len(spans)-1].batch
	require.Equal(t, spans[len(spans)-3].start, last)
	for at := range sound {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(sound)
			bad[at] ^= flip
			require.Equal(t, at < last, requireDocumented(t, sound, bad), "byte %d", at)
		}
	}
}

// As soon as a life may speak, no damaged byte makes another use its number.
func TestABootIsProvenBeforeTheLogIsReady(t *testing.T) {
	d := diskWith(written(t, [][]string{}))
	log, was, err := wal.Recover(d, identity)
	require.NoError(t, err)
	for !log.Ready() {
		for _, r := range log.Take(nil) {
			d.execute(r)
			log.Done(r.Token, nil)
		}
	}
	sound := d.durable[segment1]
	for at := range sound {
		bad := bytes.Clone(sound)
		bad[at] ^= 0x10
		refused := requireDocumented(t, sound, bad)
		_, next, _ := wal.Recover(diskWith(bad), identity)
		require.True(t, refused || next.Boot > was.Boot, "byte %d", at)
	}
}

func TestDamagedRangesAreAsDocumented(t *testing.T) {
	sound := threeLives(t)
	for from := range sound {
		for to := from + 1; to <= len(sound); to++ {
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

func TestAShortenedFileIsATornTail(t *testing.T) {
	sound := threeLives(t)
	for length := range sound {
		bad := sound[:length]
		if length >= 64+21 {
			require.False(t, requireDocumented(t, sound, bad), "%d bytes", length)
			continue
		}
		fresh := identity
		fresh.Incarnation[5]++
		_, was, err := wal.Recover(diskWith(bad), fresh)
		require.NoError(t, err)
		require.Equal(t, wal.Recovered{Identity: fresh, Boot: 1, Formatted: true, Cut: length}, was,
			"peers know the old incarnation and refuse the new one")
	}
}

// Bytes of this very log within a payload are no proof of anything.
func TestAPayloadIsNotMistakenForRecords(t *testing.T) {
	sound := threeLives(t)
	nested := written(t, [][]string{{"a"}, {string(sound), string(written(t, [][]string{{"b"}, {"c"}}))}})
	spans := spansOf(nested)
	torn := spans[len(spans)-2]
	nested[torn.start] ^= 1
	_, was, err := wal.Recover(diskWith(nested), identity)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, texts(was.Entries))
	require.Equal(t, len(nested)-torn.start, was.Cut)
}

func TestRecordsOfAnotherIncarnationDoNotJoinOn(t *testing.T) {
	sound := written(t, [][]string{{"a"}})
	other := identity
	other.Incarnation[0]++
	stale := forgeRecord(bytes.Clone(sound), other, 0, 0, 2, "stale")
	_, was, err := wal.Recover(diskWith(stale), identity)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, texts(was.Entries))
	require.Equal(t, len(stale)-len(sound), was.Cut)
}

func TestLogsThatBreakTheRulesAreRefused(t *testing.T) {
	sound := written(t, [][]string{{"a"}})
	head := sound[:64]
	for _, c := range []struct {
		name  string
		data  []byte
		want  error
		words string
	}{
		{"entry before boot", forgeRecord(head, identity, 0, 0, 2, "x"), wal.ErrDamaged, "before the first boot"},
		{"boot 0", forgeRecord(head, identity, 0, 0, 1, bootText(0)), wal.ErrDamaged, "boot 0 follows boot 0"},
		{"boot 2 first", forgeRecord(head, identity, 0, 0, 1, bootText(2)), wal.ErrDamaged, "boot 2 follows boot 0"},
		{"boot skipped", forgeRecord(sound, identity, 0, 0, 1, bootText(3)), wal.ErrDamaged, "boot 3 follows boot 1"},
		{"boot too long", forgeRecord(sound, identity, 0, 0, 1, bootText(2)+"x"), wal.ErrDamaged, "9 bytes"},
		{"batch in batch", forgeRecord(sound, identity, 0, 5, 2, "x"), wal.ErrDamaged, "another batch"},
		{"unknown kind", forgeRecord(sound, identity, 0, 0, 3, "x"), wal.ErrVersion, "kind 3"},
		{"many bytes, no boot", append(bytes.Clone(head), make([]byte, 22)...), wal.ErrDamaged, "no boot that checks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := wal.Recover(diskWith(c.data), identity)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.words)
		})
	}
}

func TestForeignLogsAreRefusedWithARemedy(t *testing.T) {
	cluster, node := identity, identity
	cluster.Cluster[15]++
	node.Node++
	tail := written(t, [][]string{{"a"}})[64:]
	for _, c := range []struct {
		head   header
		want   error
		remedy string
	}{
		{header{1, cluster, 1, 0}, wal.ErrCluster, "check the data directory and the cluster"},
		{header{1, node, 1, 0}, wal.ErrNode, "check the data directory and the node's number"},
		{header{2, identity, 1, 0}, wal.ErrVersion, "run that version or a later one"},
		{header{1, identity, 2, 0}, wal.ErrDamaged, "add it as a new member"},
		{header{1, identity, 1, 9}, wal.ErrDamaged, "add it as a new member"},
	} {
		for _, rest := range [][]byte{nil, tail} {
			_, _, err := wal.Recover(diskWith(append(forgeHeader(c.head), rest...)), identity)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.remedy)
			require.ErrorContains(t, err, segment1)
		}
	}
}
