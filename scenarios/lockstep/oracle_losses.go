package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// TakeLoss implements scenarios.Reconfigurer. The cluster can do without a voter if a
// majority of the voters is left, and of the voters to be. A node that has no vote has made
// no promise that could be lost. Of the nodes that have formed the cluster one keeps its log:
// without any, all that they know is that they are to form one (docs/MEMBERS.md).
//
// A node with a damaged disk goes on until it starts again: a change may count on it, and
// lack it when it can be abandoned no more. So with one of them a majority must be left whatever
// the plan asks for.
func (r *run) TakeLoss(id sim.ID, damaged bool) bool {
	if r.mayBeLost[id] {
		return true
	}
	c := r.oracle.lastChosen()
	left, lost := ^uint8(0)&^(1<<id), 1
	for other, is := range r.mayBeLost {
		if is {
			left &^= 1 << other
			lost++
		}
	}
	damaged = damaged || r.damaged
	r.mayBeLost[id] = c.Votes(node.ID(id)) && r.oracle.decides(c, left) && r.oracle.decides(r.lastAdopted(left), left) && (!damaged || r.staysWithout(c, left, lost)) && left&r.founders() != 0
	r.damaged = damaged && r.mayBeLost[id] || r.damaged
	return r.mayBeLost[id]
}

// founders is the set of the nodes that form the cluster.
func (r *run) founders() uint8 { return 1<<(r.plan.Founders()+1) - 2 }

// lastAdopted is the last configuration that a node of a set has adopted. If none knows
// that a later one was chosen, they must be able to find out.
func (r *run) lastAdopted(set uint8) *configuration.Configuration {
	epoch := uint32(configuration.First)
	for id := range r.oracle.nodes {
		if set>>id&1 == 1 {
			epoch = max(epoch, r.oracle.nodes[id].epoch)
		}
	}
	return r.configurations.of(epoch)
}

// staysWithout reports whether those that are left outnumber the lost ones, also when all
// of them have been removed that the plan removes.
func (r *run) staysWithout(c *configuration.Configuration, left uint8, lost int) bool {
	stay := 0
	for _, id := range c.Voters {
		leaves := slices.ContainsFunc(r.plan.Faults, func(f scenarios.Fault) bool { return f.Leaver() == sim.ID(id) })
		if left>>id&1 == 1 && !leaves {
			stay++
		}
	}
	return stay > lost
}

// TakeOut implements scenarios.Reconfigurer: a majority of the voters is left that has adopted the last
// configuration, which is not joint, and no later one was proposed. A change that begins when
// nodes are out does not count on them.
func (r *run) TakeOut(ids []sim.ID) bool {
	r.out = ids
	c := r.oracle.lastChosen()
	left := r.oracle.nodesInEpoch(c.Epoch)
	for id := range r.mayBeLost {
		if r.mayBeLost[id] || r.lostPromises[id] || slices.Contains(ids, sim.ID(id)) {
			left &^= 1 << id
		}
	}
	if c.Joint() || !r.oracle.decides(c, left) || r.oracle.latestProposed > c.Epoch {
		r.out = nil
	}
	return r.out != nil
}

// Stalled implements scenarios.Reconfigurer: the voters to be lack a majority, and those that
// there are do not.
func (r *run) Stalled() (ask []sim.ID) {
	c := r.oracle.lastChosen()
	left := uint8(0)
	for i, id := range slices.Concat(c.Voters, c.Next) {
		if r.lives[id] == 0 || r.lostPromises[id] || slices.Contains(r.out, sim.ID(id)) {
			continue
		}
		if left |= 1 << id; i < len(c.Voters) {
			ask = append(ask, sim.ID(id))
		}
	}
	if !c.Joint() || r.oracle.decides(c, left) {
		return nil
	}
	return ask
}
