package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

const segment1, marksFile = "wal-0000000000000001", "wal-mark"

// identity is the identity that the tests format with.
var identity = wal.Identity{Cluster: [16]byte{0xc1}, Node: 3, Incarnation: [16]byte{0x1c, 1}}

// identityOf returns identity with another incarnation.
func identityOf(incarnation int) wal.Identity {
	id := identity
	id.Incarnation[15] = byte(incarnation)
	return id
}

// roomy is for tests with one segment, tight for tests with many.
var (
	oneSegment   = wal.Options{Segment: 4 << 10}
	manySegments = wal.Options{Segment: 184}
)

// entry is an entry as a life finds it.
type entry struct {
	text string
	end  wal.LSN
}

// recoverWith calls Recover and returns the entries as a list.
func recoverWith(d wal.Dir, id wal.Identity, o wal.Options) (log *wal.Log, was wal.Recovered, found []entry, err error) {
	log, was, err = wal.Recover(d, id, o, func(payload []byte, end wal.LSN) error {
		found = append(found, entry{string(payload), end})
		return nil
	})
	return log, was, found, err
}

// dryRecover returns the entries that a life with roomy segments would find.
func dryRecover(d wal.Dir) (was wal.Recovered, entries []string, err error) {
	_, was, found, err := recoverWith(d, identity, oneSegment)
	return was, texts(found), err
}

// run executes requests until the log has none left.
func run(log *wal.Log, d *disk) {
	for {
		reqs := log.Take(nil)
		if len(reqs) == 0 {
			return
		}
		for _, r := range reqs {
			d.execute(r)
			log.Done(r.Token, nil)
		}
	}
}

// start begins a life and runs it until it is ready.
func start(t testing.TB, d *disk, o wal.Options) (log *wal.Log, was wal.Recovered, entries []string) {
	t.Helper()
	log, was, found, err := recoverWith(d, identity, o)
	require.NoError(t, err)
	run(log, d)
	require.True(t, log.Ready())
	return log, was, texts(found)
}

// written returns the segment of a log of several lives, each with batches of entries,
// up to the last record.
func written(t testing.TB, lives ...[][]string) []byte {
	t.Helper()
	d := newDisk(512)
	end := wal.LSN(0)
	for _, batches := range lives {
		log, _, _ := start(t, d, oneSegment)
		for _, batch := range batches {
			for _, entry := range batch {
				log.Append([]byte(entry))
			}
			run(log, d)
		}
		end = log.End()
	}
	return d.durable[segment1][:headerSize+end]
}

// used returns the bytes of a file up to the last that is not zero.
func used(data []byte) []byte { return bytes.TrimRight(data, "\x00") }

func texts(entries []entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.text)
	}
	return all
}

func TestEveryLifeRecoversWhatAllBeforeWrote(t *testing.T) {
	for _, o := range []wal.Options{oneSegment, manySegments} {
		d := newDisk(512)
		var want []entry
		var starts []wal.BootStart
		end := wal.LSN(0)
		for life := uint64(1); life <= 5; life++ {
			log, was, found, err := recoverWith(d, identity, o)
			require.NoError(t, err)
			require.Equal(t, want, found)
			require.Equal(t, identity, was.Identity)
			require.Equal(t, life, was.Boot)
			require.Equal(t, life == 1, was.Fresh)
			require.Equal(t, end, was.End)
			require.Equal(t, life > 1, was.Version == 5)
			require.Equal(t, life == 1, was.Version == 0)
			require.Equal(t, starts, was.BootStarts)
			require.Zero(t, was.TornBytes)
			starts = append(starts, wal.BootStart{Boot: life, At: end})
			run(log, d)
			for i := range 4 {
				for j := range 1 << i {
					text := strings.Repeat(fmt.Sprint(life, i, j), int(life)*100*i)
					end := log.End() + 13 + wal.LSN(len(text))
					require.Equal(t, end, log.Append([]byte(text)))
					want = append(want, entry{text, end})
				}
				run(log, d)
				require.Equal(t, log.End(), log.Durable())
			}
			end = log.End()
		}
	}
}

