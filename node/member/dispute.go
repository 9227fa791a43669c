package member

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Dispute is another member's memory that this node's log contradicts: the log
// was wiped, or is an older copy.
//
// A single word is not ignored, since the two others of three may know no better
// than to be a majority with this node; and it ends nothing, since then one
// liar could end all. The node abstains: it does not vote, propose, read or
// repair, in this life and all others. What was lost is lost, so there is no way
// back; whoever seems to remember otherwise later has forgotten. When a majority of
// the members says so, each of its own memory, the node ends.
type Dispute struct {
	By        node.ID // whose memory it is
	Memory    Memory
	Firsthand bool // By has said so itself
}

// Level is how much a notice matters.
type Level uint8

// The levels.
const (
	Info     Level = iota // as it should be
	Warn                  // something is wrong with a peer
	Critical              // something is wrong with this node
)

// Notice is something that an operator should know.
type Notice struct {
	Level Level
	Peer  node.ID // 0: none
	Text  string
}

func (m *Member) notice(level Level, peer node.ID, format string, args ...any) {
	if m.cfg.Notify != nil {
		m.cfg.Notify(Notice{level, peer, fmt.Sprintf(format, args...)})
	}
}

// checkTestimony holds this log to what a peer says is remembered of it.
func (m *Member) checkTestimony(speaker node.ID, t Testimony) {
	d := Dispute{By: t.By, Memory: t.Memory, Firsthand: t.By == speaker}
	charge := t.Memory.compare(m.log())
	i := slices.IndexFunc(m.disputes, func(o Dispute) bool { return o.By == t.By })
	switch {
	case !charge.provesLoss() || i >= 0 && (m.disputes[i] == d || m.disputes[i].Firsthand && !d.Firsthand):
		return
	case i >= 0:
		m.disputes[i] = d
	default:
		m.disputes = append(m.disputes, d)
		m.mark(MarkAbstained)
		m.notice(Critical, d.By, "it abstains from now on: %s", m.describeDispute(d))
	}
	m.observe(Observation{Kind: Abstaining, Peer: d.By, Memory: d.Memory, Discrepancy: charge, Firsthand: d.Firsthand})
	m.saveDisputes()
	firsthand := 0
	for _, d := range m.disputes {
		if d.Firsthand {
			firsthand++
		}
	}
	if firsthand > len(m.ids)/2 {
		m.fail(fmt.Errorf("%w: %s", ErrAmnesia, m.describeDispute(d)))
	}
}

// describeDispute say what a dispute is about, and what can be done.
func (m *Member) describeDispute(d Dispute) string {
	what := "its directory is an older copy"
	if d.Memory.compare(m.log()) == OtherLog {
		what = "its directory was wiped or replaced"
	}
	return fmt.Sprintf("%s, and what it promised since is lost (node %d remembers %v; this is incarnation %x, boot %d as life %016x). "+
		"It cannot take part again with this directory. The others go on while a majority of them is up: keep theirs as they are",
		what, d.By, d.Memory, m.self.Incarnation[:4], m.life.Boot, m.life.ID)
}

// Disputes are why the member abstains; none if it does not.
func (m *Member) Disputes() []Dispute { return slices.Clone(m.disputes) }
