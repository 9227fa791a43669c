package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

const segment1 = "wal-0000000000000001"

// identity is the one that all tests format with.
var identity = wal.Identity{Cluster: [16]byte{0xc1}, Node: 3, Incarnation: [16]byte{0x1c, 1}}

// identityOf is one with another incarnation.
func identityOf(incarnation int) wal.Identity {
	id := identity
	id.Incarnation[15] = byte(incarnation)
	return id
}

// run executes requests until the log has no more.
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

// start is a life that is ready.
func start(t testing.TB, d *disk) (*wal.Log, wal.Recovered) {
	t.Helper()
	log, was, err := wal.Recover(d, identity)
	require.NoError(t, err)
	run(log, d)
	require.True(t, log.Ready())
	return log, was
}

// written is the file of a log of several lives, each with batches of entries.
func written(t testing.TB, lives ...[][]string) []byte {
	t.Helper()
	d := newDisk(512)
	for _, batches := range lives {
		log, _ := start(t, d)
		for _, batch := range batches {
			for _, entry := range batch {
				log.Append([]byte(entry))
			}
			run(log, d)
		}
	}
	return d.durable[segment1]
}

func texts(entries [][]byte) []string {
	var all []string
	for _, e := range entries {
		all = append(all, string(e))
	}
	return all
}

func TestEveryLifeRecoversWhatAllBeforeWrote(t *testing.T) {
	d := newDisk(512)
	var want []string
	for life := uint64(1); life <= 5; life++ {
		log, was := start(t, d)
		require.Equal(t, want, texts(was.Entries))
		require.Equal(t, wal.Recovered{Identity: identity, Boot: life, Entries: was.Entries, Formatted: life == 1}, was)
		for i := range 4 {
			for j := range 1 << i {
				entry := strings.Repeat(fmt.Sprint(life, i, j), int(life)*100*i)
				want = append(want, entry)
				require.Equal(t, log.End()+13+wal.LSN(len(entry)), log.Append([]byte(entry)))
			}
			run(log, d)
			require.Equal(t, log.End(), log.Durable())
		}
	}
}

func TestOneBatchIsInFlightAndTheRestWaits(t *testing.T) {
	d := newDisk(512)
	log, _ := start(t, d)
	first := log.Append([]byte("a"))
	reqs := log.Take(nil)
	require.Len(t, reqs, 2)
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
	require.Len(t, log.Take(nil), 2, "all that waited goes as one batch")
	require.Less(t, log.Durable(), last)
}

func TestTakeAppendsToWhatItIsGiven(t *testing.T) {
	log, _ := start(t, newDisk(512))
	log.Append(nil)
	reqs := log.Take([]wal.Request{{Token: 99}})
	require.Len(t, reqs, 3)
	require.EqualValues(t, 99, reqs[0].Token)
	require.NotEqual(t, reqs[1].Token, reqs[2].Token)
}

// The log stops for good at any failure, be it in recovery or later.
func TestAFailureIsForGood(t *testing.T) {
	broken := errors.New("broken disk")
	for n := range 12 {
		d := newDisk(512)
		log, _, err := wal.Recover(d, identity)
		require.NoError(t, err)
		log.Append([]byte("entry"))
		var reqs []wal.Request
		for range n {
			if len(reqs) == 0 {
				reqs = log.Take(nil)
			}
			if len(reqs) > 0 {
				d.execute(reqs[0])
				log.Done(reqs[0].Token, nil)
				reqs = reqs[1:]
			}
		}
		if len(reqs) == 0 {
			log.Append([]byte("another"))
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
	for _, report := range []func(log *wal.Log, reqs []wal.Request){
		func(log *wal.Log, reqs []wal.Request) { log.Done(reqs[1].Token, nil) },
		func(log *wal.Log, reqs []wal.Request) { log.Done(reqs[0].Token, nil); log.Done(reqs[0].Token, nil) },
		func(log *wal.Log, reqs []wal.Request) {
			log.Done(reqs[0].Token, nil)
			log.Done(reqs[1].Token, nil)
			log.Done(reqs[1].Token, nil)
			log.Append([]byte("another"))
			require.Empty(t, log.Take(nil))
		},
	} {
		log, _ := start(t, newDisk(512))
		log.Append([]byte("entry"))
		report(log, log.Take(nil))
		require.ErrorContains(t, log.Failed(), "out of turn")
	}
}

func TestEntriesHaveALimit(t *testing.T) {
	d := newDisk(512)
	log, _ := start(t, d)
	log.Append(make([]byte, wal.MaxPayload))
	run(log, d)
	require.Panics(t, func() { log.Append(make([]byte, wal.MaxPayload+1)) })
	_, was := start(t, d)
	require.Len(t, was.Entries[0], wal.MaxPayload)
}

func TestFormatNeedsAnIncarnation(t *testing.T) {
	_, _, err := wal.Recover(newDisk(512), wal.Identity{Node: 1})
	require.ErrorContains(t, err, "16 random bytes")
}

func TestErrorsOfTheDirectoryAreHandedOn(t *testing.T) {
	broken := errors.New("broken disk")
	for _, dir := range []wal.Dir{badDir{list: broken}, badDir{read: broken}} {
		_, _, err := wal.Recover(dir, identity)
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
	_, was := start(t, d)
	require.True(t, was.Formatted)
	_, was = start(t, d)
	require.False(t, was.Formatted)
}

func TestRecoverKeepsTheIncarnationOfTheLog(t *testing.T) {
	d := diskWith(written(t, [][]string{{"entry"}}))
	later := identity
	later.Incarnation = [16]byte{9}
	_, was, err := wal.Recover(d, later)
	require.NoError(t, err)
	require.Equal(t, identity, was.Identity)
}

// The bytes on disk are those of the package comment, written in other words.
func TestTheFormatIsPinned(t *testing.T) {
	data := written(t, [][]string{{"a", "bc"}})
	want := forgeHeader(header{version: 1, id: identity, sequence: 1})
	want = forgeRecord(want, identity, 0, 0, 1, "\x01\x00\x00\x00\x00\x00\x00\x00")
	want = forgeRecord(want, identity, 0, 0, 1, "\x01\x00\x00\x00\x00\x00\x00\x00")
	want = forgeRecord(want, identity, 0, 0, 2, "a")
	want = forgeRecord(want, identity, 0, 14, 2, "bc")
	require.True(t, bytes.Equal(want, data), "%x\n%x", want, data)
	require.Equal(t, "6c6f636b73746570"+"0100"+"0300", fmt.Sprintf("%x", data[:12]))
}
