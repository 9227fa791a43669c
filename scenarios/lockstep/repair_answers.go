package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/sim"
)

// repairAsked is the last repair request of a peer in a life of a node, and the values
// that were sent since.
type repairAsked struct {
	exchange node.ReadID
	wants    []string // requested keys; empty where the node had no value when the request came
	sent     []string // keys of the values
}

// noteAsked notes a repair request of a peer, before the node takes it.
func (p *process) noteAsked(from sim.ID, m *node.RepairRequest) {
	a := &p.traffic.asked[from]
	a.exchange, a.wants, a.sent = m.Exchange, a.wants[:0], a.sent[:0]
	for _, key := range m.Wants {
		if p.node.Inspect(key).Accepted.IsZero() {
			key = ""
		}
		a.wants = append(a.wants, key)
	}
}

// checkAnswered: a report that counts a requested value as answered follows that value.
func (p *process) checkAnswered(to sim.ID, m *node.RepairReport) {
	a := &p.traffic.asked[to]
	if m.Exchange != a.exchange {
		return
	}
	for _, key := range a.wants[:min(int(m.WantsAnswered), len(a.wants))] {
		if key != "" && !slices.Contains(a.sent, key) {
			p.breach("progress", "value-withheld", key, "answers %d wants of %d with %v, and has not sent its value of %s", m.WantsAnswered, to, m, key)
		}
	}
}
