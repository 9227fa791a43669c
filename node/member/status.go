package member

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// Status is the state of a member, for people and tools. Its texts show no life and no
// incarnation: who knows them can pose as the member.
type Status struct {
	Stage           Stage
	Cluster         [16]byte // if Stage is Bound or Formed
	Members         []node.ID
	Life            uint64
	Ready           bool
	Abstains        bool
	Admitted        []node.ID          // admitted peers, by id
	Rejected        map[node.ID]string // rejected peers, with the reason
	NotReadyReasons []string           // empty if Ready
}

// Status returns the member's state. It changes nothing.
func (m *Member) Status() Status {
	s := Status{Stage: m.durableStage, Members: m.ids, Life: m.life.ID, Ready: m.Ready(), Abstains: len(m.disputes) > 0}
	if m.durableStage != Empty {
		s.Cluster = m.cluster.ID
	}
	if m.leaving {
		s.NotReadyReasons = append(s.NotReadyReasons, "it was removed from the members, and ends when a majority of the voters has adopted that")
	}
	waits := m.joins()
	if waits {
		s.NotReadyReasons = append(s.NotReadyReasons, fmt.Sprintf("it waits to be added to the cluster: lockstep members add %d=HOST:PORT", m.self.ID))
	}
	for _, d := range m.disputes {
		s.NotReadyReasons = append(s.NotReadyReasons, "it abstains: "+m.explainDispute(d, fmt.Sprintf("node %d remembers another log: see this node's log", d.By)))
	}
	for i := range m.peers {
		p := &m.peers[i]
		switch {
		case p.rejection != "" || p.otherLog != "":
			if s.Rejected == nil {
				s.Rejected = map[node.ID]string{}
			}
			s.Rejected[p.id] = cmp.Or(p.rejection, p.otherLog)
			if m.durableStage != Formed {
				s.NotReadyReasons = append(s.NotReadyReasons, fmt.Sprintf("node %d is refused: %s", p.id, s.Rejected[p.id]))
			}
		case len(p.admittedLives) > 0:
			s.Admitted = append(s.Admitted, p.id)
		case m.durableStage != Formed && p.introduction == nil && !waits:
			s.NotReadyReasons = append(s.NotReadyReasons, fmt.Sprintf("the cluster is not formed: node %d has not introduced itself, and all members must", p.id))
		}
	}
	if !s.Ready && len(s.NotReadyReasons) == 0 {
		s.NotReadyReasons = append(s.NotReadyReasons, "the cluster is being formed: all members have introduced themselves")
	}
	return s
}

// FormedCluster returns the random id of the cluster that was formed, as is durable here; zero:
// none was yet.
func (m *Member) FormedCluster() (id [16]byte) {
	if m.durableStage == Formed {
		id = m.cluster.ID
	}
	return id
}

// MemoryOf returns the member's memory of a peer, as it was written last.
func (m *Member) MemoryOf(id node.ID) Memory {
	if i := m.peerIndex(id); i >= 0 {
		return m.peers[i].saved
	}
	return Memory{}
}

// ID returns the member's number.
func (m *Member) ID() node.ID { return m.self.ID }

// SetEndpoint has introductions from now on show where this node serves clients: host:port,
// at most 255 bytes. The others tell it to clients, and nothing else depends on it.
func (m *Member) SetEndpoint(address string) { m.endpoint = address[:min(len(address), 255)] }

// Endpoint returns where a member serves clients, as it shows in this life; empty: it is not
// known.
func (m *Member) Endpoint(id node.ID) string {
	if id == m.self.ID {
		return m.endpoint
	}
	if i := m.peerIndex(id); i >= 0 && m.peers[i].introduction != nil {
		return m.peers[i].introduction.shown().endpoint
	}
	return ""
}

// maxBuild bounds the text of a version.
const maxBuild = 128

// SetBuild has introductions from now on show the version of this node's program, cut to 128
// bytes. The others show it to people, and nothing else depends on it.
func (m *Member) SetBuild(version string) { m.build = version[:min(len(version), maxBuild)] }

// Build returns the version of a member's program, as it shows in this life; empty: it is not
// known. The text is the member's, and may be anything.
func (m *Member) Build(id node.ID) string {
	if id == m.self.ID {
		return m.build
	}
	if i := m.peerIndex(id); i >= 0 && m.peers[i].introduction != nil {
		build := m.peers[i].introduction.shown().build
		return build[:min(len(build), maxBuild)]
	}
	return ""
}

// Unheard returns the number of messages in members' names that were not heard in this life:
// of lives that are not admitted, and of nodes that are no members.
func (m *Member) Unheard() uint64 { return m.unheard }

// Life returns the id of the member's current life.
func (m *Member) Life() uint64 { return m.life.ID }

// Dump returns the whole state of the member and its node as text, for people. It
// changes nothing.
func (m *Member) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "life %016x, %v, ready %v\n", m.life.ID, m.durableStage, m.Ready())
	for _, l := range m.pastLives {
		fmt.Fprintf(&b, "earlier life %016x, boot %d, log to %d\n", l.ID, l.Boot, l.End)
	}
	for _, d := range m.disputes {
		fmt.Fprintf(&b, "disputed by %d: %v\n", d.By, d.Memory)
	}
	for i := range m.peers {
		p := &m.peers[i]
		fmt.Fprintf(&b, "peer %d: remembered as %v; admitted lives %016x", p.id, p.memory, p.admittedLives)
		if p.rejection != "" {
			fmt.Fprintf(&b, "; rejected: %s", p.rejection)
		}
		b.WriteByte('\n')
		for _, t := range p.testimonies {
			fmt.Fprintf(&b, "  %d remembers it as %v\n", t.By, t.Memory)
		}
	}
	return b.String() + m.node.Dump()
}

// TestimonyOf returns what a peer is known to remember of another; zero if nothing.
func (m *Member) TestimonyOf(of, by node.ID) Memory {
	i := m.peerIndex(of)
	if i < 0 {
		return Memory{}
	}
	for _, t := range m.peers[i].testimonies {
		if t.By == by {
			return t.Memory
		}
	}
	return Memory{}
}

// Admits reports whether messages of a life of a peer reach the node.
func (m *Member) Admits(id node.ID, life uint64) bool {
	i := m.peerIndex(id)
	return i >= 0 && m.Ready() && slices.Contains(m.peers[i].admittedLives, life)
}
