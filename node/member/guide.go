package member

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// A node that was away while all members that it knows were replaced finds none of the present
// ones: it listens to no other. An operator names one of them, a guide. The node introduces
// itself to it, and takes from it the configuration of its own cluster, as from a member; nothing
// else that a guide says counts, but that it refuses the node as one that was removed.

// guide is a node of which an operator says that it is a member.
type guide struct {
	id          node.ID
	due         time.Duration // when the next introduction is sent to it
	attempts    int
	saysRemoved bool // it refuses this node as a former member
}

// addGuide takes a node for a guide. The number of one that was never a member is above
// all that the log knows: any other is a member, or has left.
func (m *Member) addGuide(id node.ID) {
	known := id <= m.current().LastID || m.guideIndex(id) >= 0
	if known || id > configuration.MaxID || m.leaving || len(m.guides) >= node.MaxParticipants {
		return
	}
	m.guides = append(m.guides, guide{id: id, due: max(m.now, 1)})
	m.pendingWork = true
}

// guideIndex returns the index of a node in guides, or -1.
func (m *Member) guideIndex(id node.ID) int {
	return slices.IndexFunc(m.guides, func(g guide) bool { return g.id == id })
}

// askGuides sends introductions to the guides that have not answered.
func (m *Member) askGuides() {
	for i := range m.guides {
		g := &m.guides[i]
		if m.durableStage != Formed || g.due > m.now {
			continue
		}
		g.due = m.now + m.cfg.Node.ResendTimeout<<min(g.attempts, 10)
		g.attempts++
		in := m.introduction()
		in.Cluster, in.Past = m.cluster.ID, m.latestLives()
		s := m.shownTo(nil)
		s.configuration = nil // it knows that, or is a stranger
		in.More = s.append(in.More)
		m.sends = append(m.sends, node.Send{To: g.id, Message: in})
	}
}

// hearGuide takes the configuration that a guide shows. One that knows no later one has
// nothing to tell.
func (m *Member) hearGuide(i int, in *Introduction) {
	if in.Stage != Formed || in.Cluster != m.cluster.ID || !m.lifeDurable {
		return
	}
	m.pendingWork = true
	m.takeShown(in)
	if m.pendingConfiguration != nil || in.shown().epoch <= m.Epoch() {
		m.guides = slices.Delete(m.guides, i, i+1)
	}
}

// acceptGuide handles a message of a guide, and reports whether it was one that is heard.
func (m *Member) acceptGuide(i int, msg node.Message) bool {
	switch msg := msg.(type) {
	case *Introduction:
		m.hearGuide(i, msg)
	case *Removal:
		m.guides[i].saysRemoved, m.pendingWork = true, true
	default:
		return false
	}
	return true
}

// guideSaysRemoved reports whether a guide refuses this node as a former member. All members
// that the node knows are gone by then: there is no majority of them to ask.
func (m *Member) guideSaysRemoved() bool {
	return slices.ContainsFunc(m.guides, func(g guide) bool { return g.saysRemoved })
}
