package member

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// A cluster is formed once, in two steps, and only when all members are up.
//
//   - A member with an empty log that has an introduction of every other member
//     binds itself: it records the members and their incarnations.
//   - A bound member forms the cluster when the introductions of all others show
//     that they are bound to the same one. Only then it votes. The others learn
//     this from any member that has formed it.
//
// So when one member has formed a cluster, every member was bound to it, durably,
// and to no other. A member that is wiped later has another incarnation. It is of
// no cluster, and can form none since the others are bound. After a crash the
// formation goes on.

// advanceFormation takes an introduction while the cluster is not formed.
func (m *Member) advanceFormation(p *peer, in *Introduction) {
	switch {
	case m.cfg.Join && m.cluster.Stage == Empty: // see takeShown
	case in.Stage == Formed:
		m.joinFormed(p, in)
	case m.cluster.Stage == Empty:
		m.bind()
	default:
		m.completeFormation(p, in)
	}
}

// joinFormed joins a cluster that others have formed, if this log is bound to it. Its members are
// the ones that this node is bound to, who formed it: those of the sender may have changed since,
// and the configuration says so in its turn.
func (m *Member) joinFormed(p *peer, in *Introduction) {
	c := Cluster{Formed, in.Cluster, in.Members}
	switch {
	case len(c.Members) == 0: // the sender did not know that Members is needed; it answers this member's introduction with it
	case m.cluster.Stage == Bound && m.cluster.ID != c.ID:
		p.rejection = "its cluster was formed by other logs than this node is bound to"
	case m.cluster.Stage == Bound:
		m.cluster.Stage = Formed
		m.saveCluster()
		m.mark(MarkClusterJoined)
	case !c.has(m.self):
		p.rejection = "its cluster was formed with another log of this node, and this one is not accepted in its place"
	default: // with this log it can only have been formed once this node was bound
		p.rejection = "its cluster was formed with this log, which is bound to none: this directory is an older copy, or that node lies"
	}
}

// bind binds a member with an empty log, if all others have introduced themselves.
func (m *Member) bind() {
	members := []Identity{m.self}
	for i := range m.peers {
		p := &m.peers[i]
		if p.introduction == nil || p.rejection != "" {
			return
		}
		members = append(members, Identity{p.id, p.introduction.Incarnation})
	}
	slices.SortFunc(members, func(a, b Identity) int { return int(a.ID) - int(b.ID) })
	c := newCluster(m.cfg.Node.Cluster, members)
	for i := range m.peers {
		if p := &m.peers[i]; p.introduction.Stage == Bound && p.introduction.Cluster != c.ID {
			p.rejection = wipedDuringFormation
			return
		}
	}
	m.cluster = c
	m.saveCluster()
	m.mark(MarkClusterBound)
}

const wipedDuringFormation = "a directory was replaced while the cluster was being formed, or somebody else introduced itself in that member's name: " +
	"if no member says that it is formed, empty all directories and start anew, with TLS where strangers reach the peers' addresses"

// completeFormation forms the cluster if all members are bound to it.
func (m *Member) completeFormation(p *peer, in *Introduction) {
	if in.Stage == Bound && in.Cluster != m.cluster.ID || in.Incarnation != m.cluster.incarnation(p.id) {
		p.rejection = wipedDuringFormation
		return
	}
	for i := range m.peers {
		if last := m.peers[i].introduction; last == nil || last.Stage == Empty || last.Cluster != m.cluster.ID {
			return
		}
	}
	m.cluster.Stage = Formed
	m.saveCluster()
}

// onStageDurable publishes the stage of the cluster when it is durable.
func (m *Member) onStageDurable() {
	invariant.Check(m.cluster.Stage > m.durableStage, "member: the stage of the cluster rises")
	m.durableStage = m.cluster.Stage
	m.observe(Observation{Kind: Joined, Cluster: m.cluster, Position: uint64(m.clusterLSN)})
	if m.durableStage == Formed {
		m.mark(MarkClusterFormed)
		m.notice(Info, 0, "the cluster is formed: %x, of members %s", m.cluster.ID, formatIDs(m.ids))
		m.adoptIncarnations()
	}
	for i := range m.peers {
		p := &m.peers[i]
		m.sendIntroduction(p, false)
		if p.introduction != nil && p.rejection == "" {
			m.afterIntroduction(p, p.introduction)
		}
	}
}

// adoptIncarnations takes the others' incarnations from the cluster's record.
func (m *Member) adoptIncarnations() {
	for i := range m.peers {
		if p := &m.peers[i]; p.memory.Incarnation == [16]byte{} {
			p.memory.Incarnation = m.cluster.incarnation(p.id)
			p.saved.Incarnation, p.durable.Incarnation = p.memory.Incarnation, p.memory.Incarnation
		}
	}
}
