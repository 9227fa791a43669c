package wal_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// explorer visits all states that a log can reach in a few short lives: with a power
// loss between any two steps, and every subset of the pending pieces.
type explorer struct {
	options     wal.Options
	batches     [][]int // sizes of the entries that each life appends once it is ready
	keep        int     // entries that each trim keeps; 0: no trims
	seen        map[string]bool
	worlds      int
	situations  map[string]int  // how often each state of interest was found
	reusedNames map[string]bool // names to which files were renamed
}

// explore runs one life on a disk, and from each of its steps all lives that can
// follow a power loss there.
func (x *explorer) explore(t *testing.T, d *disk, b model, lives int) {
	key := fmt.Sprint(d.state(), b, lives)
	if x.seen[key] {
		return
	}
	x.seen[key] = true
	x.worlds++
	log, was, found, err := recoverWith(d, identityOf(lives), x.options)
	require.NoError(t, err, "%q, %v", d.durable, b)
	b, err = b.recovered(was, found)
	require.NoError(t, err, "%q, %v", d.durable, b)
	x.recordSituation(t, d)
	if lives == 0 {
		return
	}
	before := ""
	x.runLife(d, log, was, &b, func() {
		now := fmt.Sprint(len(d.pending), d.state(), b)
		if now == before {
			return
		}
		before = now
		pieces := len(d.pieces())
		for subset := range uint64(1) << pieces {
			x.explore(t, d.powerLoss(func(i int) bool { return subset>>i&1 == 1 }), b, lives-1)
		}
	})
	require.NoError(t, log.Failed())
}

// recordSituation counts states of interest that recovery begins with.
func (x *explorer) recordSituation(t *testing.T, d *disk) {
	log, _, _, err := recoverWith(d, identity, x.options)
	require.NoError(t, err)
	for _, r := range log.Take(nil) {
		switch {
		case r.Op == wal.Remove:
			x.situations["a next segment without use"]++
		case r.Op == wal.Write && len(r.Data) == 13 && r.Data[12] == 3:
			x.situations["a seal that may not be durable"]++
		}
	}
	if _, first := d.visible[segment1]; !first && len(d.visible) > 1 {
		x.situations["a first segment that was removed"]++
	}
	for name, data := range d.visible {
		switch spans, _ := records(name, data); {
		case name == marksFile || len(data) < headerSize || data[48] == 0:
		case name != fmt.Sprintf("wal-%016x", data[48]):
			x.situations["a header of the life before"]++
		case len(spans) > 0 && x.reusedNames[name] && len(used(data)) > spans[len(spans)-1].end:
			x.situations["records, and those of the life before"]++
		}
	}
}

// runLife runs one life to its end and calls crash before each step.
func (x *explorer) runLife(d *disk, log *wal.Log, was wal.Recovered, b *model, crash func()) {
	batches, rests := x.batches, false
	for {
		reqs := log.Take(nil)
		if log.Ready() && len(batches) > 0 {
			for i, size := range batches[0] {
				text := fmt.Sprintf("%d.%d.%d.", was.Boot, len(batches), i)
				b.append(log, text+strings.Repeat("x", size-len(text)))
			}
			if x.keep > 0 {
				b.trimAllBut(log, x.keep)
			}
			batches = batches[1:]
			reqs = log.Take(reqs)
		}
		if len(reqs) == 0 && rests {
			return
		}
		if len(reqs) == 0 {
			log.SyncMark()
			rests = true
		}
		for _, r := range reqs {
			crash()
			x.reusedNames[r.To] = true
			d.execute(r)
			crash()
			log.Done(r.Token, nil)
			b.acknowledge(log, was.Boot)
		}
	}
}

