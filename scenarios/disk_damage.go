package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// Disk damage is bounded before a run. A damaged disk is not repaired: a node that
// finds the damage is lost for good. So damage affects a minority, and nodes that
// the heal phase excludes count towards it.

// checkDamage names the first fault by which half of the nodes or more could be
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

// damages reports whether f may cost its nodes durable data.
func (f *Fault) damages() bool {
	return f.Kind == Wipe || f.Kind == Rollback || f.Kind == DiskFailure && f.What.Damages()
}

// chooseDamageable chooses the nodes whose disks may be damaged: none in systems
// that need all of their nodes.
func chooseDamageable(c Choices, p *Plan, shape Shape) []sim.ID {
	if !shape.Majority || !shape.disks() {
		return nil
	}
	damageable := slices.Clone(p.Heal.Excluded)
	for i := 0; len(damageable) < (p.Nodes-1)/2; i++ {
		rest := others(p, damageable)
		damageable = append(damageable, rest[c.Part("atlas", i).Choose("node", uint64(len(rest)))])
	}
	slices.Sort(damageable)
	return damageable
}

// generateDiskFault chooses the kind of a disk fault and its nodes.
func generateDiskFault(c Choices, p *Plan, swarm familySet, damageable []sim.ID, f *Fault) {
	what := slices.DeleteFunc(sim.DiskFaults(), func(f sim.DiskFault) bool {
		if f.Damages() {
			return len(damageable) == 0 || !swarm.has(DiskDamage)
		}
		return !swarm.has(DiskErrors)
	})
	f.What = what[c.Choose("what", uint64(len(what)))]
	if f.damages() {
		f.Nodes = c.Among("damaged", damageable, 1, len(damageable))
		if hasPlace(f.What) && c.Often("target?", 50) {
			f.Target = damageTargets[c.Choose("target", uint64(len(damageTargets)))]
		}
	} else {
		f.Nodes = c.Nodes("disk", p, 1, p.Nodes)
	}
}

// generateRestart chooses a restart of the nodes of a disk fault: a broken disk is
// often noticed only then. Some of the damage is done while they are down: of a log that
// ended in the middle of a write.
func generateRestart(c Choices, f Fault, faultsEnd Duration) Fault {
	if f.damages() && c.Often("while down?", 40) {
		before := min(f.At, Duration(c.Choose("down before", uint64(f.For))))
		return Fault{Kind: PowerLoss, At: f.At - before, For: before + 1 + Duration(c.Choose("down after", uint64(f.For))), Nodes: f.Nodes}
	}
	return Fault{
		Kind:  []FaultKind{PowerLoss, ProcessCrash}[c.Choose("restart kind", 2)],
		At:    min(faultsEnd, f.At+Duration(c.Choose("restart at", 2*uint64(f.For)))),
		For:   1 + Duration(c.Choose("restart for", uint64(faultsEnd/8))),
		Nodes: f.Nodes,
	}
}
