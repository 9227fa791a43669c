package lockstep

import (
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// identities is the ground truth of logs and lives, independent of the members' beliefs:
// which logs have lost promises, and which members can know of it.
type identities struct {
	plan            *scenarios.Plan
	formed          []member.Identity      // members of a cluster formed before the run; nil: the run forms it
	members         []*member.Member       // by id: the current life
	losses          []int                  // by id: times that its disk has lost promises
	amnesiacLives   map[uint64]bool        // by life id: the life began without earlier promises
	introducedBoots []uint64               // by id: boot of the last introduced life
	lifeEnds        map[uint64]uint64      // by life id: the end of all that an earlier life has appended
	logEnds         []uint64               // by id: upper bound of the log's end in earlier lives
	copiedMemory    []member.Memory        // by id: upper bound of the life in a copy of its disk
	durableMemories [][]member.Memory      // by id and peer: durable memories
	pendingMemories [][]member.Observation // by id: memories not durable yet, in order
	disputers       []map[node.ID]bool     // by id: members that have disputed its log firsthand
	durableClusters []member.Cluster       // by id: the cluster in its log, durably
	durableLSN      []uint64               // by id: known durable end of its log
	mayBeLost       []bool                 // by id: see TakeLoss
	damaged         bool                   // one of them has a damaged disk
	removed         []bool                 // by id: it has ended as no member
}

func newIdentities(p *scenarios.Plan) identities {
	n := p.Nodes + 1
	t := identities{
		plan: p, members: make([]*member.Member, n), losses: make([]int, n), amnesiacLives: map[uint64]bool{}, lifeEnds: map[uint64]uint64{},
		introducedBoots: make([]uint64, n), logEnds: make([]uint64, n), copiedMemory: make([]member.Memory, n), durableMemories: make([][]member.Memory, n),
		pendingMemories: make([][]member.Observation, n), disputers: make([]map[node.ID]bool, n), durableClusters: make([]member.Cluster, n),
		durableLSN: make([]uint64, n), mayBeLost: make([]bool, n), removed: make([]bool, n),
	}
	for i := range t.durableMemories {
		t.durableMemories[i] = make([]member.Memory, n)
	}
	for id := 1; id <= p.Founders() && !p.Knobs.Forming; id++ {
		t.formed = append(t.formed, member.Identity{ID: node.ID(id), Incarnation: t.incarnation(sim.ID(id), 0)})
	}
	return t
}

// incarnation returns the incarnation of a node's log that is formatted after so many
// losses.
func (t *identities) incarnation(id sim.ID, lost int) (random [16]byte) {
	k := keyed.Seed(t.plan.Seed).Name("incarnation").Word(uint64(id)).Word(uint64(lost))
	for i := range random {
		random[i] = byte(k.Word(uint64(i)).Uint64())
	}
	return random
}

// lifeID returns the random id of a life of a node.
func (t *identities) lifeID(id sim.ID, life int) uint64 {
	return keyed.Seed(t.plan.Seed).Name("life").Word(uint64(id)).Word(uint64(life)).Uint64()
}

// beginLife notes that a life begins. All that the life before has appended may be
// on disk.
func (t *identities) beginLife(id sim.ID, life int, amnesiac bool, before *node.Node) {
	if amnesiac {
		t.amnesiacLives[t.lifeID(id, life)] = true
	}
	if before != nil {
		end := uint64(before.End())
		t.logEnds[id] = max(t.logEnds[id], end)
		t.lifeEnds[t.members[id].Life()] = end
	}
}

// DiskLost implements scenarios.DiskLossObserver.
func (r *run) DiskLost(id sim.ID) {
	if r.bug.keepsIncarnation {
		return
	}
	r.losses[id]++
	r.lostPromises[id] = true
	r.lives[id] = 0 // from now on it counts as stopped
}

// observeMember checks an observation of a member against the ground truth of
// identities.
func (r *run) observeMember(o *oracle, f *member.Observation) *scenarios.Violation {
	strange := r.lostPromises[o.id]
	switch {
	case f.Kind == member.Introduced:
		r.introducedBoots[o.id] = f.Log.Boot
		for peer := 1; peer <= r.plan.Nodes; peer++ { // more may have been durable than was known
			r.durableMemories[o.id][peer] = r.members[o.id].MemoryOf(node.ID(peer))
		}
		if f.Cluster.Stage != member.Empty {
			return r.checkJoined(o, f.Cluster)
		}
	case f.Kind == member.Joined && f.Position > r.durableLSN[o.id]:
		return o.violation("identity", "joined-before-durable", "", "is %v to cluster %x before the record of that is durable", f.Cluster.Stage, f.Cluster.ID[:4])
	case f.Kind == member.Joined:
		return r.checkJoined(o, f.Cluster)
	case f.Kind == member.Adopted && f.Position > r.durableLSN[o.id]:
		return o.violation("members", "adopted-before-durable", "", "adopts %v before the note of that is durable", f.Configuration)
	case f.Kind == member.Adopted:
		if !f.Configuration.Has(node.ID(o.id)) { // it begins no round any more
			o.nodes[o.id].owed = owedRound{}
		}
		return r.checkAdopted(o, f.Configuration)
	case f.Kind == member.Remembered:
		r.pendingMemories[o.id] = append(r.pendingMemories[o.id], *f)
	case f.Kind == member.Abstaining && strange:
		if f.Firsthand {
			if r.disputers[o.id] == nil {
				r.disputers[o.id] = map[node.ID]bool{}
			}
			r.disputers[o.id][f.Peer] = true
		}
	case f.Kind == member.Abstaining:
		return o.violation("identity", "false-dispute", "", "abstains, though its log has all of its promises: node %d remembers %v", f.Peer, f.Memory)
	case f.Kind == member.Admitted && !strange:
		return r.checkAdmitted(o, f)
	}
	return nil
}

// checkAdmitted: a member admits a life only after its memory of that life is durable,
// and never a life that began without earlier promises.
func (r *run) checkAdmitted(o *oracle, f *member.Observation) *scenarios.Violation {
	if known := r.durableMemories[o.id][f.Peer]; known.Life != f.Memory.Life {
		return o.violation("identity", "admitted-before-durable", "", "admits node %d in boot %d, though its durable memory is only %v", f.Peer, f.Memory.Boot, known)
	}
	if r.amnesiacLives[f.Memory.Life] {
		return o.violation("identity", "amnesiac-admitted", "", "admits node %d in boot %d, which has lost promises", f.Peer, f.Memory.Boot)
	}
	return nil
}

// onDurable moves the memories that a member's log has synced from pending to durable.
func (t *identities) onDurable(id sim.ID, f *node.Observation) {
	switch f.Kind {
	case node.Started:
		t.pendingMemories[id], t.durableLSN[id] = t.pendingMemories[id][:0], 0
	case node.Durable:
		t.durableLSN[id] = uint64(f.DurableAt)
		i := 0
		for ; i < len(t.pendingMemories[id]) && t.pendingMemories[id][i].Position <= uint64(f.DurableAt); i++ {
			p := &t.pendingMemories[id][i]
			t.durableMemories[id][p.Peer] = p.Memory
		}
		t.pendingMemories[id] = append(t.pendingMemories[id][:0], t.pendingMemories[id][i:]...)
	}
}

// checkIncarnationRejected: a node stops for a rejected incarnation only after firsthand
// disputes of a majority.
func (r *run) checkIncarnationRejected(o *oracle) *scenarios.Violation {
	members := r.plan.Founders()
	if c := r.members[o.id].Configuration(); c != nil {
		members = len(c.Members)
	}
	if n := len(r.disputers[o.id]); n <= members/2 {
		return o.violation("identity", "stopped-without-majority", "", "stops for lost promises, on the testimony of %d of %d members", n, members)
	}
	return nil
}

// isOtherLog reports whether a node knows that the sender of an introduction has another log
// than the one by which it is known: it refuses that log, and ignores its testimony.
func (r *run) isOtherLog(id sim.ID, in *receivedIntroduction) bool {
	known := r.durableMemories[id][in.from].Incarnation
	for _, m := range r.durableClusters[id].Members {
		if m.ID == in.from && r.durableClusters[id].Stage == member.Formed && m.Incarnation != [16]byte{} {
			known = m.Incarnation
		}
	}
	return known != [16]byte{} && known != in.introduction.Incarnation
}

// checkDisputed: a node abstains once it receives testimony of a life of its own that
// its log has lost.
func (r *run) checkDisputed(o *oracle, in *receivedIntroduction) *scenarios.Violation {
	if r.isOtherLog(o.id, in) {
		return nil
	}
	c := r.members[o.id].Configuration()
	if c == nil {
		c = r.configurations[0]
	}
	for _, t := range in.introduction.Known {
		if !c.Has(in.from) || !c.Has(t.By) {
			continue // the node does not know them as members
		}
		if t.Of == node.ID(o.id) && t.Memory.Boot > r.copiedMemory[o.id].Boot && !r.amnesiacLives[t.Memory.Life] && r.members[o.id].Ready() {
			return o.violation("identity", "disputed-takes-part", "", "takes part, though it has testimony that node %d remembers %v, which its log has lost", t.By, t.Memory)
		}
	}
	return nil
}

// receivedIntroduction is an introduction and its sender.
type receivedIntroduction struct {
	from         node.ID
	introduction *member.Introduction
}

// checkTestimonies: a member keeps what a peer remembers of another, however late it comes:
// the peer may have lost that memory since. It keeps the latest life that is remembered, and
// of it the highest position.
func (p *process) checkTestimonies() {
	for i := range p.report.introductions {
		in := &p.report.introductions[i]
		for _, t := range in.introduction.Known {
			if t.By != in.from || t.Of == node.ID(p.id) || p.run.isOtherLog(p.id, in) {
				continue
			}
			if c := p.member.Configuration(); c == nil && (p.run.joins(p.id) || p.run.joins(sim.ID(t.By)) || p.run.joins(sim.ID(t.Of))) || c != p.configuration || c != nil && (!c.Has(t.Of) || !c.Has(t.By)) {
				continue // it was no member's, or came before it was one
			}
			known := p.member.TestimonyOf(t.Of, t.By)
			if known.Boot < t.Memory.Boot || known.Life == t.Memory.Life && known.Position < t.Memory.Position {
				p.breach("identity", "testimony-lost", "", "has received that node %d remembers node %d as %v, and knows only %v", t.By, t.Of, t.Memory, known)
			}
		}
	}
}

// checkLifeEnds: a member states of an earlier life no end of the log beyond all that it has
// appended: what later lives have added is not what a copy of that life has.
func (p *process) checkLifeEnds(in *member.Introduction) {
	for _, l := range in.Past {
		if end, known := p.run.lifeEnds[l.ID]; known && l.End > end {
			p.breach("identity", "life-made-longer", "", "introduces its boot %d with a log up to %d, which had %d bytes when it ended", l.Boot, l.End, end)
		}
	}
}

// checkJoined: a cluster forms once, when every member is bound to it, and no node ever
// belongs to two.
func (r *run) checkJoined(o *oracle, c member.Cluster) *scenarios.Violation {
	was := r.durableClusters[o.id]
	if was.Stage != member.Empty && was.ID != c.ID && !r.lostPromises[o.id] {
		return o.violation("identity", "two-clusters", "", "is %v to cluster %x, though it was bound to %x", c.Stage, c.ID[:4], was.ID[:4])
	}
	r.durableClusters[o.id] = c
	if c.Stage != member.Formed || r.joins(o.id) {
		return nil
	}
	for id := 1; id <= r.plan.Founders(); id++ {
		other := r.durableClusters[id]
		switch {
		case other.Stage == member.Formed && other.ID != c.ID:
			return o.violation("identity", "two-clusters", "", "forms cluster %x, though node %d belongs to %x", c.ID[:4], id, other.ID[:4])
		case r.formed == nil && (other.Stage == member.Empty || other.ID != c.ID):
			return o.violation("identity", "formed-without-all", "", "forms cluster %x, though node %d is not bound to it", c.ID[:4], id)
		}
	}
	return nil
}

// checkAbstains: a node that has lost promises abstains at the end of the run, when all
// members have met.
func (r *run) checkAbstains(at scenarios.Duration) *scenarios.Violation {
	for id := 1; id <= r.plan.Nodes; id++ {
		if m := r.members[id]; r.lostPromises[id] && !r.leftOut[id] && m != nil && m.Ready() {
			return r.oracle.forNode(at, sim.ID(id)).violation("identity", "amnesiac-takes-part", "", "takes part at the end, though it has lost promises")
		}
	}
	return nil
}

// DiskCopied implements scenarios.DiskLossObserver. A copy of a node that still recovers
// may contain the life that was not introduced yet.
func (r *run) DiskCopied(id sim.ID) {
	n := r.nodes[id]
	r.copiedMemory[id] = member.Memory{Boot: max(r.introducedBoots[id], n.BootNumber()), Position: max(r.logEnds[id], uint64(n.End()))}
}

// MayRestore implements scenarios.DiskLossObserver. It reports whether every other node
// that has its promises remembers durably more than the copy contains. Without that,
// the node and one with no memory of it may be a majority that cannot detect the loss: also
// one of an earlier epoch. A node that was never a member, or has ended as one, is none.
func (r *run) MayRestore(id sim.ID) bool {
	copied := r.copiedMemory[id]
	for n := 1; n <= r.plan.Nodes; n++ {
		other := scenarios.NodeID(n)
		known, told := r.durableMemories[other][id], r.toldOf(id, r.oracle.nodes[other].epoch)
		more := known.Boot > copied.Boot || known.Boot == copied.Boot && known.Position > copied.Position ||
			told.Boot > copied.Boot || told.Boot == copied.Boot && told.Position > copied.Position
		if other != id && !r.lostPromises[other] && !r.removed[other] && node.ID(other) <= r.oracle.lastChosen().LastID && !more {
			return false
		}
	}
	return copied.Boot > 0
}

// toldOf is what the configuration of an epoch tells all that adopt it of a node's log.
func (r *run) toldOf(id sim.ID, epoch uint32) (m configuration.Member) {
	if c := r.configurations.of(epoch); c != nil && c.Has(node.ID(id)) {
		m = c.Members[c.Index(node.ID(id))]
	}
	return m
}
