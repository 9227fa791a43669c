package member

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// A node that was away when it was removed is told by no member by which configuration, once the
// others have no address of it any more, and refuse it as a former member. Each refusal is
// that member's word that it has adopted, durably, a configuration without this node. The
// node ends when a majority of the other voters that it knows have said so. One that lies ends no
// node. And the majority no longer needs it, as rule 12 has it of a node that leaves: no
// round of this node's epoch gets a quorum without one of them, and they know the next one.

// Removal is the word of a peer that this node was removed. It is no message between nodes:
// the transport makes it of a refusal.
type Removal struct{}

// About implements node.Message. A removal concerns no machine.
func (*Removal) About() (key string, first node.OpID) { return "(member)", "(removal)" }

// String implements node.Message.
func (*Removal) String() string { return "removal" }

// hearRemoval notes that a peer refuses this node as a former member. The others are asked by
// introductions: the node may have nothing else to say to them, and would hear of no refusal.
func (m *Member) hearRemoval(p *peer) {
	p.saysRemoved, m.pendingWork = true, true
	if !m.lifeDurable || m.durableStage != Formed || m.leaving {
		return
	}
	for i := range m.peers {
		if q := &m.peers[i]; !q.saysRemoved && q.introductionDue == 0 {
			q.introductionDue = max(m.now+1, q.introducedAt+m.cfg.Node.ResendTimeout)
		}
	}
}

// checkRemoved ends a member of which a majority of the voters says that it was removed; one
// that was removed before it has joined knows the members that it was to join.
func (m *Member) checkRemoved() {
	switch {
	case m.leaving || m.durableStage != Formed && !m.joins():
	case m.leftLSN != 0 && m.node.Durable() >= m.leftLSN:
		m.fail(m.removedBy(m.configuration))
	case m.leftLSN == 0 && (m.majoritySaysRemoved() || m.guideSaysRemoved()):
		m.mark(MarkToldRemoved)
		m.leftLSN = m.node.SetNote(leftNote, []byte{1})
	}
}

// joins reports whether the member waits to be added.
func (m *Member) joins() bool { return m.cfg.Join && m.durableStage == Empty }

// majoritySaysRemoved reports whether of the other voters more than half refuse this node as a
// former member, and in a joint epoch of the next ones as well. Of the voters that follow without
// it they are a majority: so of two voters the other one is enough. A list of this node alone has
// no others to ask: a quorum needs one of the other list then.
func (m *Member) majoritySaysRemoved() bool {
	lists := [][]node.ID{m.ids}
	if c := m.current(); !m.joins() {
		lists = [][]node.ID{c.Voters, c.Next}
	}
	said := false
	for _, list := range lists {
		others := slices.DeleteFunc(slices.Clone(list), func(id node.ID) bool { return id == m.self.ID })
		switch {
		case len(others) == 0:
		case !configuration.IsMajority(m.peersThat(func(p *peer) bool { return p.saysRemoved }), others):
			return false
		default:
			said = true
		}
	}
	return said
}

// peersThat returns the ids of the peers that pass a test.
func (m *Member) peersThat(pass func(*peer) bool) (ids []node.ID) {
	for i := range m.peers {
		if p := &m.peers[i]; pass(p) {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// removedBy is the error of a member that was removed. c is the last configuration that it
// knows; nil: the members are the ones that formed the cluster.
func (m *Member) removedBy(c *configuration.Configuration) error {
	last := "the members that formed the cluster were the last that it knew"
	switch {
	case m.cfg.Join && c == nil:
		last = "before it had joined"
	case c != nil && c.Has(m.self.ID):
		last = fmt.Sprintf("the last members that it knew: %v", c)
	case c != nil:
		last = c.String()
	}
	return fmt.Errorf("%w: node %d was removed, and an id is not used again (%s): to have a node in this place, empty the directory, "+
		"start it with a new id and --join, and add that one", ErrRemoved, m.self.ID, last)
}

// TellsRemoval reports whether an introduction shows a configuration without a node that was
// a member.
func (i *Introduction) TellsRemoval(of node.ID) bool {
	c, err := configuration.Parse(string(i.shown().configuration))
	return err == nil && !c.Has(of) && of <= c.LastID
}
