package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Family is a kind of trouble that a plan may have, whatever its intensity. A
// seed has about half of those that its profile allows, each by itself: what some
// faults together would hide, others alone may show (Groce et al., "Swarm
// Testing", ISSTA 2012).
type Family uint8

// The families.
const (
	Drops          Family = iota
	Bursts                // of loss
	Delays                // that differ
	Duplicates            //
	Reorders              //
	Corruption            // of bytes
	Resets                // of connections
	Gaps                  // bandwidth
	Clogs                 //
	Refusals              // sends that fail
	Partitions            //
	OneWays               //
	Cuts                  //
	Flaps                 // of any of the five before
	PowerLosses           // losses of power
	ProcessCrashes        //
	Restarts              // crashes or kills again and again
	DiskErrors            // and slowness
	DiskDamage            //
	Wipes                 //
	Rollbacks             // to older copies of a disk
	Pauses                //
	Slowness              //
	Freezes               // of clocks
	Drifts                // of clocks
	Exclusions            // nodes that stay out of the heal phase's core
	numFamilies
)

var familyNames = [numFamilies]string{
	"drop", "burst", "delay", "duplicate", "reorder", "corrupt", "reset", "gap", "clog", "refuse",
	"partition", "one_way", "cut", "flap", "power_loss", "process_crash", "restarts", "disk", "damage", "wipe", "rollback",
	"pause", "slow", "freeze", "drift", "outside",
}

// String is the family's name.
func (f Family) String() string {
	if f < numFamilies {
		return familyNames[f]
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// label is the name under which the generator hashes choices about the family. It
// stays when the name changes, or seeds would be other plans.
func (f Family) label() string {
	switch f {
	case PowerLosses:
		return "crash"
	case ProcessCrashes:
		return "kill"
	}
	return f.String()
}

// familySet is some families.
type familySet uint32

func (s *familySet) add(f Family, is bool) {
	if is {
		*s |= 1 << f
	}
}

func (s familySet) has(f Family) bool { return s>>f&1 == 1 }

func (s familySet) list() []Family {
	var list []Family
	for f := range numFamilies {
		if s.has(f) {
			list = append(list, f)
		}
	}
	return list
}

// Families lists what p has, in the order of the families.
func Families(p *Plan) []Family { return familiesOf(p).list() }

func familiesOf(p *Plan) familySet {
	var s familySet
	s.network(&p.Network)
	for _, c := range p.Clocks {
		s.add(Drifts, c.Drift != 0)
	}
	for i := range p.Faults {
		s.fault(&p.Faults[i])
	}
	s.add(Exclusions, p.Heal.Exclusion != DownAtFirst)
	return s
}

func (s *familySet) network(p *netmodel.Profile) {
	s.add(Drops, p.Drop != 0)
	s.add(Bursts, p.Burst.Chance != 0 && p.Burst.Drop != 0)
	s.add(Delays, p.Delay.Kind != netmodel.Constant)
	s.add(Duplicates, p.Duplicate != 0)
	s.add(Reorders, p.Reorder != 0)
	s.add(Corruption, p.Corrupt != 0)
	s.add(Resets, p.Reset != 0)
	s.add(Gaps, p.Gap != 0)
}

// familyOfKind are the families of faults that have one.
var familyOfKind = map[FaultKind]Family{
	Partition: Partitions, OneWay: OneWays, Cut: Cuts, Clog: Clogs, Refuse: Refusals,
	PowerLoss: PowerLosses, ProcessCrash: ProcessCrashes, Pause: Pauses, Slow: Slowness, Freeze: Freezes, Wipe: Wipes, Rollback: Rollbacks,
}

func (s *familySet) fault(f *Fault) {
	if family, ok := familyOfKind[f.Kind]; ok {
		s.add(family, true)
	}
	switch f.Kind {
	case ProfileOverride:
		s.network(f.Profile)
	case DiskFailure:
		s.add(DiskDamage, f.damages())
		s.add(DiskErrors, !f.damages())
	}
	s.add(Freezes, f.Freeze)
	s.add(Flaps, f.Every != 0 && f.ofLinks())
	s.add(Restarts, f.Every != 0 && !f.ofLinks())
}

// Families lists what the plans of a shape may have, in order.
func (s Shape) Families() []Family {
	var all familySet
	for f := range numFamilies {
		switch {
		case slices.Contains(s.Without, f):
		case f == Wipes, f == Rollbacks, f == Exclusions:
			all.add(f, s.Profile == All && s.minority())
		case f == DiskDamage:
			all.add(f, s.disks() && s.minority())
		case f == Partitions, f == OneWays, f == Cuts:
			all.add(f, s.network() && s.Nodes != 1)
		case f <= Flaps:
			all.add(f, s.network())
		case f <= Restarts:
			all.add(f, s.crashes())
		case f <= DiskErrors:
			all.add(f, s.disks())
		default:
			all.add(f, s.Profile == All)
		}
	}
	return all.list()
}

// minority reports whether some nodes may be lost for good.
func (s Shape) minority() bool { return s.Majority && s.Nodes != 1 && s.Nodes != 2 }

// FamilyHits counts how often each family has made a difference in a run.
type FamilyHits [numFamilies]uint64

// Add adds up.
func (h *FamilyHits) Add(o FamilyHits) {
	for f := range h {
		h[f] += o[f]
	}
}
