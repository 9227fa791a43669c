package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// The faults of links: see faultKinds.

func (f *Fault) cutsOfPartition() []netmodel.Link {
	var links []netmodel.Link
	for i, a := range f.Groups {
		for _, b := range f.Groups[:i] {
			links = append(links, netmodel.TwoWay(a, b)...)
		}
	}
	return links
}

func (f *Fault) cutsOfOneWay() []netmodel.Link { return netmodel.OneWay(f.Sources, f.Targets) }

func (f *Fault) cutsOfCut() []netmodel.Link { return f.Links }

func (f *Fault) partitionWords() string {
	groups := make([]string, len(f.Groups))
	for i, g := range f.Groups {
		groups[i] = fmt.Sprint(g)
	}
	return "partition " + strings.Join(groups, " | ")
}

func (f *Fault) oneWayWords() string {
	return fmt.Sprintf("one-way partition: nothing gets from %d to %d", f.Sources, f.Targets)
}

func (f *Fault) cutWords() string { return fmt.Sprintf("cut %v", f.Links) }

func (f *Fault) kindOnLinks() string { return fmt.Sprintf("%s %s", f.Kind, f.where()) }

func (f *Fault) profileWords() string {
	return fmt.Sprintf("profile override %s: %s", f.where(), Describe(*f.Profile))
}

func (f *Fault) profileFamilies() familySet {
	var s familySet
	s.network(f.Profile)
	return s
}

// overrideProfile chooses another profile for all links.
func (t *timeline) overrideProfile(c Choices, f *Fault) []Fault {
	w := generateLink(c, c.Span("weather", 200*netmodel.Microsecond, 20*netmodel.Millisecond), t.swarm, 50)
	if t.plan.Knobs.Codec == "" {
		w.Corrupt = 0
	}
	f.Profile = &w
	return nil
}

func (t *timeline) partition(c Choices, f *Fault) []Fault {
	f.Groups = t.groups(c)
	return t.flap(c, f)
}

func (t *timeline) oneWay(c Choices, f *Fault) []Fault {
	f.Sources = c.Nodes("side", t.plan, 1, t.plan.Nodes-1)
	f.Targets = others(t.plan, f.Sources)
	return t.flap(c, f)
}

// cut chooses a ring of links that remain, or both directions between two nodes.
func (t *timeline) cut(c Choices, f *Fault) []Fault {
	if t.plan.Nodes > 3 && c.Often("ring?", 30) {
		f.Links = netmodel.Ring(others(t.plan, nil))
	} else {
		pair := c.Nodes("pair", t.plan, 2, 2)
		f.Links = netmodel.TwoWay(pair[:1], pair[1:])
	}
	return t.flap(c, f)
}

// someLinks chooses the links from some nodes to all others, or all links.
func (t *timeline) someLinks(c Choices, f *Fault) []Fault {
	if t.plan.Nodes > 1 && c.Often("some links?", 70) {
		from := c.Nodes("side", t.plan, 1, t.plan.Nodes-1)
		f.Links = netmodel.OneWay(from, others(t.plan, from))
	}
	return t.flap(c, f)
}

// flap chooses whether f is on and off in turn. No fault comes with it.
func (t *timeline) flap(c Choices, f *Fault) []Fault {
	if t.swarm.has(Flaps) && c.Often("flap?", 50) {
		f.Every = togglePeriod(c, f.For, 20)
	}
	return nil
}

// groups chooses a partition: any two sides, a majority and a minority, one node
// alone, or two sides with a bridge that reaches both.
func (t *timeline) groups(c Choices) [][]sim.ID {
	p := t.plan
	switch c.Choose("shape", 4) {
	case 1:
		side := c.Nodes("majority", p, p.Nodes/2+1, max(p.Nodes/2+1, p.Nodes-1))
		if rest := others(p, side); len(rest) > 0 {
			return [][]sim.ID{side, rest}
		}
	case 2:
		one := c.Nodes("alone", p, 1, 1)
		return [][]sim.ID{one, others(p, one)}
	case 3:
		if p.Nodes > 2 {
			bridge := c.Nodes("bridge", p, 1, 1)
			rest := others(p, bridge)
			side := c.Among("side", rest, 1, len(rest)-1)
			return [][]sim.ID{side, others(p, slices.Concat(bridge, side))}
		}
	}
	side := c.Nodes("side", p, 1, p.Nodes-1)
	return [][]sim.ID{side, others(p, side)}
}
