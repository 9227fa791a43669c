package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Family is a kind of fault that a plan may have, at any intensity. A seed has
// about half of the families that its profile allows, each chosen independently:
// some families hide bugs that others expose (Groce et al., "Swarm Testing", ISSTA
// 2012).
type Family uint8

// The families of faults.
const (
	Drops          Family = iota
	Bursts                // correlated loss
	Delays                // delays that vary
	Duplicates            // messages delivered twice
	Reorders              // messages delivered out of order
	Corruption            // damaged bytes
	Resets                // connections that end
	Gaps                  // limited bandwidth
	Clogs                 // links that hold messages
	Refusals              // sends that fail
	Partitions            // groups of nodes without links to each other
	OneWays               // links that lose one direction
	Cuts                  // single links that are cut
	Flaps                 // any of the five above, on and off in turn
	PowerLosses           // nodes lose power
	ProcessCrashes        // processes of nodes end
	Restarts              // repeated power losses or process crashes
	DiskCrashes           // crashes at a step of the disk
	DiskErrors            // failing requests, and slow ones
	DiskDamage            // damaged files
	Wipes                 // emptied disks
	Rollbacks             // older copies of a disk put back
	Pauses                // nodes that take no events for a while
	Slowness              // nodes that take events slowly
	Freezes               // stopped clocks
	Drifts                // clocks of different speed
	Exclusions            // nodes that the core of the heal phase excludes
	Batches               // steps of nodes that take several events
	StepTimes             // steps of nodes that take time
	Breaks                // connections of clients that break behind a message
	Stops                 // nodes that are asked to stop
	MemberChanges         // nodes that join the cluster, or leave it
	numFamilies
)

var familyNames = [numFamilies]string{
	"drop", "burst", "delay", "duplicate", "reorder", "corrupt", "reset", "gap", "clog", "refuse",
	"partition", "one_way", "cut", "flap", "power_loss", "process_crash", "restarts", "disk_crash", "disk", "damage", "wipe", "rollback",
	"pause", "slow", "freeze", "drift", "outside", "batch", "step_time", "break", "stop", "members",
}

// String is the family's name.
func (f Family) String() string {
	if f < numFamilies {
		return familyNames[f]
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// label is the name under which the generator hashes choices about the family. It
// stays when the name changes; otherwise seeds would give other plans.
func (f Family) label() string {
	switch f {
	case PowerLosses:
		return "crash"
	case ProcessCrashes:
		return "kill"
	}
	return f.String()
}

// familySet is a set of families.
type familySet uint64

// anyFamily is the set of all families.
const anyFamily = familySet(1<<numFamilies - 1)

// setOf returns the set of some families.
func setOf(list ...Family) familySet {
	var s familySet
	for _, f := range list {
		s.add(f, true)
	}
	return s
}

func (s *familySet) add(f Family, is bool) {
	if is {
		*s |= 1 << f
	}
}

func (s *familySet) remove(list ...Family) {
	for _, f := range list {
		*s &^= 1 << f
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

// Families lists the families that p has, in the order of the families.
func Families(p *Plan) []Family { return familiesOf(p).list() }

func familiesOf(p *Plan) familySet {
	var s familySet
	s.network(&p.Network)
	for _, c := range p.Clocks {
		s.add(Drifts, c.Drift != 0)
	}
	for i := range p.Faults {
		s |= p.Faults[i].families()
	}
	s.add(Exclusions, p.Heal.Exclusion != DownAtFirst)
	s.add(Batches, p.Steps.Batch > 1)
	s.add(StepTimes, p.Steps.Time != 0)
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
	s.add(Breaks, p.Break != 0)
}

// Families lists the families that plans of the shape may have, in order.
func (s Shape) Families() []Family {
	var all familySet
	for f := range numFamilies {
		switch {
		case slices.Contains(s.Without, f):
		case f == Exclusions:
			all.add(f, s.Profile == All && s.minority())
		case f == Wipes, f == Rollbacks:
			all.add(f, s.Profile == All && s.mayLoseDisks())
		case f == Batches:
			all.add(f, s.Profile == All && s.Batches)
		case f == Corruption:
			all.add(f, s.network() && s.hasBytes())
		case f == Breaks:
			all.add(f, s.network() && s.Connections)
		case f == Stops:
			all.add(f, s.Profile == All && s.Stops)
		case f == MemberChanges:
			all.add(f, s.Profile == All && s.Reconfigures && s.Nodes != 1)
		case f == DiskDamage:
			all.add(f, s.disks() && s.mayLoseDisks())
		case f == Partitions, f == OneWays, f == Cuts:
			all.add(f, s.network() && s.Nodes != 1)
		case f <= Flaps:
			all.add(f, s.network())
		case f <= DiskCrashes:
			all.add(f, s.crashes())
		case f <= DiskErrors:
			all.add(f, s.disks())
		default:
			all.add(f, s.Profile == All)
		}
	}
	return all.list()
}

// minority reports whether the system goes on without some of the nodes.
func (s Shape) minority() bool { return s.Majority && s.Nodes != 1 && s.Nodes != 2 }

// mayLoseDisks reports whether disks of some nodes may lose what was durable.
func (s Shape) mayLoseDisks() bool { return s.ProvesLoss && s.minority() }

// AllFamilies lists the families of faults, in order.
func AllFamilies() []Family { return (familySet(1<<numFamilies) - 1).list() }

// ParseFamily returns the family of a name.
func ParseFamily(name string) (Family, error) {
	for f, n := range familyNames {
		if n == name {
			return Family(f), nil
		}
	}
	return 0, fmt.Errorf("no family of faults is named %q: want one of %s", name, strings.Join(familyNames[:], ", "))
}

// FamilyHits counts how often each family has changed the course of a run.
type FamilyHits [numFamilies]uint64

// Add adds o to h.
func (h *FamilyHits) Add(o FamilyHits) {
	for f := range h {
		h[f] += o[f]
	}
}
