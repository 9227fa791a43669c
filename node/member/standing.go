package member

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// Standing is where a member stands, for people and tools.
type Standing struct {
	Stage    Stage
	Cluster  [16]byte // of Bound and Formed
	Members  []node.ID
	Life     uint64
	Ready    bool
	Abstains bool
	Hears    []node.ID          // peers that it has admitted, in order
	Refused  map[node.ID]string // why it does not hear a peer
	Reasons  []string           // why it is not ready
}

// Standing tells where the member stands. It changes nothing.
func (m *Member) Standing() Standing {
	s := Standing{Stage: m.joined, Members: m.ids, Life: m.life.ID, Ready: m.Ready(), Abstains: len(m.disputes) > 0}
	if m.joined != Empty {
		s.Cluster = m.cluster.ID
	}
	for _, d := range m.disputes {
		s.Reasons = append(s.Reasons, "it abstains: "+m.words(d))
	}
	for i := range m.peers {
		p := &m.peers[i]
		switch {
		case p.trouble != "":
			if s.Refused == nil {
				s.Refused = map[node.ID]string{}
			}
			s.Refused[p.id] = p.trouble
			if m.joined != Formed {
				s.Reasons = append(s.Reasons, fmt.Sprintf("node %d is refused: %s", p.id, p.trouble))
			}
		case len(p.admitted) > 0:
			s.Hears = append(s.Hears, p.id)
		case m.joined != Formed && p.last == nil:
			s.Reasons = append(s.Reasons, fmt.Sprintf("the cluster is not formed: node %d has not been heard of, and all must be there", p.id))
		}
	}
	if !s.Ready && len(s.Reasons) == 0 {
		s.Reasons = append(s.Reasons, "the cluster is being formed: all are there")
	}
	return s
}

// Remembers is what the member remembers of a peer, as it was written down last.
func (m *Member) Remembers(id node.ID) Memory {
	if i := m.place(id); i >= 0 {
		return m.peers[i].saved
	}
	return Memory{}
}

// Life is the id of the member's life.
func (m *Member) Life() uint64 { return m.life.ID }

// Dump is all that the member and its node hold, in words, for people. It changes
// nothing.
func (m *Member) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "life %016x, %v, ready %v\n", m.life.ID, m.joined, m.Ready())
	for _, l := range m.past {
		fmt.Fprintf(&b, "earlier life %016x, boot %d, log to %d\n", l.ID, l.Boot, l.End)
	}
	for _, d := range m.disputes {
		fmt.Fprintf(&b, "disputed by %d: %v\n", d.By, d.Memory)
	}
	for i := range m.peers {
		p := &m.peers[i]
		fmt.Fprintf(&b, "peer %d: remembered as %v; hears lives %016x", p.id, p.memory, p.admitted)
		if p.trouble != "" {
			fmt.Fprintf(&b, "; refused: %s", p.trouble)
		}
		b.WriteByte('\n')
		for _, t := range p.hearsay {
			fmt.Fprintf(&b, "  %d remembers it as %v\n", t.By, t.Memory)
		}
	}
	return b.String() + m.node.Dump()
}
