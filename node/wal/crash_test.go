package wal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// belief is what an observer of all lives knows of the log.
type belief struct {
	appended []string // of the log as it now is, durable or not
	said     int      // how many of them a life could speak of
	boot     uint64   // the last that was ready
}

// recovered checks what a new life finds, and goes on from there.
func (b belief) recovered(was wal.Recovered) (belief, error) {
	found := texts(was.Entries)
	switch {
	case len(found) < b.said || len(found) > len(b.appended) || !slices.Equal(found, b.appended[:len(found)]):
		return b, fmt.Errorf("found %q\nappended %q, %d of them were durable", found, b.appended, b.said)
	case was.Boot <= b.boot:
		return b, fmt.Errorf("boot %d comes after boot %d", was.Boot, b.boot)
	case was.Formatted && b.boot > 0:
		return b, fmt.Errorf("formatted anew after boot %d", b.boot)
	}
	return belief{slices.Clone(found), b.said, b.boot}, nil
}

// explorer visits all that can happen to a log in a few short lives: a power
// loss between any two steps, with every subset of the pending pieces.
type explorer struct {
	batches [][]int // sizes of the entries each life appends once it is ready
	seen    map[string]bool
	worlds  int
}

// explore runs one life on a disk, and from every point of it the lives that a
// power loss there could lead to.
func (x *explorer) explore(t *testing.T, d *disk, b belief, lives int) {
	key := fmt.Sprintf("%q %v %d", d.durable[segment1], b, lives)
	if x.seen[key] {
		return
	}
	x.seen[key] = true
	x.worlds++
	before := fmt.Sprintf("%x, %v", d.durable[segment1], b)
	log, was, err := wal.Recover(d, identityOf(lives))
	require.NoError(t, err, before)
	b, err = b.recovered(was)
	require.NoError(t, err, before)
	if lives == 0 {
		return
	}
	x.live(d, log, was, &b, func() {
		pieces := len(d.pieces())
		for subset := range uint64(1) << pieces {
			x.explore(t, d.powerLoss(func(i int) bool { return subset>>i&1 == 1 }), b, lives-1)
		}
	})
	require.NoError(t, log.Failed())
}

// live runs one life to its end and calls crash before each step.
func (x *explorer) live(d *disk, log *wal.Log, was wal.Recovered, b *belief, crash func()) {
	recovered, ends := len(b.appended), []wal.LSN{}
	batches := x.batches
	for {
		reqs := log.Take(nil)
		if log.Ready() && len(batches) > 0 {
			for i, size := range batches[0] {
				text := fmt.Sprintf("%d.%d.%d.", was.Boot, len(batches), i)
				text += strings.Repeat("x", size-len(text))
				b.appended = append(b.appended, text)
				ends = append(ends, log.Append([]byte(text)))
			}
			batches = batches[1:]
			reqs = log.Take(reqs)
		}
		if len(reqs) == 0 {
			return
		}
		for _, r := range reqs {
			crash()
			d.execute(r)
			crash()
			log.Done(r.Token, nil)
			if log.Ready() {
				b.boot = was.Boot
				b.said = recovered
			}
			for _, end := range ends {
				if end <= log.Durable() {
					b.said++
				}
			}
		}
	}
}

func TestEverySubsetOfWritesSurvivesEveryCrash(t *testing.T) {
	for _, c := range []struct {
		name    string
		sector  int
		lives   int
		batches [][]int
	}{
		// Entries of 8 bytes make records of 21, as long as a boot: bytes of a
		// torn batch then line up with what later lives append.
		{"sectors of 16 bytes, records that line up", 16, 3, [][]int{{8}, {8, 8, 8}}},
		{"sectors of 21 bytes", 21, 3, [][]int{{8, 8, 8, 8}, {8}}},
		{"sectors of 64 bytes, one crash more", 64, 4, [][]int{{8}, {8, 70, 8}}},
		{"sectors of 512 bytes, large entries", 512, 2, [][]int{{600, 8, 900}, {8, 400, 400}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := explorer{batches: c.batches, seen: map[string]bool{}}
			x.explore(t, newDisk(c.sector), belief{}, c.lives)
			t.Logf("%d different worlds", x.worlds)
		})
	}
}
