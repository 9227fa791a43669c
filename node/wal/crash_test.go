package wal_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// explorer visits all that can happen to a log in a few short lives: a power
// loss between any two steps, with every subset of the pending pieces.
type explorer struct {
	options wal.Options
	batches [][]int // sizes of the entries each life appends once it is ready
	keep    int     // entries that are not given up with each batch; 0: all
	seen    map[string]bool
	worlds  int
	met     map[string]int  // how many worlds were in a state of interest
	again   map[string]bool // names that files were given
}

// explore runs one life on a disk, and from every point of it the lives that a
// power loss there could lead to.
func (x *explorer) explore(t *testing.T, d *disk, b belief, lives int) {
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
	x.meet(t, d)
	if lives == 0 {
		return
	}
	before := ""
	x.live(d, log, was, &b, func() {
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

// meet notes what of interest recovery has found to do first.
func (x *explorer) meet(t *testing.T, d *disk) {
	log, _, _, err := recoverWith(d, identity, x.options)
	require.NoError(t, err)
	for _, r := range log.Take(nil) {
		switch {
		case r.Op == wal.Remove:
			x.met["a next segment without use"]++
		case r.Op == wal.Write && len(r.Data) == 13 && r.Data[12] == 3:
			x.met["a seal that may not be durable"]++
		}
	}
	if _, first := d.visible[segment1]; !first && len(d.visible) > 1 {
		x.met["a first segment that was removed"]++
	}
	for name, data := range d.visible {
		switch spans, _ := records(name, data); {
		case name == marksFile || len(data) < head || data[48] == 0:
		case name != fmt.Sprintf("wal-%016x", data[48]):
			x.met["a header of the life before"]++
		case len(spans) > 0 && x.again[name] && len(used(data)) > spans[len(spans)-1].end:
			x.met["records, and those of the life before"]++
		}
	}
}

// live runs one life to its end and calls crash before each step.
func (x *explorer) live(d *disk, log *wal.Log, was wal.Recovered, b *belief, crash func()) {
	batches, rests := x.batches, false
	for {
		reqs := log.Take(nil)
		if log.Ready() && len(batches) > 0 {
			for i, size := range batches[0] {
				text := fmt.Sprintf("%d.%d.%d.", was.Boot, len(batches), i)
				b.append(log, text+strings.Repeat("x", size-len(text)))
			}
			if x.keep > 0 {
				b.keep(log, x.keep)
			}
			batches = batches[1:]
			reqs = log.Take(reqs)
		}
		if len(reqs) == 0 && rests {
			return
		}
		if len(reqs) == 0 {
			log.Rest()
			rests = true
		}
		for _, r := range reqs {
			crash()
			x.again[r.To] = true
			d.execute(r)
			crash()
			log.Done(r.Token, nil)
			b.speaks(log, was.Boot)
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
				seen: map[string]bool{}, met: map[string]int{}, again: map[string]bool{},
			}
			if os.Getenv("LOCKSTEP_LONG") != "" {
				c.lives++ // minutes
			}
			x.explore(t, newDisk(c.sector), belief{}, c.lives)
			t.Logf("%d different worlds, %v", x.worlds, x.met)
			if c.segment < 200 {
				require.Positive(t, x.met["a next segment without use"])
			}
			if c.keep > 0 {
				require.Positive(t, x.met["a first segment that was removed"])
			}
			if len(c.batches) > 3 {
				require.Positive(t, x.met["a header of the life before"])
				require.Positive(t, x.met["records, and those of the life before"])
			}
		})
	}
}

// A sync fails and drops what it should have written, but it stays readable. The
// next life finds it, and makes it durable before it builds on it.
func TestWhatAFailedSyncDroppedIsWrittenAgain(t *testing.T) {
	for n := 1; ; n++ {
		x := dropped{T: t, d: newDisk(512)}
		x.live(0)
		x.live(n)
		if x.failing > 0 {
			return // there are fewer than n syncs in a life
		}
		x.live(0)
	}
}

// dropped is a log of several lives, of which one may fail.
type dropped struct {
	*testing.T
	d        *disk
	believed belief
	failing  int // the sync that is to fail, counted from the next; 0: none
}

// live is one life, which ends early if a sync fails.
func (x *dropped) live(failing int) {
	log, was, found, err := recoverWith(x.d, identity, tight)
	require.NoError(x, err)
	x.believed, err = x.believed.recovered(was, found)
	require.NoError(x, err)
	x.failing = failing
	for i := 0; ; {
		reqs := log.Take(nil)
		for _, r := range reqs {
			if x.execute(log, r); log.Failed() != nil {
				return
			}
			x.believed.speaks(log, was.Boot)
			x.check()
		}
		if len(reqs) > 0 {
			continue
		}
		if i == 6 {
			return
		}
		x.believed.append(log, fmt.Sprint("entry ", i))
		x.believed.keep(log, 5)
		i++
	}
}

func (x *dropped) execute(log *wal.Log, r wal.Request) {
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

// check is that what could be said survives the loss of all that was not synced.
func (x *dropped) check() {
	_, was, found, err := recoverWith(x.d.powerLoss(func(int) bool { return false }), identity, tight)
	require.NoError(x, err)
	_, err = x.believed.recovered(was, found)
	require.NoError(x, err)
}
