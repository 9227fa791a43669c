package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// maxLevel bounds NodeKnobs.Level, whatever the system.
const maxLevel = 99

// LevelOf returns the format level of a node in one of its lives, from 1; 0 is the latest of
// the system.
func (p *Plan) LevelOf(id sim.ID, life int) (level int) {
	for i := range p.NodeKnobs {
		if o := &p.NodeKnobs[i]; o.Node == id && o.Life <= life {
			level = cmp.Or(o.Level, level)
		}
	}
	return level
}

// HasLevels reports whether any node has a format level of its own.
func (p *Plan) HasLevels() bool {
	return slices.ContainsFunc(p.NodeKnobs, func(k NodeKnobs) bool { return k.Level != 0 })
}

// checkLevel refuses a level that a plan cannot have. Where members change, a node may have
// learnt of changes, which earlier levels cannot read, so it never goes back to one.
func (p *Plan) checkLevel(k *NodeKnobs) error {
	if k.Level < 0 || k.Level > maxLevel {
		return fmt.Errorf("level: %d: want 1 to %d, or 0 for no other", k.Level, maxLevel)
	}
	if k.Level != 0 && int(k.Node) > p.Founders() {
		return fmt.Errorf("level: %d: node %d is to join, and only the latest builds can: want none", k.Level, k.Node)
	}
	if k.Level == 0 || !p.changesMembers() {
		return nil
	}
	if before := p.LevelOf(k.Node, k.Life-1); before > k.Level || before == 0 && k.Life > 1 {
		return fmt.Errorf("level: %d: node %d had a later one before, and the plan changes members: want no earlier one there", k.Level, k.Node)
	}
	return nil
}

// changesMembers reports whether p has changes of members: see also ChangesMembers.
func (p *Plan) changesMembers() bool {
	return slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Kind == Members })
}

// checkLevels names the first level of p that s does not have.
func (s *System) checkLevels(p *Plan) error {
	for i := range p.NodeKnobs {
		if l := p.NodeKnobs[i].Level; l > s.Levels {
			return fmt.Errorf("%w: node_knobs[%d].level: %d: %s has %d", ErrPlan, i, l, s.Name, s.Levels)
		}
	}
	return nil
}

// generateLevels has nodes be of different builds in one plan of ten: all the time, or while
// the cluster is rolled from one build to another, and perhaps back. Half of the rolled ones
// restart one node after the other. Where members change, so do more plans, and nearly all of
// them are rolled up to the latest level, since no change is made before.
func generateLevels(c Choices, p *Plan, shape Shape, faultsEnd Duration) {
	changes, share, often := p.changesMembers(), uint64(10), uint64(60)
	if changes {
		share, often = 30, 90
	}
	if shape.Levels < 2 || shape.Profile == None || !c.Often("levels?", share) {
		return
	}
	c = c.Part("levels", 0)
	latest := uint64(shape.Levels)
	low := 1 + int(c.Choose("low", latest-1))
	high := low + 1 + int(c.Choose("high", latest-uint64(low)))
	if c.Often("latest?", often) {
		high = shape.Levels
	}
	if !c.Often("rolled?", often) {
		for n := range p.Founders() {
			p.setLevel(NodeID(n+1), 1, []int{low, high}[c.Part("level", n).Choose("which", 2)])
		}
		return
	}
	back := c.Often("back?", 40) && !changes
	if c.Often("down?", 40) && !changes {
		low, high = high, low
	}
	for n := range p.Founders() {
		c, id := c.Part("level", n), NodeID(n+1)
		life := 2 + int(c.Choose("life", 4))/3
		p.setLevel(id, 1, low)
		p.setLevel(id, life, high)
		if back {
			p.setLevel(id, life+1+int(c.Choose("back after", 2)), low)
		}
	}
	if slices.Contains(shape.Families(), ProcessCrashes) && c.Often("in turn?", often) {
		rollNodes(c, p, faultsEnd, back)
	}
}

// setLevel has a node be of a level from a life on.
func (p *Plan) setLevel(id sim.ID, life, level int) {
	i := slices.IndexFunc(p.NodeKnobs, func(k NodeKnobs) bool { return k.Node == id && k.Life >= life || k.Node > id })
	switch {
	case i < 0:
		i = len(p.NodeKnobs)
	case p.NodeKnobs[i].Node == id && p.NodeKnobs[i].Life == life:
		p.NodeKnobs[i].Level = level
		return
	}
	p.NodeKnobs = slices.Insert(p.NodeKnobs, i, NodeKnobs{Node: id, Life: life, Level: level})
}

// rollNodes restarts one node after the other, and once more if they are rolled back. Half of
// the changes of members are asked for afterwards.
func rollNodes(c Choices, p *Plan, faultsEnd Duration, back bool) {
	times := 1
	if back {
		times = 2
	}
	at := Duration(c.Choose("at", uint64(faultsEnd/4)))
	apart := min(max(1, faultsEnd/2/Duration(times*p.Nodes)), c.Span("apart", netmodel.Millisecond, 200*netmodel.Millisecond))
	down := 1 + Duration(c.Choose("down for", uint64(apart)))
	for i := range p.Faults {
		if f := &p.Faults[i]; f.Kind == Members && c.Part("change", i).Often("later?", 50) {
			f.At = faultsEnd - (faultsEnd-min(f.At, faultsEnd))/4
		}
	}
	for i := range times * p.Nodes {
		kind := []FaultKind{ProcessCrash, PowerLoss}[c.Part("restart", i).Choose("kind", 4)/3]
		p.Faults = append(p.Faults, Fault{At: at + Duration(i)*apart, For: down, Kind: kind, Nodes: []sim.ID{NodeID(i%p.Nodes + 1)}})
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
}