func TestOneBatchIsInFlightAndTheRestWaits(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, oneSegment)
	log.Append(nil)
	run(log, d) // and the next segment is prepared
	first := log.Append([]byte("a"))
	reqs := log.Take(nil)
	require.Len(t, reqs, 3, "a write, its sync, and the mark")
	var last wal.LSN
	for range 3 {
		last = log.Append([]byte("b"))
		require.Empty(t, log.Take(nil))
	}
	for _, r := range reqs {
		require.Less(t, log.Durable(), first)
		d.execute(r)
		require.Empty(t, log.Take(nil))
		log.Done(r.Token, nil)
	}
	require.Equal(t, first, log.Durable())
	require.Len(t, log.Take(nil), 3, "all that waited goes as one batch")
	require.Less(t, log.Durable(), last)
}

func TestTakeAppendsToWhatItIsGiven(t *testing.T) {
	log, _, _ := start(t, newDisk(512), oneSegment)
	log.Append(nil)
	reqs := log.Take([]wal.DiskRequest{{Token: 99}})
	require.Len(t, reqs, 5)
	require.EqualValues(t, 99, reqs[0].Token)
	require.NotEqual(t, reqs[1].Token, reqs[2].Token)
}

// Any failure is final, in recovery or later.
func TestAFailureIsForGood(t *testing.T) {
	broken := errors.New("broken disk")
	for n := range 40 {
		d := newDisk(512)
		log, _, _, err := recoverWith(d, identity, manySegments)
		require.NoError(t, err)
		log.Append([]byte("entry"))
		var reqs []wal.DiskRequest
		for range n {
			if len(reqs) == 0 {
				log.Append(make([]byte, 50))
				reqs = log.Take(nil)
			}
			if len(reqs) > 0 {
				d.execute(reqs[0])
				log.Done(reqs[0].Token, nil)
				reqs = reqs[1:]
			}
		}
		if len(reqs) == 0 {
			log.Append(make([]byte, 50))
			reqs = log.Take(nil)
		}
		durable := log.Durable()
		log.Done(reqs[0].Token, broken)
		for _, r := range reqs[1:] {
			log.Done(r.Token, nil)
		}
		require.ErrorIs(t, log.Failed(), broken)
		require.ErrorContains(t, log.Failed(), reqs[0].String())
		require.Less(t, log.Durable(), log.Append([]byte("more")))
		require.Empty(t, log.Take(nil))
		require.Equal(t, durable, log.Durable())
		require.False(t, log.Ready())
	}
}

func TestReportsOutOfTurnStopTheLog(t *testing.T) {
	for _, report := range []func(log *wal.Log, reqs []wal.DiskRequest){
		func(log *wal.Log, reqs []wal.DiskRequest) { log.Done(reqs[len(reqs)-1].Token+1, nil) },
		func(log *wal.Log, reqs []wal.DiskRequest) { log.Done(reqs[0].Token, nil); log.Done(reqs[0].Token, nil) },
		func(log *wal.Log, reqs []wal.DiskRequest) {
			n := slices.IndexFunc(reqs, func(r wal.DiskRequest) bool { return !r.Quiet })
			log.Done(reqs[n].Token, nil)
			log.Done(reqs[0].Token, nil) // it was reported done
		},
		func(log *wal.Log, reqs []wal.DiskRequest) {
			log.Done(reqs[0].Token, nil)
			log.Done(reqs[1].Token, nil)
			log.Done(reqs[1].Token, nil)
			log.Append([]byte("another"))
			require.Empty(t, log.Take(nil))
		},
	} {
		log, _, _ := start(t, newDisk(512), oneSegment)
		log.Append([]byte("entry"))
		report(log, log.Take(nil))
		require.ErrorContains(t, log.Failed(), "out of turn")
	}
}

// Only reports of quiet requests may be omitted. Here the omitted one is of a sync
// that the log waits for, followed by requests that prepare another file.
func TestReportsThatAreNotQuietAreNeeded(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, oneSegment)
	for range 300 {
		log.Append(make([]byte, 100))
		reqs := log.Take(nil)
		if loud := slices.IndexFunc(reqs, func(r wal.DiskRequest) bool { return !r.Quiet }); loud < len(reqs)-1 {
			log.Done(reqs[len(reqs)-1].Token, nil)
			require.ErrorContains(t, log.Failed(), "out of turn")
			return
		}
		for _, r := range reqs {
			d.execute(r)
			log.Done(r.Token, nil)
		}
	}
	t.Fatal("nothing was ever prepared")
}

