package member

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Meet has the node introduce itself to one more member, from the next step on: one of which
// it learns only while it waits to be added, or which has become one while the node was away
// (see guide). All others it knows.
func (m *Member) Meet(id node.ID) {
	if m.cluster.Stage == Formed && id != m.self.ID {
		m.addGuide(id)
		return
	}
	waits := m.cfg.Join && m.cluster.Stage == Empty
	if !waits || id == 0 || id == m.self.ID || m.peerIndex(id) >= 0 || len(m.ids) >= node.MaxParticipants {
		return
	}
	m.ids = slices.Sorted(slices.Values(append(slices.Clone(m.ids), id)))
	p := newPeer(id)
	p.introductionDue = max(m.now, 1)
	m.peers = append(slices.Clone(m.peers), p)
	slices.SortFunc(m.peers, func(a, b peer) int { return int(a.id) - int(b.id) })
	m.pendingWork = true
}
