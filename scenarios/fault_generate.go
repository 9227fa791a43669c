package scenarios

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// timeline is the state that the generator needs to choose the faults of the fault
// phase.
type timeline struct {
	plan       *Plan
	shape      Shape
	swarm      familySet
	damageable []sim.ID // nodes that may be lost
	faultsEnd  Duration // end of the fault phase
}

// maxEach bounds the faults of one kind in a plan.
const maxEach = 2

// generateFaults chooses the faults of the fault phase: one or two of each kind
// that the swarm has.
func generateFaults(c Choices, p *Plan, shape Shape, swarm familySet, faultsEnd Duration) {
	t := timeline{plan: p, shape: shape, swarm: swarm, damageable: chooseDamageable(c, p, shape), faultsEnd: faultsEnd}
	for i := range faultKinds {
		row, label := faultKinds[i], faultKinds[i].kind.label()
		if swarm&row.families == 0 || row.possible != nil && !row.possible(&t) {
			continue
		}
		for i := range c.Between(label+"s", 1, maxEach) {
			t.generate(c.Part("fault "+label, i), row)
		}
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
}

// generate chooses a fault of a kind, and the faults that accompany it.
func (t *timeline) generate(c Choices, row faultKind) {
	f := Fault{
		Kind: row.kind,
		At:   Duration(c.Choose("at", uint64(t.faultsEnd))),
		For:  1 + Duration(c.Choose("for", uint64(t.faultsEnd/4))),
	}
	more := row.generate(t, c, &f)
	t.plan.Faults = append(append(t.plan.Faults, f), more...)
}

// hasNetwork, hasPeers, mayLoseNodes and hasDiskFaults are conditions of kinds: see
// faultKind.possible.

func (t *timeline) hasNetwork() bool { return t.shape.network() }

func (t *timeline) hasPeers() bool { return t.plan.Nodes > 1 }

func (t *timeline) mayLoseNodes() bool { return len(t.damageable) > 0 }

func (t *timeline) hasDiskFaults() bool { return t.swarm.has(DiskErrors) || t.mayLoseNodes() }

// togglePeriod chooses the period of a fault that is on and off in turn.
func togglePeriod(c Choices, length Duration, most int) Duration {
	return 1 + length/Duration(c.Between("every", 2, most))
}

// someOrAll chooses some nodes, and sometimes all of them.
func (t *timeline) someOrAll(c Choices, label string) []sim.ID {
	if c.Often("all at once?", 20) {
		return others(t.plan, nil)
	}
	return c.Nodes(label, t.plan, 1, t.plan.Nodes)
}
