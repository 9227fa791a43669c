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

// chooseDamageable chooses the nodes whose disks may be damaged, if the system proves
// the loss: none in systems that need all of their nodes.
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
