package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// The fault atlas says before a run what it may do to whom. A damaged disk is
// not mended: a node that finds the damage is lost for good. So damage is for a
// minority, and those that the heal phase goes without count with it.

// checkDamage names the first fault with which half of the nodes or more could be
// lost.
func (p *Plan) checkDamage() error {
	lost := slices.Clone(p.Heal.Excluded)
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

// AffectsDiskOf reports whether f is a fault of a node's disk.
func (f *Fault) AffectsDiskOf(id sim.ID) bool {
	return f.Kind == DiskFailure && slices.Contains(f.Nodes, id)
}

// damages reports whether f may cost its nodes what is durable.
func (f *Fault) damages() bool {
	return f.Kind == Wipe || f.Kind == Rollback || f.Kind == DiskFailure && f.What.Damages()
}

// chooseDamageable chooses the nodes whose disks may be damaged: none in systems
// that need all of their nodes.
func chooseDamageable(c choices, p *Plan, shape Shape) []sim.ID {
	if !shape.Majority || !shape.disks() {
		return nil
	}
	damageable := slices.Clone(p.Heal.Excluded)
	for i := 0; len(damageable) < (p.Nodes-1)/2; i++ {
		rest := others(p, damageable)
		damageable = append(damageable, rest[c.at("atlas", i).Choose("node", uint64(len(rest)))])
	}
	slices.Sort(damageable)
	return damageable
}

// generateDiskFault chooses what happens to which disks.
func generateDiskFault(c choices, p *Plan, swarm familySet, damageable []sim.ID, f *Fault) {
	what := slices.DeleteFunc(sim.DiskFaults(), func(f sim.DiskFault) bool {
		if f.Damages() {
			return len(damageable) == 0 || !swarm.has(DiskDamage)
		}
		return !swarm.has(DiskErrors)
	})
	f.What = what[c.Choose("what", uint64(len(what)))]
	if f.damages() {
		f.Nodes = c.among("damaged", damageable, 1, len(damageable))
	} else {
		f.Nodes = c.nodes("disk", p, 1, p.Nodes)
	}
}

// generateRestart chooses when the nodes of a fault of their disks restart: what
// is wrong with a disk often shows only then.
func generateRestart(c choices, f Fault, faultsEnd Duration) Fault {
	return Fault{
		Kind:  []FaultKind{PowerLoss, ProcessCrash}[c.Choose("restart kind", 2)],
		At:    min(faultsEnd, f.At+Duration(c.Choose("restart at", 2*uint64(f.For)))),
		For:   1 + Duration(c.Choose("restart for", uint64(faultsEnd/8))),
		Nodes: f.Nodes,
	}
}
