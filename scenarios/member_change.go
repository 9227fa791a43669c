package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// MemberChange is the kind of a change of members, of the targets of a fault.
type MemberChange string

// The changes of members.
const (
	AddMember     MemberChange = "add"     // the target joins, as a voter
	AddLearner    MemberChange = "learner" // the target joins, and does not vote
	PromoteMember MemberChange = "promote" // the target, a learner, is to vote
	RemoveMember  MemberChange = "remove"  // the target leaves
	ReplaceMember MemberChange = "replace" // the second target takes the place of the first
	AbandonChange MemberChange = "abandon" // the change under way is abandoned; it has no target
)

// targets is the number of targets that each change has.
var targets = map[MemberChange]int{AddMember: 1, AddLearner: 1, PromoteMember: 1, RemoveMember: 1, ReplaceMember: 2, AbandonChange: 0}

func (f *Fault) checkChange() error {
	most, known := targets[f.Change]
	switch {
	case !known:
		return fmt.Errorf("change: %q: want add, learner, promote, remove, replace or abandon", f.Change)
	case len(f.Targets) != most:
		return fmt.Errorf("targets: %d: the change %q has %d", f.Targets, f.Change, most)
	case slices.ContainsFunc(f.Targets, IsClient):
		return fmt.Errorf("targets: %d: want nodes", f.Targets)
	}
	return nil
}

func (f *Fault) changeWords() string {
	return strings.TrimSpace(fmt.Sprintf("members: %s %s", f.Change, strings.Trim(fmt.Sprint(f.Targets), "[]"))) + fmt.Sprintf(", asked of %d", f.Nodes)
}

// Leaver is the node that a change of members asks to remove or to replace; 0 if it asks
// for something else.
func (f *Fault) Leaver() sim.ID {
	if f.Change == RemoveMember || f.Change == ReplaceMember {
		return f.Targets[0]
	}
	return 0
}

// Founders is the number of nodes that form the cluster: 1 to it. The others are to join.
func (p *Plan) Founders() int { return p.Nodes - p.Knobs.Joiners }

func (t *timeline) hasJoiners() bool { return t.plan.Nodes > 1 }

// changeMembers chooses a change, and more that follow or accompany it. In most of them a
// node joins, since that takes the longest way.
func (t *timeline) changeMembers(c Choices, f *Fault) []Fault {
	list := []Fault{}
	for i := range c.Between("changes", 1, 4) {
		c := c.Part("change", i)
		g := *f
		g.At, g.For = Duration(c.Choose("at", uint64(t.faultsEnd))), 1
		if c.Often("early?", 50) {
			g.At /= 4
		}
		g.Nodes = c.Nodes("asked", t.plan, 1, min(2, t.plan.Nodes))
		t.chooseChange(c, &g)
		list = append(list, g)
	}
	*f = list[0]
	return list[1:]
}

func (t *timeline) chooseChange(c Choices, f *Fault) {
	joiner := NodeID(t.plan.Founders() + 1 + int(c.Choose("joiner", uint64(max(1, t.plan.Knobs.Joiners)))))
	other := c.Nodes("leaver", t.plan, 1, 1)[0]
	if t.losesDisks() && c.Often("lost?", 60) { // for what replacing is there
		other = c.Among("lost", t.damageable, 1, 1)[0]
	}
	switch kind := c.Choose("kind", 10); {
	case t.plan.Knobs.Joiners == 0 || kind < 2:
		f.Change, f.Targets = RemoveMember, []sim.ID{other}
	case kind < 5 || joiner == other:
		f.Change, f.Targets = AddMember, []sim.ID{joiner}
	case kind < 8:
		f.Change, f.Targets = ReplaceMember, []sim.ID{other, joiner}
	case kind == 8:
		f.Change = AbandonChange
	default:
		f.Change, f.Targets = []MemberChange{AddLearner, PromoteMember}[c.Choose("learner", 2)], []sim.ID{joiner}
	}
}

// losesDisks reports whether the plan may have faults that cost a node its disk.
func (t *timeline) losesDisks() bool {
	return len(t.damageable) > 0 && (t.swarm.has(Wipes) || t.swarm.has(Rollbacks) || t.swarm.has(DiskDamage))
}

// generateJoiners chooses how many of the nodes are to join the cluster.
func generateJoiners(c Choices, p *Plan, swarm familySet) {
	if !swarm.has(MemberChanges) || p.Nodes == 1 {
		return
	}
	p.Knobs.Joiners = int(c.Choose("joiners", uint64(min(3, p.Nodes-1)+1)))
}

// ChangeRequest is the message with which an operator asks a node for a change of members.
// Nodes of a System that Reconfigures get it as an invocation.
type ChangeRequest struct{ *Fault }

// FateKey implements sim.Message. The request does not cross the network.
func (r *ChangeRequest) FateKey() uint64 { return sim.FateKey(r.FateName(), "", "") }

// FateName implements sim.Message.
func (r *ChangeRequest) FateName() string { return "members" }

// Digest implements sim.Message.
func (r *ChangeRequest) Digest() uint64 {
	h := keyed.Mix(r.FateKey(), keyed.String(string(r.Change)))
	for _, id := range r.Targets {
		h = keyed.Mix(h, uint64(id))
	}
	return h
}

func (r *ChangeRequest) String() string { return r.changeWords() }

// MemberRemoved is the observation that a node has learnt that it is no member any more,
// and ends.
type MemberRemoved struct{ Node sim.ID }

// Digest implements sim.Observation.
func (d *MemberRemoved) Digest() uint64 { return keyed.Mix(keyed.String("removed"), uint64(d.Node)) }

func (d *MemberRemoved) String() string { return fmt.Sprintf("node %d is no member any more", d.Node) }

// Outsider is a Run with nodes that may be no members of the cluster. LeaveOut is called for
// each node when all is healed, and reports whether it is none. It is ended then, and no
// more is asked of it.
type Outsider interface {
	LeaveOut(id sim.ID) bool
}

// Reconfigurer is a Run whose members may change while disks are lost. Without it no disk
// is lost in plans that change the members.
//
// A plan bounds the losses of its nodes, and not of the voters that there will be. So
// TakeLoss is called before a disk loses anything, and reports whether the cluster can do
// without the node now. If so, the node counts as lost from then on. One with a damaged
// disk goes on until it starts again.
//
// Stalled lists the nodes that an operator may ask to abandon the change under way, which
// lost or excluded nodes hold up; none if it goes on without that.
//
// TakeOut is called before the heal phase excludes nodes, and reports whether the cluster can do
// without them now, and has no change under way that may have counted on them. Nodes nil means
// that all are back.
type Reconfigurer interface {
	TakeLoss(id sim.ID, damaged bool) bool
	Stalled() []sim.ID
	TakeOut(ids []sim.ID) bool
}

// ChangesMembers reports whether p has changes of members, or nodes that wait for one.
func (p *Plan) ChangesMembers() bool {
	return p.Knobs.Joiners > 0 || p.changesMembers()
}
