package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// The fault atlas says before a run what it may do to whom. A damaged disk is
// not mended: a node that finds the damage is lost for good. So damage is for a
// minority, and those that the heal phase goes without count with it.

// checkAtlas names the first fault with which half of the nodes or more could be
// lost.
func (p *Plan) checkAtlas() error {
	lost := slices.Clone(p.Heal.Without)
	for i := range p.Faults {
		f := &p.Faults[i]
		if !f.damages() {
			continue
		}
		for _, id := range f.Nodes {
			if !slices.Contains(lost, id) {
				lost = append(lost, id)
			}
		}
		if 2*len(lost) >= p.Nodes {
			return fmt.Errorf("faults[%d].nodes: with these %d of %d nodes may be lost (heal.without included): want less than half", i, len(lost), p.Nodes)
		}
	}
	return nil
}

// Hurts reports whether f is a fault of a node's disk.
func (f *Fault) Hurts(id sim.ID) bool { return f.Kind == BadDisk && slices.Contains(f.Nodes, id) }

// damages reports whether f may cost its nodes what is durable.
func (f *Fault) damages() bool {
	return f.Kind == Wipe || f.Kind == Rollback || f.Kind == BadDisk && f.What.Damages()
}

// generateAtlas chooses the nodes whose disks may be damaged: none in systems
// that need all of their nodes.
func generateAtlas(c choices, p *Plan, shape Shape) []sim.ID {
	if !shape.Majority || !shape.disks() {
		return nil
	}
	atlas := slices.Clone(p.Heal.Without)
	for i := 0; len(atlas) < (p.Nodes-1)/2; i++ {
		rest := others(p, atlas)
		atlas = append(atlas, rest[c.at("atlas", i).Choose("node", uint64(len(rest)))])
	}
	slices.Sort(atlas)
	return atlas
}

// generateBadDisk chooses what happens to which disks.
func generateBadDisk(c choices, p *Plan, swarm set, atlas []sim.ID, f *Fault) {
	what := slices.DeleteFunc(sim.DiskFaults(), func(f sim.DiskFault) bool {
		if f.Damages() {
			return len(atlas) == 0 || !swarm.has(DiskDamage)
		}
		return !swarm.has(DiskErrors)
	})
	f.What = what[c.Choose("what", uint64(len(what)))]
	if f.damages() {
		f.Nodes = c.among("damaged", atlas, 1, len(atlas))
	} else {
		f.Nodes = c.nodes("disk", p, 1, p.Nodes)
	}
}

// generateRestart chooses when the nodes of a fault of their disks restart: what
// is wrong with a disk often shows only then.
func generateRestart(c choices, f Fault, storm Duration) Fault {
	return Fault{
		Kind:  []FaultKind{Crash, Kill}[c.Choose("restart kind", 2)],
		At:    min(storm, f.At+Duration(c.Choose("restart at", 2*uint64(f.For)))),
		For:   1 + Duration(c.Choose("restart for", uint64(storm/8))),
		Nodes: f.Nodes,
	}
}
