package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// Cuts lists the links that f cuts while it lasts.
func (f *Fault) Cuts() []netmodel.Link {
	switch f.Kind {
	case Partition:
		var links []netmodel.Link
		for i, a := range f.Groups {
			for _, b := range f.Groups[:i] {
				links = append(links, netmodel.TwoWay(a, b)...)
			}
		}
		return links
	case OneWay:
		return netmodel.OneWay(f.Sources, f.Targets)
	case Cut:
		return f.Links
	}
	return nil
}

// ofLinks reports whether f is a fault of links that begins and ends.
func (f *Fault) ofLinks() bool {
	switch f.Kind {
	case Partition, OneWay, Cut, Clog, Refuse:
		return true
	}
	return false
}

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
		return (f.Kind == Pause || f.Kind == Slow || f.Kind == Freeze) &&
			f.At <= to && from <= min(f.At+f.For, p.Heal.At) && slices.Contains(f.Nodes, id)
	})
}

// fullBatch is the batch of a node that never leaves an event to the next step.
const fullBatch = 256

// String describes the fault, without its time.
func (f *Fault) String() string {
	s := f.words()
	if f.Every > 0 {
		s += fmt.Sprintf(", on and off every %v", f.Every)
	}
	return s
}

func (f *Fault) words() string {
	switch f.Kind {
	case Partition:
		groups := make([]string, len(f.Groups))
		for i, g := range f.Groups {
			groups[i] = fmt.Sprint(g)
		}
		return "partition " + strings.Join(groups, " | ")
	case OneWay:
		return fmt.Sprintf("one-way partition: nothing gets from %d to %d", f.Sources, f.Targets)
	case Cut:
		return fmt.Sprintf("cut %v", f.Links)
	case PowerLoss:
		return fmt.Sprintf("power loss of %d", f.Nodes)
	case ProcessCrash:
		return fmt.Sprintf("process crash of %d", f.Nodes)
	case DiskFailure:
		if f.Target != AnyBytes {
			return fmt.Sprintf("disk %v %d at the %s", f.What, f.Nodes, words(string(f.Target)))
		}
		return fmt.Sprintf("disk %v %d", f.What, f.Nodes)
	case DiskCrash:
		return fmt.Sprintf("%s of %d when the disk request %s #%d is %s", words(string(f.Crash)), f.Nodes, words(string(f.Op)), f.Occurrence, words(string(f.Phase)))
	case Slow:
		return fmt.Sprintf("slow %d: an event every %v", f.Nodes, f.Pace)
	case Pause:
		if f.Freeze {
			return fmt.Sprintf("pause %d, clocks stopped", f.Nodes)
		}
		return fmt.Sprintf("pause %d", f.Nodes)
	case Freeze:
		return fmt.Sprintf("stopped clocks %d", f.Nodes)
	case Wipe:
		return fmt.Sprintf("wipe %d", f.Nodes)
	case Rollback:
		if f.Live {
			return fmt.Sprintf("roll back %d to a copy made while they run", f.Nodes)
		}
		return fmt.Sprintf("roll back %d", f.Nodes)
	case Stop:
		return fmt.Sprintf("stop %d, which drain for %v", f.Nodes, f.Drain)
	case Clog, Refuse:
		return fmt.Sprintf("%s %s", f.Kind, f.where())
	case ProfileOverride:
		return fmt.Sprintf("profile override %s: %s", f.where(), Describe(*f.Profile))
	}
	return string(f.Kind)
}

// Moment is the moment of the disk at which f, a disk_crash, strikes.
func (f *Fault) Moment() sim.DiskMoment {
	return sim.DiskMoment{Step: f.Op, Occurrence: f.Occurrence, Phase: f.Phase}
}

// words writes a name of a plan as words.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// where describes the links of f.
func (f *Fault) where() string {
	if len(f.Links) == 0 {
		return "on all links"
	}
	return fmt.Sprintf("on %v", f.Links)
}

// describeDelay describes delays.
func describeDelay(d netmodel.Delay) string {
	s := fmt.Sprintf("%v delay %v", d.Kind, d.Min)
	switch d.Kind {
	case netmodel.Uniform:
		s += fmt.Sprintf(" to %v", d.Max)
	case netmodel.Exponential, netmodel.Heavy:
		s += fmt.Sprintf(" + mean %v, at most %v", d.Mean, d.Max)
	}
	return s
}

