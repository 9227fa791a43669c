package disk

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// crashOutcomes decides the outcomes that the disk model leaves open at a process
// crash, a power loss or a failed sync. k is the key of the choice.
type crashOutcomes interface {
	completed(k keyed.Key, n int) int   // how many of n requests in flight were carried out
	survives(k keyed.Key) bool          // whether a change that is not durable survives
	sectorsKept(k keyed.Key, n int) int // how many of the n sectors of a surviving write are kept: the first
	scatters(k keyed.Key, n int) bool   // whether any of the n sectors of a surviving write may be kept instead
	keepsSector(k keyed.Key, i int) bool
}

// randomOutcomes chooses by the probabilities of the disk's profile.
type randomOutcomes struct{ Profile }

func (p randomOutcomes) completed(k keyed.Key, n int) int {
	return int(k.Name("begun").Below(uint64(n + 1)))
}
func (p randomOutcomes) survives(k keyed.Key) bool { return k.Name("keep").Chance(uint32(p.Keep)) }
func (p randomOutcomes) sectorsKept(k keyed.Key, n int) int {
	if n == 0 || !k.Name("tear").Chance(uint32(p.Tear)) {
		return n
	}
	return int(k.Name("sectors").Below(uint64(n)))
}
func (p randomOutcomes) scatters(k keyed.Key, n int) bool {
	return p.Scatter != 0 && n > 1 && k.Name("scatter").Chance(uint32(p.Scatter))
}
func (p randomOutcomes) keepsSector(k keyed.Key, i int) bool {
	return k.Name("sector").Word(uint64(i)).Chance(uint32(netmodel.Always) / 2)
}

// crashOutcomes returns the chooser of the outcomes for d.
func (d *Device) crashOutcomes() crashOutcomes {
	if d.outcomes == nil {
		return randomOutcomes{d.profile}
	}
	return d.outcomes
}

// LosePower applies a power loss: some of the unsynced changes survive.
func (d *Device) LosePower() {
	d.powerLosses++
	d.forgetUnsyncedHighWater()
	d.failBehindFailure()
	d.takeBackUnbegun()
	k, by := d.key.Name("crash").Word(d.powerLosses), d.crashOutcomes()
	d.idleAt, d.inFlight = 0, d.inFlight[:0]
	d.dir.losePower(func(i int, m *nameChange) bool { return by.survives(k.Name(m.name()).Name("link").Word(uint64(i))) })
	for _, e := range d.dir.visible {
		d.losePowerOnFile(e.file, k.Name(e.file.name), by)
	}
}

// losePowerOnFile applies a power loss to f.
func (d *Device) losePowerOnFile(f *file, k keyed.Key, by crashOutcomes) {
	if size := f.maxSize(); size > cap(f.image) {
		f.image = append(d.alloc(size), f.image...)
	}
	f.fold()
	for i, c := range f.changes {
		switch {
		case i >= f.syncedCount:
			d.applyRest(f, c, k.Word(uint64(i)), by)
		case !c.lost:
			f.image = c.apply(f.image)
		}
	}
	f.folded, f.changes, f.syncedCount = f.changeCount(), f.changes[:0], 0
}

// applyRest applies to f what a power loss leaves of c: nothing, all, its first
// sectors, or any of its sectors.
func (d *Device) applyRest(f *file, c change, k keyed.Key, by crashOutcomes) {
	if !by.survives(k) {
		return
	}
	n := c.sectors(d.profile)
	switch {
	case c.op == Truncate:
		f.image = c.apply(f.image)
	case by.scatters(k, n):
		for i := range n {
			if by.keepsSector(k, i) {
				f.image = c.sectorRange(i, i+1, d.profile).apply(f.image)
			}
		}
	default:
		f.image = c.firstSectors(by.sectorsKept(k, n), d.profile).apply(f.image)
	}
}

// CrashProcess applies a process crash: the first few requests in flight were
// carried out, and the write after them perhaps in part.
func (d *Device) CrashProcess() {
	d.processCrashes++
	d.failBehindFailure()
	k, by := d.key.Name("kill").Word(d.processCrashes), d.crashOutcomes()
	begun := 0
	if len(d.inFlight) > 0 {
		begun = by.completed(k, len(d.inFlight))
	}
	for i := range d.inFlight[:begun] {
		d.execute(&d.inFlight[i])
	}
	for i := len(d.inFlight) - 1; i >= begun; i-- {
		d.undo(&d.inFlight[i], i == begun, k, by)
	}
	d.idleAt, d.inFlight = 0, d.inFlight[:0]
	d.forgetUnsyncedHighWater()
}

// undo undoes the changes of r. If r is the current request, a write, some of its
// first sectors may stay.
func (d *Device) undo(r *request, current bool, k keyed.Key, by crashOutcomes) {
	if r.file == nil {
		return
	}
	d.dir.undo(r.moves)
	if r.op != Write && r.op != Truncate {
		return
	}
	f := r.file
	c := f.changes[len(f.changes)-1]
	f.undo()
	if n := c.sectors(d.profile); current && r.op == Write && n > 1 {
		if begun := by.sectorsKept(k, n); begun < n {
			f.change(c.firstSectors(begun, d.profile))
			f.torn = true
		}
	}
}

// dropUnsynced applies a failed sync to the changes that it covers: some have
// reached the disk, and the others are lost, though they can be read. No later
// sync writes them.
func (d *Device) dropUnsynced(r *request) {
	f := r.file
	k := d.key.Name("dropped").Name(f.name)
	for i := f.syncedCount; i < int(r.covers-f.folded); i++ {
		f.changes[i].lost = !d.crashOutcomes().survives(k.Word(f.folded + uint64(i)))
	}
	f.syncedCount = max(f.syncedCount, int(r.covers-f.folded))
}

// AllDurable reports whether a power loss would change nothing.
func (d *Device) AllDurable() bool {
	return len(d.inFlight) == 0 && len(d.dir.changes) == 0 && !slices.ContainsFunc(d.dir.visible, func(e dirEntry) bool {
		return len(e.file.changes) > e.file.syncedCount || slices.ContainsFunc(e.file.changes, func(c change) bool { return c.lost })
	})
}