func TestEverySubsetOfWritesSurvivesEveryCrash(t *testing.T) {
	for _, c := range []struct {
		name    string
		sector  int
		segment int
		lives   int
		batches [][]int
		keep    int
	}{
		// Entries of 8 bytes make records of 21, as long as a boot: bytes of a
		// torn batch then line up with what later lives append.
		{"sectors of 16 bytes, records that line up", 16, 512, 2, [][]int{{8}, {8, 8, 8}}, 0},
		{"sectors of 21 bytes", 21, 512, 2, [][]int{{8, 8, 8, 8}, {8}}, 0},
		{"sectors of 64 bytes, one crash more", 64, 600, 3, [][]int{{8}, {8, 70, 8}}, 0},
		{"sectors of 512 bytes, large entries", 512, 4096, 2, [][]int{{600, 8, 900}, {8, 400, 400}}, 0},
		{"a segment for two records", 64, 169, 2, [][]int{{8}, {8, 8}}, 0},
		{"a segment for two records, trimmed", 64, 169, 2, [][]int{{8}, {8, 8}, {8}}, 1},
		{"headers torn often", 32, 194, 2, [][]int{{8}, {8, 8}}, 1},
		{"a batch larger than a segment", 512, 128, 2, [][]int{{8, 300}, {8, 8}}, 2},
		{"files go round", 64, 169, 2, [][]int{{8}, {8, 8}, {8}, {8}, {8, 8, 8}, {8}, {8}, {8}}, 1},
		{"files go round, records that line up", 32, 169, 2, [][]int{{8}, {8}, {8}, {8, 8}, {8}}, 1},
		{"one crash more", 512, 169, 3, [][]int{{8, 8}, {8}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := explorer{
				options: wal.Options{Segment: c.segment}, batches: c.batches, keep: c.keep,
				seen: map[string]bool{}, situations: map[string]int{}, reusedNames: map[string]bool{},
			}
			if os.Getenv("LOCKSTEP_LONG") != "" {
				c.lives++ // minutes
			}
			x.explore(t, newDisk(c.sector), model{}, c.lives)
			t.Logf("%d different worlds, %v", x.worlds, x.situations)
			if c.segment < 200 {
				require.Positive(t, x.situations["a next segment without use"])
			}
			if c.keep > 0 {
				require.Positive(t, x.situations["a first segment that was removed"])
			}
			if len(c.batches) > 3 {
				require.Positive(t, x.situations["a header of the life before"])
				require.Positive(t, x.situations["records, and those of the life before"])
			}
		})
	}
}

// A sync fails and drops bytes, which stay readable. The next life reads them, and
// makes them durable before anything depends on them.
func TestWhatAFailedSyncDroppedIsWrittenAgain(t *testing.T) {
	for n := 1; ; n++ {
		x := failedSync{T: t, d: newDisk(512)}
		x.runLife(0)
		x.runLife(n)
		if x.failing > 0 {
			return // there are fewer than n syncs in a life
		}
		x.runLife(0)
	}
}

// failedSync is a log of several lives, with a sync that fails.
type failedSync struct {
	*testing.T
	d       *disk
	model   model
	failing int // the number of the sync to fail, counted from now; 0: none
}

// runLife runs one life, which ends early if a sync fails.
func (x *failedSync) runLife(failing int) {
	log, was, found, err := recoverWith(x.d, identity, manySegments)
	require.NoError(x, err)
	x.model, err = x.model.recovered(was, found)
	require.NoError(x, err)
	x.failing = failing
	for i := 0; ; {
		reqs := log.Take(nil)
		for _, r := range reqs {
			if x.execute(log, r); log.Failed() != nil {
				return
			}
			x.model.acknowledge(log, was.Boot)
			x.check()
		}
		if len(reqs) > 0 {
			continue
		}
		if i == 6 {
			return
		}
		x.model.append(log, fmt.Sprint("entry ", i))
		x.model.trimAllBut(log, 5)
		i++
	}
}

func (x *failedSync) execute(log *wal.Log, r wal.DiskRequest) {
	if r.Op == wal.Sync {
		x.failing--
	}
	if r.Op == wal.Sync && x.failing == 0 {
		x.d.failSync(r, func() bool { return false })
		log.Done(r.Token, errDisk)
		return
	}
	x.d.execute(r)
	log.Done(r.Token, nil)
}

// check requires that acknowledged entries survive the loss of all unsynced changes.
func (x *failedSync) check() {
	_, was, found, err := recoverWith(x.d.powerLoss(func(int) bool { return false }), identity, manySegments)
	require.NoError(x, err)
	_, err = x.model.recovered(was, found)
	require.NoError(x, err)
}