// Reports of quiet requests may be omitted: the durable position advances when a
// request that is not quiet is reported, and no sooner.
func TestQuietRequestsNeedNoReport(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, oneSegment)
	quiet := 0
	for range 300 { // requests of all kinds, over several segments
		at := log.Append(make([]byte, 100))
		for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
			for _, r := range reqs {
				d.execute(r)
				if r.Quiet {
					quiet++
					continue
				}
				log.Done(r.Token, nil)
			}
			require.NoError(t, log.Failed())
		}
		require.Equal(t, at, log.Durable())
	}
	require.Greater(t, quiet, 300)
	_, _, entries := start(t, d, oneSegment)
	require.Len(t, entries, 300)
}

func TestEntriesHaveALimit(t *testing.T) {
	d := newDisk(512)
	log, _, _ := start(t, d, oneSegment)
	log.Append(make([]byte, wal.MaxPayload))
	run(log, d)
	require.Panics(t, func() { log.Append(make([]byte, wal.MaxPayload+1)) })
	_, _, entries := start(t, d, oneSegment)
	require.Len(t, entries[0], wal.MaxPayload)
}

func TestFormatNeedsAnIncarnation(t *testing.T) {
	_, _, _, err := recoverWith(newDisk(512), wal.Identity{Node: 1}, oneSegment)
	require.ErrorContains(t, err, "16 random bytes")
}

func TestSegmentsHaveALeastSize(t *testing.T) {
	_, _, _, err := recoverWith(newDisk(512), identity, wal.Options{Segment: wal.MinSegment - 1})
	require.ErrorContains(t, err, "want at least 128")
	start(t, newDisk(512), wal.Options{Segment: wal.MinSegment})
}

func TestAnErrorOfTheOwnerEndsTheRecovery(t *testing.T) {
	broken := errors.New("no such machine")
	data := written(t, [][]string{{"a", "b"}})
	_, _, err := wal.Recover(diskWith(data), identity, oneSegment, func(payload []byte, _ wal.LSN) error {
		if string(payload) == "b" {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, segment1+", offset ")
}

func TestErrorsOfTheDirectoryAreHandedOn(t *testing.T) {
	broken := errors.New("broken disk")
	for _, dir := range []wal.Dir{badDir{list: broken}, badDir{read: broken}} {
		_, _, _, err := recoverWith(dir, identity, oneSegment)
		require.ErrorIs(t, err, broken)
	}
}

type badDir struct{ list, read error }

func (d badDir) List() ([]string, error)     { return []string{segment1}, d.list }
func (d badDir) Read(string) ([]byte, error) { return nil, d.read }

func TestOtherFilesAreNotLookedAt(t *testing.T) {
	d := newDisk(512)
	for _, name := range []string{"lock", "wal-1", "wal-000000000000000A", "wal-0000000000000001~", "WAL-0000000000000002"} {
		d.put(name, []byte("?"))
	}
	_, was, _ := start(t, d, oneSegment)
	require.True(t, was.Fresh)
	_, was, _ = start(t, d, oneSegment)
	require.False(t, was.Fresh)
}

func TestRecoverKeepsTheIncarnationOfTheLog(t *testing.T) {
	d := diskWith(written(t, [][]string{{"entry"}}))
	later := identity
	later.Incarnation = [16]byte{9}
	_, was, _, err := recoverWith(d, later, oneSegment)
	require.NoError(t, err)
	require.Equal(t, identity, was.Identity)
}

// The bytes on disk match an independent implementation of the package comment.
func TestTheFormatIsPinned(t *testing.T) {
	data := written(t, [][]string{{"a", "bc"}})
	h := firstHeader
	h.size = uint64(oneSegment.Segment)
	want := forgeHeader(h)
	want = forgeRecord(want, identity, 0, 0, 1, "\x01\x00\x00\x00\x00\x00\x00\x00")
	want = forgeRecord(want, identity, 0, 0, 1, "\x01\x00\x00\x00\x00\x00\x00\x00")
	want = forgeRecord(want, identity, 0, 0, 2, "a")
	want = forgeRecord(want, identity, 0, 14, 2, "bc")
	require.True(t, bytes.Equal(want, data), "%x\n%x", want, data)
	require.Equal(t, "6c6f636b73746570"+"0500"+"0300", fmt.Sprintf("%x", data[:12]))
}