// describeDisk describes a disk's profile.
func describeDisk(p sim.DiskProfile) string {
	s := fmt.Sprintf("writes %s, syncs %s", describeDelay(p.Write), describeDelay(p.Sync))
	if p.Keep == 0 {
		return s + "; unsynced changes are lost"
	}
	return s + fmt.Sprintf("; %s of the unsynced changes survive, %s of them torn and %s scattered over sectors of %d bytes",
		percent(p.Keep), percent(p.Tear), percent(p.Scatter), cmp.Or(p.Sector, 512))
}

// Describe describes a link profile.
func Describe(p netmodel.Profile) string {
	s := describeDelay(p.Delay)
	for _, r := range []struct {
		name string
		ppm  netmodel.PPM
	}{{"drop", p.Drop}, {"duplicate", p.Duplicate}, {"reorder", p.Reorder}, {"corrupt", p.Corrupt}, {"reset", p.Reset}, {"break", p.Break}} {
		if r.ppm != 0 {
			s += fmt.Sprintf(", %s %s", r.name, percent(r.ppm))
		}
	}
	if b := p.Burst; b.Chance != 0 {
		s += fmt.Sprintf(", bursts of %v (%s of the time) that drop %s", b.Window, percent(b.Chance), percent(b.Drop))
	}
	if p.Gap != 0 {
		s += fmt.Sprintf(", a message every %v", p.Gap)
	}
	return s
}

func percent(p netmodel.PPM) string { return fmt.Sprintf("%d.%01d %%", p/10_000, p/1000%10) }

// Summary describes the plan in a few lines: everything that was derived from the
// seed, except that operations are only counted.
func (p *Plan) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nodes %d, clients %d, operations %d on %s\n", p.Nodes, p.Clients, len(p.Operations), strings.Join(p.Machines(), " "))
	if len(p.Created) > 0 {
		fmt.Fprintf(&b, "no node is configured with %s: clients create it\n", strings.Join(p.Created, " "))
	}
	k := p.Knobs
	fmt.Fprintf(&b, "consensus timeout %v, %d resends after %v each, client timeout %v\n", k.ConsensusTimeout, k.MaxResends, k.ResendTimeout, k.ClientTimeout)
	for i := range p.Settings {
		fmt.Fprintf(&b, "%v\n", &p.Settings[i])
	}
	if k.Backlog != 0 {
		fmt.Fprintf(&b, "backlog of a log %d bytes\n", k.Backlog)
	}
	if k.FirstBoot != 0 || k.FirstRound != 0 {
		fmt.Fprintf(&b, "boots begin with %d, rounds with %d\n", max(1, k.FirstBoot), max(1, k.FirstRound))
	}
	for i := range p.NodeKnobs {
		fmt.Fprintf(&b, "%v\n", &p.NodeKnobs[i])
	}
	fmt.Fprintf(&b, "network: %s\n", Describe(p.Network))
	if s := p.Steps; s != (sim.StepProfile{}) {
		fmt.Fprintf(&b, "a step takes %v and up to %d events\n", s.Time, max(1, s.Batch))
	}
	if p.Disk != (sim.DiskProfile{}) {
		fmt.Fprintf(&b, "disks: %s\n", describeDisk(p.Disk))
	}
	for n, c := range p.Clocks {
		fmt.Fprintf(&b, "clock of node %d: drift %d ppm", n+1, c.Drift)
		if c.Offset != 0 {
			fmt.Fprintf(&b, ", %v ahead", c.Offset)
		}
		b.WriteByte('\n')
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		fmt.Fprintf(&b, "fault at %v for %v: %v", f.At, f.For, f)
		if f.Aim != "" {
			fmt.Fprintf(&b, ", aimed: %s", f.Aim)
		}
		b.WriteByte('\n')
	}
	if n := len(p.Overrides); n > 0 {
		fmt.Fprintf(&b, "messages whose fate is overridden: %d\n", n)
	}
	fmt.Fprintf(&b, "heal at %v", p.Heal.At)
	if h := p.Heal; h.Exclusion != DownAtFirst {
		fmt.Fprintf(&b, ", nodes %d stay %v", h.Excluded, h.Exclusion)
	}
	b.WriteByte('\n')
	return b.String()
}
