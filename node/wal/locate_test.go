package wal_test

import (
	"bytes"
	"fmt"
	"maps"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// logOfAllParts returns the files of a log that has rolled and trimmed. The mark covers
// all of it.
func logOfAllParts(t *testing.T) map[string][]byte {
	d := newDisk(512)
	var b model
	log, was, found, err := recoverWith(d, identity, wal.Options{Segment: 194})
	require.NoError(t, err)
	b, err = b.recovered(was, found)
	require.NoError(t, err)
	run(log, d)
	for n := range 9 {
		b.append(log, fmt.Sprintf("entry %d", n))
		if n%3 == 2 {
			b.trimAllBut(log, 3)
		}
		run(log, d)
	}
	log.SyncMark()
	run(log, d)
	require.True(t, log.IsMarkSynced())
	return d.durable
}

// Every part of a log is found, and damage to any byte of it is no torn tail.
func TestEveryPartOfALogIsFound(t *testing.T) {
	sound := logOfAllParts(t)
	for part, kind := range map[wal.Part]byte{wal.EntryPart: 2, wal.TrimPart: 4, wal.SealPart: 3, wal.HeaderPart: 0} {
		at, found, err := wal.Locate(diskOf(sound), part)
		require.NoError(t, err)
		require.True(t, found, part)
		data := sound[at.File]
		if kind == 0 {
			require.Equal(t, "lockstep", string(data[at.From:at.From+8]))
		} else {
			require.Equal(t, kind, data[at.From+12])
		}
		for i := at.From; i < at.To; i++ {
			damaged := maps.Clone(sound)
			damaged[at.File] = bytes.Clone(data)
			damaged[at.File][i] ^= 1
			_, _, err := dryRecover(diskOf(damaged))
			require.ErrorIs(t, err, wal.ErrDamaged, "part %d, byte %d", part, i)
		}
	}
}

// A part is the last of its kind, and a log that was trimmed has no boot.
func TestPartsAreTheLastOfTheirKind(t *testing.T) {
	d := newDisk(512)
	for range 2 {
		log, _, _ := start(t, d, oneSegment)
		log.Append([]byte("entry"))
		run(log, d)
	}
	spans, _ := records(segment1, d.durable[segment1])
	at, found, err := wal.Locate(d, wal.BootPart)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, wal.Place{File: segment1, From: int64(spans[4].start), To: int64(spans[4].end)}, at, "two records of each boot, and an entry")

	for _, dir := range []*disk{newDisk(512), diskWith(nil)} {
		_, found, err := wal.Locate(dir, wal.BootPart)
		require.NoError(t, err)
		require.False(t, found)
	}
	_, found, err = wal.Locate(d, wal.TrimPart)
	require.NoError(t, err)
	require.False(t, found)
	_, found, err = wal.Locate(diskOf(logOfAllParts(t)), wal.BootPart)
	require.NoError(t, err)
	require.False(t, found)
}
