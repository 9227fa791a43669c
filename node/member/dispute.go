package member

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Dispute is the claim of another member that this node's log lacks promises: its
// memory contradicts the log, which was wiped or is an older copy.
//
// A single claim is not ignored: the two others of three may know no better, and
// be a majority with this node. It does not stop the node either, since then one
// false claim could stop all. Instead the node abstains: it does not vote,
// propose, read or repair, in this life and all later ones. The lost promises stay
// lost, so a dispute is never withdrawn; a member that seems to remember otherwise
// later has lost its memory. When a majority of the members disputes the log, each
// by its own memory, the node stops.
type Dispute struct {
	By        node.ID // owner of the memory
	Memory    Memory
	Firsthand bool // By sent it itself
}

// checkTestimony compares this log with a testimony about it from a peer. Only the
// testimonies of members count, and none that the cluster's record refutes.
func (m *Member) checkTestimony(speaker *peer, t Testimony) {
	d := Dispute{By: t.By, Memory: t.Memory, Firsthand: t.By == speaker.id}
	if m.peerIndex(t.By) < 0 {
		return
	}
	discrepancy := t.Memory.compare(m.log())
	i := slices.IndexFunc(m.disputes, func(o Dispute) bool { return o.By == t.By })
	switch {
	case discrepancy == OtherLog && m.refutes(t):
		if !speaker.lied {
			speaker.lied = true
			m.notice(Warn, speaker.id, "%s", describeLie(t))
		}
		return
	case !discrepancy.provesLoss() || i >= 0 && (m.disputes[i] == d || m.disputes[i].Firsthand && !d.Firsthand):
		return
	case i >= 0:
		m.disputes[i] = d
	default:
		m.disputes = append(m.disputes, d)
		m.mark(MarkAbstained)
		m.notice(Critical, d.By, "it abstains from now on: %s", m.describeDispute(d))
	}
	m.observe(Observation{Kind: Abstaining, Peer: d.By, Memory: d.Memory, Discrepancy: discrepancy, Firsthand: d.Firsthand})
	m.disputesLSN = m.saveDisputes()
}

// lostPromises returns an error if a majority of the members disputes the log, each by its own
// memory. The member stops for it once that is durable: in later lives it need not be told
// again.
func (m *Member) lostPromises() error {
	firsthand := 0
	for _, d := range m.disputes {
		if d.Firsthand && slices.Contains(m.ids, d.By) {
			firsthand++
		}
	}
	if firsthand > len(m.ids)/2 {
		return fmt.Errorf("%w: %s", ErrAmnesia, m.describeDispute(m.disputes[len(m.disputes)-1]))
	}
	return nil
}

// describeDispute describes a dispute, its evidence and its remedy, for the log.
func (m *Member) describeDispute(d Dispute) string {
	return m.explainDispute(d, fmt.Sprintf("node %d remembers %v; this is incarnation %x, boot %d as life %016x",
		d.By, d.Memory, m.self.Incarnation[:4], m.life.Boot, m.life.ID))
}

// explainDispute describes a dispute and its remedy.
func (m *Member) explainDispute(d Dispute, evidence string) string {
	what := "its directory is an older copy"
	if d.Memory.compare(m.log()) == OtherLog {
		what = "its directory was wiped or replaced"
	}
	return fmt.Sprintf("%s, and its promises since are lost (%s). "+
		"It cannot take part again with this directory: put a new node in its place, lockstep members replace %d M=HOST:PORT. "+
		"The others go on while a majority of them is up: keep theirs as they are", what, evidence, m.self.ID)
}

// Disputes are why the member abstains; none if it does not.
func (m *Member) Disputes() []Dispute { return slices.Clone(m.disputes) }
