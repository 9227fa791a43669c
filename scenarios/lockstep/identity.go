package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// identities is what is true of logs and lives, whatever members believe: whose
// log has lost what it promised, and who may know.
type identities struct {
	plan     *scenarios.Plan
	formed   []member.Identity // of a cluster that is there from the beginning; nil: it is to be formed
	members  []*member.Member  // by id, the current life's
	lost     []int             // by id: how often its disk has lost what it promised
	amnesiac map[uint64]bool   // by the id of a life: it began without what was promised before
	boots    []uint64          // by id: of the last life that was introduced
	copied   []uint64          // by id: that, when its disk was copied
	known    [][]uint64        // by id, and of whom: the boot that is remembered durably
	clusters []member.Cluster  // by id: what its log says durably
}

func newIdentities(p *scenarios.Plan) identities {
	n := p.Nodes + 1
	t := identities{
		plan: p, members: make([]*member.Member, n), lost: make([]int, n), amnesiac: map[uint64]bool{},
		boots: make([]uint64, n), copied: make([]uint64, n), known: make([][]uint64, n), clusters: make([]member.Cluster, n),
	}
	for i := range t.known {
		t.known[i] = make([]uint64, n)
	}
	for id := 1; id <= p.Nodes; id++ {
		t.formed = append(t.formed, member.Identity{ID: node.ID(id), Incarnation: t.incarnation(sim.ID(id), 0)})
	}
	return t
}

// incarnation is the one that a node's log gets if it is formatted.
func (t *identities) incarnation(id sim.ID, lost int) (random [16]byte) {
	k := keyed.Seed(t.plan.Seed).Name("incarnation").Word(uint64(id)).Word(uint64(lost))
	for i := range random {
		random[i] = byte(k.Word(uint64(i)).Uint64())
	}
	return random
}

// lifeID is the random id of a life of a node.
func (t *identities) lifeID(id sim.ID, life int) uint64 {
	return keyed.Seed(t.plan.Seed).Name("life").Word(uint64(id)).Word(uint64(life)).Uint64()
}

func (t *identities) born(id sim.ID, life int, amnesiac bool) {
	if amnesiac {
		t.amnesiac[t.lifeID(id, life)] = true
	}
}

// Lost implements scenarios.Forgetful.
func (r *run) Lost(id sim.ID) {
	if r.bug.forgiving {
		return
	}
	r.lost[id]++
	r.strange[id] = true
	r.lives[id] = 0 // what it does counts for nothing
}

// stands has the oracle see what a member has done about identities.
func (r *run) stands(o *oracle, f *member.Fact) *scenarios.Violation {
	switch {
	case f.Kind == member.Introduced:
		r.boots[o.id] = f.Log.Boot
	case f.Kind == member.Remembered && !r.strange[o.id]:
		r.known[o.id][f.Peer] = f.Memory.Boot
	case f.Kind == member.Admitted && !r.strange[o.id] && r.amnesiac[f.Memory.Life]:
		return o.violation("identity", "amnesiac-admitted", "", "hears node %d in boot %d, which has lost what it promised", f.Peer, f.Memory.Boot)
	case f.Kind == member.Abstaining && !r.strange[o.id]:
		return o.violation("identity", "falsely-disputed", "", "abstains, though its log has all that it promised: node %d remembers %v", f.Peer, f.Memory)
	case f.Kind == member.Joined:
		return r.joined(o, f.Cluster)
	}
	return nil
}

// joined: a cluster forms once, when every member is bound to it, and nobody is
// ever of two.
func (r *run) joined(o *oracle, c member.Cluster) *scenarios.Violation {
	was := r.clusters[o.id]
	if was.Stage != member.Empty && was.ID != c.ID && !r.strange[o.id] {
		return o.violation("identity", "two-clusters", "", "is %v to cluster %x, and was to %x", c.Stage, c.ID[:4], was.ID[:4])
	}
	r.clusters[o.id] = c
	if c.Stage != member.Formed {
		return nil
	}
	for id := 1; id <= r.plan.Nodes; id++ {
		other := r.clusters[id]
		switch {
		case other.Stage == member.Formed && other.ID != c.ID:
			return o.violation("identity", "two-clusters", "", "forms cluster %x, and node %d is of %x", c.ID[:4], id, other.ID[:4])
		case r.formed == nil && (other.Stage == member.Empty || other.ID != c.ID):
			return o.violation("identity", "formed-without", "", "forms cluster %x, and node %d is not bound to it", c.ID[:4], id)
		}
	}
	return nil
}

// takesPart: a node that has lost what it promised takes no part in the end, when
// all have met.
func (r *run) takesPart(at scenarios.Duration) *scenarios.Violation {
	for id := 1; id <= r.plan.Nodes; id++ {
		if m := r.members[id]; r.strange[id] && m != nil && m.Ready() {
			return r.oracle.at(at, sim.ID(id)).violation("identity", "amnesiac-takes-part", "", "takes part to the end, and has lost what it promised")
		}
	}
	return nil
}

// knownLost reports whether every other node remembers durably a life of a node
// that the copy of its disk lacks.
func (r *run) knownLost(id sim.ID) bool {
	for other := 1; other <= r.plan.Nodes; other++ {
		if sim.ID(other) != id && !r.strange[other] && r.known[other][id] <= r.copied[id] {
			return false
		}
	}
	return !slices.Contains(r.copied[id:id+1], 0)
}
