package lockstep

import (
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
	formed   []member.Identity      // of a cluster that is there from the beginning; nil: it is to be formed
	members  []*member.Member       // by id, the current life's
	lost     []int                  // by id: how often its disk has lost what it promised
	amnesiac map[uint64]bool        // by the id of a life: it began without what was promised before
	boots    []uint64               // by id: of the last life that was introduced
	ends     []uint64               // by id: the most that the log of earlier lives can have
	copied   []member.Memory        // by id: the most that a copy of its disk can have
	known    [][]member.Memory      // by id, and of whom: what is remembered durably
	pending  [][]member.Observation // by id: what will be, in order
	accusers []map[node.ID]bool     // by id: those that have told it themselves that it lost something
	clusters []member.Cluster       // by id: what its log says durably
	durable  []uint64               // by id: up to where its log is, as is known
}

func newIdentities(p *scenarios.Plan) identities {
	n := p.Nodes + 1
	t := identities{
		plan: p, members: make([]*member.Member, n), lost: make([]int, n), amnesiac: map[uint64]bool{},
		boots: make([]uint64, n), ends: make([]uint64, n), copied: make([]member.Memory, n), known: make([][]member.Memory, n),
		pending: make([][]member.Observation, n), accusers: make([]map[node.ID]bool, n), clusters: make([]member.Cluster, n),
		durable: make([]uint64, n),
	}
	for i := range t.known {
		t.known[i] = make([]member.Memory, n)
	}
	for id := 1; id <= p.Nodes && !p.Knobs.Forming; id++ {
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

// born notes that a life begins. What the one before has appended may be on disk.
func (t *identities) born(id sim.ID, life int, amnesiac bool, before *node.Node) {
	if amnesiac {
		t.amnesiac[t.lifeID(id, life)] = true
	}
	if before != nil {
		t.ends[id] = max(t.ends[id], uint64(before.End()))
	}
}

// DiskLost implements scenarios.Forgetful.
func (r *run) DiskLost(id sim.ID) {
	if r.bug.forgiving {
		return
	}
	r.lost[id]++
	r.strange[id] = true
	r.lives[id] = 0 // what it does counts for nothing
}

// stands has the oracle see what a member has done about identities.
func (r *run) stands(o *oracle, f *member.Observation) *scenarios.Violation {
	strange := r.strange[o.id]
	switch {
	case f.Kind == member.Introduced:
		r.boots[o.id] = f.Log.Boot
		for peer := 1; peer <= r.plan.Nodes; peer++ { // more may have been durable than was known
			r.known[o.id][peer] = r.members[o.id].MemoryOf(node.ID(peer))
		}
		if f.Cluster.Stage != member.Empty {
			return r.joined(o, f.Cluster)
		}
	case f.Kind == member.Joined && f.Position > r.durable[o.id]:
		return o.violation("identity", "joined-before-durable", "", "is %v to cluster %x before its log says so durably", f.Cluster.Stage, f.Cluster.ID[:4])
	case f.Kind == member.Joined:
		return r.joined(o, f.Cluster)
	case f.Kind == member.Remembered:
		r.pending[o.id] = append(r.pending[o.id], *f)
	case f.Kind == member.Abstaining && strange:
		if f.Firsthand {
			if r.accusers[o.id] == nil {
				r.accusers[o.id] = map[node.ID]bool{}
			}
			r.accusers[o.id][f.Peer] = true
		}
	case f.Kind == member.Abstaining:
		return o.violation("identity", "false-dispute", "", "abstains, though its log has all that it promised: node %d remembers %v", f.Peer, f.Memory)
	case f.Kind == member.Admitted && !strange:
		return r.admits(o, f)
	}
	return nil
}

// admits: a life is heard only when that is remembered durably, and never one that
// began without what was promised before.
func (r *run) admits(o *oracle, f *member.Observation) *scenarios.Violation {
	if known := r.known[o.id][f.Peer]; known.Life != f.Memory.Life {
		return o.violation("identity", "admitted-before-durable", "", "hears node %d in boot %d, and remembers durably only %v", f.Peer, f.Memory.Boot, known)
	}
	if r.amnesiac[f.Memory.Life] {
		return o.violation("identity", "amnesiac-admitted", "", "hears node %d in boot %d, which has lost what it promised", f.Peer, f.Memory.Boot)
	}
	return nil
}

// remembers moves what a member's log has synced from pending to known.
func (t *identities) remembers(id sim.ID, f *node.Observation) {
	switch f.Kind {
	case node.Started:
		t.pending[id], t.durable[id] = t.pending[id][:0], 0
	case node.Durable:
		t.durable[id] = uint64(f.DurableAt)
		i := 0
		for ; i < len(t.pending[id]) && t.pending[id][i].Position <= uint64(f.DurableAt); i++ {
			p := &t.pending[id][i]
			t.known[id][p.Peer] = p.Memory
		}
		t.pending[id] = append(t.pending[id][:0], t.pending[id][i:]...)
	}
}

// ended: a node ends because of what it lost only on the word of a majority.
func (r *run) ended(o *oracle) *scenarios.Violation {
	if n := len(r.accusers[o.id]); n <= r.plan.Nodes/2 {
		return o.violation("identity", "stopped-without-majority", "", "ends because of what it lost, on the word of %d of %d members", n, r.plan.Nodes)
	}
	return nil
}

// told: a node that hears of a life of its own, which its log has lost, takes no
// part from then on.
func (r *run) told(o *oracle, in *member.Introduction) *scenarios.Violation {
	for _, t := range in.Known {
		if t.Of == node.ID(o.id) && t.Memory.Boot > r.copied[o.id].Boot && !r.amnesiac[t.Memory.Life] && r.members[o.id].Ready() {
			return o.violation("identity", "disputed-takes-part", "", "takes part, though it was told that node %d remembers %v, which its log has lost", t.By, t.Memory)
		}
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
			return o.violation("identity", "formed-without-all", "", "forms cluster %x, and node %d is not bound to it", c.ID[:4], id)
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

// DiskCopied implements scenarios.Forgetful. A copy of a node that still recovers may
// have the life in it that has not been introduced yet.
func (r *run) DiskCopied(id sim.ID) {
	n := r.nodes[id]
	r.copied[id] = member.Memory{Boot: max(r.boots[id], n.BootNumber()), Position: max(r.ends[id], uint64(n.End()))}
}

// MayRestore implements scenarios.Forgetful: every other node remembers durably
// what the copy lacks. If one does not, it and the node may be a majority that
// cannot know.
func (r *run) MayRestore(id sim.ID) bool {
	copied := r.copied[id]
	for other := 1; other <= r.plan.Nodes; other++ {
		known := r.known[other][id]
		more := known.Boot > copied.Boot || known.Boot == copied.Boot && known.Position > copied.Position
		if sim.ID(other) != id && !r.strange[other] && !more {
			return false
		}
	}
	return copied.Boot > 0
}
