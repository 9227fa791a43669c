package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// newDisk returns the disk of a process.
func (w *World) newDisk(p disk.Profile, k keyed.Key) *disk.Device {
	return disk.New(disk.Config{Profile: p, HighWaterFile: w.cfg.HighWaterFile, Key: k, Changed: onChangedWrite})
}

// onChangedWrite panics, as the data of a write has changed before the write was done.
func onChangedWrite(file string, done Duration) {
	panic(&Misuse{Class: MisuseWriteChanged, At: done, Text: fmt.Sprintf(
		"the data of a write to %s changed before the write was done: give the disk a copy, or wait for DiskDone", file)})
}

// submit hands a disk request to p's disk.
func (w *World) submit(p *proc, r *disk.Request) {
	if err := r.Validate(); err != nil {
		panic(fmt.Sprintf("sim: process %d: %v", p.id, err))
	}
	w.stats.DiskOps++
	w.fold(uint64(r.Op)<<32|uint64(p.id), r.Token)
	w.fold(p.disk.NameHash(r.File), uint64(r.Offset))
	w.fold(checksum(r.Data), 2)
	if r.Op == disk.Rename {
		w.fold(keyed.String(r.To), 4)
	}
	if w.cfg.Trace != nil {
		w.traceDisk(p.id, r)
	}
	var step disk.Step
	begin := p.disk.NextBegin(w.now)
	if len(p.watches) > 0 {
		step = p.disk.StepOf(r)
	}
	done := p.disk.Submit(w.now, r)
	if step != "" {
		w.onWatchedStep(p, step, begin, done)
	}
	if p.disk.Notifies() {
		w.push(done, record{kind: recordDiskDone, to: p.id, life: p.life})
	}
}

// Wipe empties the disk of a process, which must be down.
func (w *World) Wipe(id ID) {
	p := w.mustBeDown(id)
	p.disk.Wipe(uint64(p.life))
	w.hits.Wipe++
	w.fold(uint64(id), keyed.String("wipe"))
}

// InjectDiskFault has a disk fault of a process last until the given time. Damage
// is done at once, if there are bytes that may be damaged.
func (w *World) InjectDiskFault(id ID, f disk.Fault, until Duration) {
	w.proc(id).disk.Inject(f, w.now, until, &w.diskHits)
	w.fold(uint64(id)<<8|uint64(f), uint64(until))
}

// ClearDiskFaults ends all faults of a process's disk. Damage stays.
func (w *World) ClearDiskFaults(id ID) { w.proc(id).disk.ClearFaults() }

// DiskDamaged reports whether a fault has ever damaged durable data on the disk
// of a process.
func (w *World) DiskDamaged(id ID) bool { return w.proc(id).disk.Damaged() }

// DiskFailed reports whether an operation of the process has failed in this life
// because of a disk fault.
func (w *World) DiskFailed(id ID) bool { return w.proc(id).disk.Failed() }

// DiskHits returns the counts of the effects of disk faults, over all disks.
func (w *World) DiskHits() disk.Hits { return w.diskHits }

// DamageDisk does the damage f to the disk of a process at a place, at once: see
// disk.Device.Damage.
func (w *World) DamageDisk(id ID, f disk.Fault, at disk.Range) {
	w.proc(id).disk.Damage(f, w.now, at, &w.diskHits)
	w.fold(uint64(id)<<8|uint64(f), keyed.Mix(keyed.String(at.File), uint64(at.From)^uint64(at.To)<<32))
}

// CopyDisk copies the durable content of the disk of a process, which may be up.
func (w *World) CopyDisk(id ID) disk.Copy { return w.proc(id).disk.Copy() }

// RestoreDisk replaces the content of the disk of a process by a copy, durably.
// The process must be down.
func (w *World) RestoreDisk(id ID, c disk.Copy) {
	p := w.mustBeDown(id)
	p.disk.Restore(c, uint64(p.life))
	w.hits.Rollback++
	w.fold(uint64(id), keyed.String("restore"))
}

// mustBeDown returns a process, and panics if it is up.
func (w *World) mustBeDown(id ID) *proc {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d is not down", id))
	}
	return p
}
