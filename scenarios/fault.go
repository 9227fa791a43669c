package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// FaultKind is the kind of a Fault. It determines the fields that the fault has.
type FaultKind string

// The kinds of faults.
const (
	Partition       FaultKind = "partition"        // Groups cannot reach each other
	OneWay          FaultKind = "one_way"          // nothing gets from Sources to Targets
	Cut             FaultKind = "cut"              // nothing passes Links: a partial partition
	ProfileOverride FaultKind = "profile_override" // Links (none: all) follow Profile
	PowerLoss       FaultKind = "power_loss"       // Nodes lose power and restart when it ends
	ProcessCrash    FaultKind = "process_crash"    // the processes of Nodes end, their hosts stay up, and restart when it ends
	DiskFailure     FaultKind = "disk"             // the disks of Nodes have the given fault; damage is done when it begins
	DiskCrash       FaultKind = "disk_crash"       // Nodes crash, as Crash says, at the Phase of the disk request that is the Occurrence-th of kind Op since the fault began, and restart at once
	Clog            FaultKind = "clog"             // Links (none: all) hold arriving messages and release them together when it ends
	Refuse          FaultKind = "refuse"           // sends over Links (none: all) fail at the sender
	Pause           FaultKind = "pause"            // Nodes stop, and receive all waiting events when it ends; their clocks go on, unless Freeze is set
	Slow            FaultKind = "slow"             // Nodes take events at least Pace apart
	Freeze          FaultKind = "freeze"           // the clocks of Nodes stop, and continue from the same time
	Wipe            FaultKind = "wipe"             // Nodes lose power, and return with empty disks when it ends: their promises are lost
	Stop            FaultKind = "stop"             // Nodes reject new requests of clients, stop after Drain, and restart when it ends
	Members         FaultKind = "members"          // each of Nodes is asked for the Change of members, of Targets, when it begins
	Rollback        FaultKind = "rollback"         // Nodes restart, and again when it ends, with their disks as they were when it began, if all others can detect it
)

// Fault is something that goes wrong at a time, for a while.
//
// With Every set a fault is on and off in turn, each for that time: links flap, and
// nodes restart repeatedly.
//
// A node that stops because its disk fails is started again when the disk fault is
// over. A node that refuses to start because of damage stays down for the rest of
// the run, and a node whose disk was wiped or rolled back may take part no more. So
// the nodes whose disks are damaged, wiped or rolled back anywhere in a plan,
// together with the nodes that Heal excludes, are less than half.
type Fault struct {
	At         Duration          `json:"at"`
	For        Duration          `json:"for"`
	Kind       FaultKind         `json:"kind"`
	Groups     [][]sim.ID        `json:"groups,omitempty"`
	Sources    []sim.ID          `json:"sources,omitempty"`
	Targets    []sim.ID          `json:"targets,omitempty"`
	Links      []netmodel.Link   `json:"links,omitempty"`
	Profile    *netmodel.Profile `json:"profile,omitempty"`
	Nodes      []sim.ID          `json:"nodes,omitempty"`
	What       disk.Fault        `json:"what,omitempty"`
	Target     DamageTarget      `json:"target,omitempty"`     // disk: the part of the log that the damage strikes; empty: chance decides
	Crash      FaultKind         `json:"crash,omitempty"`      // disk_crash: power_loss or process_crash
	Op         disk.Step         `json:"op,omitempty"`         // disk_crash
	Phase      disk.Phase        `json:"phase,omitempty"`      // disk_crash
	Occurrence int               `json:"occurrence,omitempty"` // disk_crash: from 1
	Every      Duration          `json:"every,omitempty"`      // faults of links, power_loss, process_crash: on and off in turn, each for so long
	Pace       Duration          `json:"pace,omitempty"`       // slow
	Freeze     bool              `json:"freeze,omitempty"`     // pause: the clock stops as well, as on a suspended host
	Live       bool              `json:"live,omitempty"`       // rollback: the nodes do not restart when it begins: the copy is of running ones
	Drain      Duration          `json:"drain,omitempty"`      // stop: time for which the nodes still handle the requests that they have
	Change     MemberChange      `json:"change,omitempty"`     // members
	Aim        string            `json:"aim,omitempty"`        // the instant of an earlier run that it was aimed at, in words; it has no effect
}

// Moment is the moment of the disk at which f, a disk_crash, strikes.
func (f *Fault) Moment() disk.Moment {
	return disk.Moment{Step: f.Op, Occurrence: f.Occurrence, Phase: f.Phase}
}

// Cuts lists the links that f cuts while it lasts.
func (f *Fault) Cuts() []netmodel.Link {
	if cuts := f.Kind.row().cuts; cuts != nil {
		return cuts(f)
	}
	return nil
}

// AffectsDiskOf reports whether f is a fault of a node's disk.
func (f *Fault) AffectsDiskOf(id sim.ID) bool {
	return f.Kind == DiskFailure && slices.Contains(f.Nodes, id)
}

// damages reports whether f may cost its nodes durable data.
func (f *Fault) damages() bool {
	damages := f.Kind.row().damages
	return damages != nil && damages(f)
}

// families lists the families that f belongs to.
func (f *Fault) families() familySet {
	row := f.Kind.row()
	s := row.families
	if row.familiesOf != nil {
		s = row.familiesOf(f)
	}
	s.add(Freezes, f.Freeze)
	s.add(Flaps, f.Every != 0 && row.ofLinks)
	s.add(Restarts, f.Every != 0 && !row.ofLinks)
	return s
}

// String describes the fault, without its time.
func (f *Fault) String() string {
	words := f.Kind.row().words
	if words == nil {
		return string(f.Kind)
	}
	s := words(f)
	if f.Every > 0 {
		s += fmt.Sprintf(", on and off every %v", f.Every)
	}
	return s
}

// where describes the links of f.
func (f *Fault) where() string {
	if len(f.Links) == 0 {
		return "on all links"
	}
	return fmt.Sprintf("on %v", f.Links)
}

// words writes a name of a plan as words.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// Impaired reports whether anything in p may delay a node that is up, at some time
// in [from, to].
func (p *Plan) Impaired(id sim.ID, from, to Duration) bool {
	if p.Steps.Time > 0 && p.Steps.Batch < fullBatch {
		return true // events queue behind steps
	}
	if p.Heal.Exclusion == StayPaused && to >= p.Heal.At && slices.Contains(p.Heal.Excluded, id) {
		return true
	}
	return slices.ContainsFunc(p.Faults, func(f Fault) bool {
		return f.At <= to && from <= min(f.At+f.For, p.Heal.At) && slices.Contains(f.Nodes, id) && f.Kind.row().impairs
	})
}

// fullBatch is the batch of a node that never leaves an event to the next step.
const fullBatch = 256
