package scenarios

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

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
func describeDisk(p disk.Profile) string {
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
	if n := len(p.Competing); n > 0 {
		fmt.Fprintf(&b, "definitions that compete with it: %d\n", n)
	}
	k := p.Knobs
	fmt.Fprintf(&b, "consensus timeout %v, %d resends after %v each, client timeout %v\n", k.ConsensusTimeout, k.MaxResends, k.ResendTimeout, k.ClientTimeout)
	for i := range p.Settings {
		fmt.Fprintf(&b, "%v\n", &p.Settings[i])
	}
	if k.Backlog != 0 {
		fmt.Fprintf(&b, "backlog of a log %d bytes\n", k.Backlog)
	}
	if k.MachineQuota != 0 || k.MachineBytes != 0 {
		fmt.Fprintf(&b, "quotas: %d machines, %d bytes of them; 0 is the default\n", k.MachineQuota, k.MachineBytes)
	}
	if k.RepairList != 0 {
		fmt.Fprintf(&b, "lists of repair of up to %d\n", k.RepairList)
	}
	if k.FirstBoot != 0 || k.FirstRound != 0 {
		fmt.Fprintf(&b, "boots begin with %d, rounds with %d\n", max(1, k.FirstBoot), max(1, k.FirstRound))
	}
	if k.FirstSerial != 0 {
		fmt.Fprintf(&b, "serials begin with %d, as after a restoration\n", k.FirstSerial)
	}
	if k.RoundLeap != 0 {
		fmt.Fprintf(&b, "messages ahead by up to %d rounds\n", k.RoundLeap)
	}
	for i := range p.NodeKnobs {
		fmt.Fprintf(&b, "%v\n", &p.NodeKnobs[i])
	}
	fmt.Fprintf(&b, "network: %s\n", Describe(p.Network))
	if s := p.Steps; s != (sim.StepProfile{}) {
		fmt.Fprintf(&b, "a step takes %v and up to %d events\n", s.Time, max(1, s.Batch))
	}
	if p.Disk != (disk.Profile{}) {
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
