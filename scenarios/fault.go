package scenarios

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
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

// String is the fault in words, without its time.
func (f *Fault) String() string {
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
	case Crash:
		return fmt.Sprintf("crash %d", f.Nodes)
	case Kill:
		return fmt.Sprintf("kill %d", f.Nodes)
	case BadDisk:
		return fmt.Sprintf("disk %v %d", f.What, f.Nodes)
	case Weather:
		where := "on all links"
		if len(f.Links) > 0 {
			where = fmt.Sprintf("on %v", f.Links)
		}
		return fmt.Sprintf("weather %s: %s", where, Describe(*f.Profile))
	}
	return string(f.Kind)
}

// Describe is a link profile in words.
func Describe(p netmodel.Profile) string {
	d := p.Delay
	s := fmt.Sprintf("%v delay %v", d.Kind, d.Min)
	switch d.Kind {
	case netmodel.Uniform:
		s += fmt.Sprintf(" to %v", d.Max)
	case netmodel.Exponential, netmodel.Heavy:
		s += fmt.Sprintf(" + mean %v, at most %v", d.Mean, d.Max)
	}
	for _, r := range []struct {
		name string
		ppm  netmodel.PPM
	}{{"drop", p.Drop}, {"duplicate", p.Duplicate}, {"reorder", p.Reorder}} {
		if r.ppm != 0 {
			s += fmt.Sprintf(", %s %d.%01d %%", r.name, r.ppm/10_000, r.ppm/1000%10)
		}
	}
	return s
}

// Summary is the plan in a few lines for a person: all that the seed decided
// but for the operations, which it counts.
func (p *Plan) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nodes %d, clients %d, operations %d on %s\n", p.Nodes, p.Clients, len(p.Operations), strings.Join(p.Machines(), " "))
	k := p.Knobs
	fmt.Fprintf(&b, "consensus timeout %v, %d retries every %v, client timeout %v\n", k.ConsensusTimeout, k.RetryAttempts, k.RetryDelay, k.ClientTimeout)
	fmt.Fprintf(&b, "network: %s\n", Describe(p.Network))
	for n, c := range p.Clocks {
		fmt.Fprintf(&b, "clock of node %d: drift %d ppm\n", n+1, c.Drift)
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		fmt.Fprintf(&b, "fault at %v for %v: %v\n", f.At, f.For, f)
	}
	if n := len(p.Fates); n > 0 {
		fmt.Fprintf(&b, "messages with a fate of their own: %d\n", n)
	}
	fmt.Fprintf(&b, "heal at %v\n", p.Heal.At)
	return b.String()
}
