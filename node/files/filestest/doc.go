// Package filestest says what any disk below node/wal must do, real or
// simulated, as one body of tests.
//
// What a disk need not do is as telling: what no sync covers may survive a crash
// or not, in any part; requests that follow a failed one may be executed or not,
// as long as they are reported as failed; and a write to a file that nobody
// created is undefined, as is a rename to a name that is there.
//
// A log renames no file to a name that another has; for the simulated disk, that
// has its tests there.
package filestest

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Disk executes requests in order, each answered by one completion.
type Disk interface {
	Submit(r wal.DiskRequest)        // returns at once
	Wait() (token uint64, err error) // the next completion
	// Crash ends the life of the disk and begins the next with what survived.
	// Requests that are not complete end without a word.
	Crash()
	// Dir reads the disk as this life sees it, while no request is under way.
	Dir() wal.Dir
}

// Run tests the disks that open makes, each empty.
func Run(t *testing.T, open func(t *testing.T) Disk) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) { c.test(&driver{T: t, Disk: open(t)}) })
	}
	t.Run("anything synced survives any crash", func(t *testing.T) { each(t, open, randomRequests) })
	t.Run("a log loses nothing durable over its lives", func(t *testing.T) { each(t, open, logOverCrashes) })
}

// each runs a random test from several seeds, on a disk each.
func each(t *testing.T, open func(t *testing.T) Disk, test func(d *driver, c random)) {
	for seed := range uint64(seeds) {
		t.Logf("seed %d", seed) // the last one logged is the one that failed
		test(&driver{T: t, Disk: open(t)}, newRandom(seed))
	}
}

const seeds = 5
