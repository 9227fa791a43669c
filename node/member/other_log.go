package member

import "fmt"

// Who introduces itself in a peer's name with another incarnation than the peer's log
// has is the peer with a wiped directory, or a stranger who poses as it: an incarnation
// is random, and only members are shown it. The two cannot be told apart, and need not
// be. That log is refused, and what it says about others does not count. What is known
// of the peer's own log stays: otherwise a stranger could have it refused.

// knownIncarnation returns the incarnation of a peer's log: of the cluster's record, or
// of the memory where the record has none; zero if it is unknown.
func (m *Member) knownIncarnation(p *peer) [16]byte {
	if m.cluster.Stage == Formed {
		if known := m.cluster.incarnation(p.id); known != [16]byte{} {
			return known
		}
	}
	return p.memory.Incarnation
}

// isOtherLog reports whether an introduction is of another log than the peer's.
func (m *Member) isOtherLog(p *peer, in *Introduction) bool {
	known := m.knownIncarnation(p)
	return known != [16]byte{} && in.Incarnation != known
}

// refuseOtherLog refuses another log than the peer's, and lets it know.
func (m *Member) refuseOtherLog(p *peer, in *Introduction) {
	m.mark(MarkPeerRejected)
	if p.otherLog == "" {
		p.otherLog = "its directory was wiped or replaced: its promises are lost"
		if p.memory.Boot == 0 {
			p.otherLog = "its log is not the one that the cluster was formed with: its directory was wiped or replaced, or somebody else was in its place then. " +
				"If the cluster holds nothing yet, empty the directories of all members and form it anew; use TLS where strangers reach the peers' addresses"
		}
		m.notice(Warn, p.id, "refused: %s", p.otherLog)
		if m.cluster.incarnation(p.id) == [16]byte{} { // the others may not know the peer's log
			m.broadcastRejection(p)
		}
	}
	if len(p.admittedLives) == 0 && p.pendingAdmission == nil {
		p.introduction, p.rejection = in, p.otherLog
	}
	m.answerIntroduction(p, in)
}

// refutes reports whether the cluster's record proves a testimony about this log wrong:
// all members were bound to it with this incarnation before it was formed, so none of
// them remembers another. Where the record has no proof, as in a cluster that an early
// version formed, nothing is refuted.
func (m *Member) refutes(t Testimony) bool {
	return t.Memory.Incarnation != m.self.Incarnation && m.cluster.Stage == Formed && m.cluster.has(m.self) &&
		(m.configuration != nil || newCluster(m.cfg.Node.Cluster, m.cluster.Members).ID == m.cluster.ID)
}

// describeLie describes a refuted testimony.
func describeLie(t Testimony) string {
	return fmt.Sprintf("ignored: it states that node %d remembers another log of this node, and the cluster's record proves that wrong: it lies, or its memory is damaged", t.By)
}
