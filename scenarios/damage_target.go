package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// DamageTarget is the part of a node's log that a damage of its disk strikes. Chance
// strikes the few bytes that matter most rarely: the record of the last start, or the
// last record that a mark covers. The bytes are those that the part has when the damage
// is done. There is no damage if the log has no such part, or if the node could not tell
// the damage from a torn write: see disk.Fault. A system that is no DamageLocator has
// the damage where chance puts it.
type DamageTarget string

// The targets.
const (
	AnyBytes   DamageTarget = ""            // chance decides
	LastBoot   DamageTarget = "last_boot"   // the last record of a start
	LastEntry  DamageTarget = "last_entry"  // the last record of promises, values or notes
	LastTrim   DamageTarget = "last_trim"   // the last record that releases segments
	LastSeal   DamageTarget = "last_seal"   // the last end of a segment that another follows
	LastHeader DamageTarget = "last_header" // the header of the last segment
)

// damageTargets lists the targets that name a part.
var damageTargets = []DamageTarget{LastBoot, LastEntry, LastTrim, LastSeal, LastHeader}

// DamageLocator is a Run that finds the parts of its nodes' logs. LocateDamage returns
// the place of a target on a disk of a node, and false if there is none.
type DamageLocator interface {
	LocateDamage(d disk.View, target DamageTarget) (at disk.Range, found bool)
}

// hasPlace reports whether a damage can be done at a place that is chosen. A misdirected
// write has two.
func hasPlace(f disk.Fault) bool { return f.Damages() && f != disk.Misdirected }

// checkTarget checks the target of f.
func (f *Fault) checkTarget() error {
	switch {
	case f.Target == AnyBytes:
		return nil
	case !slices.Contains(damageTargets, f.Target):
		return fmt.Errorf("target: %q: want one of %v, or nothing", f.Target, damageTargets)
	case !hasPlace(f.What):
		return fmt.Errorf("target: %q: a disk fault %v has none: want it with %v, %v or %v", f.Target, f.What, disk.BitRot, disk.Zeroed, disk.Truncated)
	}
	return nil
}
