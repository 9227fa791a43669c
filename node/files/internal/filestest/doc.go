// Package filestest is a conformance test suite for disks of node/wal, real or
// simulated.
//
// A disk has some freedom. Changes that no sync covers may survive a crash or not, in
// any part. Requests after a failed one may be executed or not, but must be reported
// as failed. A write to a file that was not created is undefined, and so is a rename
// to an existing name.
//
// A log never renames a file to an existing name. The simulated disk defines such a
// rename, and has its own tests of it.
package filestest

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Disk executes requests in order. Each has one completion, in the same order; for a
// Quiet request that succeeds it may be omitted.
type Disk interface {
	Submit(r wal.DiskRequest)        // returns at once
	Wait() (token uint64, err error) // the next completion
	// Crash ends the life of the disk and begins the next with the changes that
	// survived. Requests that are not complete never have a completion.
	Crash()
	// Dir returns the disk as this life reads it. No request may be in progress.
	Dir() wal.Dir
}

// Run runs the suite. It calls open for each test and seed, and expects an empty disk.
func Run(t *testing.T, open func(t *testing.T) Disk) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) { c.test(&driver{T: t, Disk: open(t)}) })
	}
	t.Run("anything synced survives any crash", func(t *testing.T) { each(t, open, randomRequests) })
	t.Run("a log loses nothing durable over its lives", func(t *testing.T) { each(t, open, logOverCrashes) })
}

// each runs a random test with several seeds, each on a disk of its own.
func each(t *testing.T, open func(t *testing.T) Disk, test func(d *driver, c random)) {
	for seed := range uint64(seeds) {
		t.Logf("seed %d", seed) // the last seed logged is the one that failed
		test(&driver{T: t, Disk: open(t)}, newRandom(seed))
	}
}

const seeds = 5
