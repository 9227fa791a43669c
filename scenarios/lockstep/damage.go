package lockstep

import (
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// LocateDamage implements scenarios.DamageLocator, with the log's own reader. A log that
// cannot be read has no parts.
func (r *run) LocateDamage(d disk.View, target scenarios.DamageTarget) (disk.Range, bool) {
	at, found, err := wal.Locate(d, logPart(target))
	return disk.Range{File: at.File, From: at.From, To: at.To}, found && err == nil
}

// logPart is the part of a log that a target names.
func logPart(target scenarios.DamageTarget) wal.Part {
	switch target {
	case scenarios.LastBoot:
		return wal.BootPart
	case scenarios.LastEntry:
		return wal.EntryPart
	case scenarios.LastTrim:
		return wal.TrimPart
	case scenarios.LastSeal:
		return wal.SealPart
	case scenarios.LastHeader:
		return wal.HeaderPart
	}
	panic("lockstep: a plan that validates has no damage target " + string(target))
}

var _ scenarios.DamageLocator = (*run)(nil)
