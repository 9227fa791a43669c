package lockstep

import (
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"math/bits"
)

// messageSent is the observation that a node sends a message that checkSent judges.
type messageSent struct {
	message *envelope
	to      sim.ID
}

// Digest implements sim.Observation.
func (s messageSent) Digest() uint64 { return keyed.Mix(s.message.FateKey(), 1) }

func (s messageSent) String() string { return "sends " + s.message.String() }

// isJudged reports whether oracle.checkSent judges messages of m's type.
func isJudged(m node.Message) bool {
	switch m.(type) {
	case *node.Proposal, *node.Acknowledgment, *node.Reject, *node.ReadRequest, *node.ReadReport,
		*node.RepairRequest, *node.RepairReport, *node.RepairValue, *node.Request:
		return true
	}
	return false
}

// checkSent: a node sends only durable ballots and values (rule 5). Its proposals and
// exchanges have ballots and read ids of its own boot, each used once (rules 3, 4 and 8).
func (o *oracle) checkSent(m node.Message, to sim.ID) *scenarios.Violation {
	switch m := m.(type) {
	case *node.RepairReport:
		return o.checkRepairReport(m)
	case *node.Request:
		return o.checkForwardSent(m)
	}
	key, _ := m.About()
	h := &o.machine(key).durable[o.id]
	var promised, accepted node.Ballot
	switch m := m.(type) {
	case *node.Acknowledgment:
		promised, accepted = m.Ballot, m.Accepted
		if m.Phase == node.Accept {
			accepted = m.Ballot
		}
	case *node.Reject:
		if below(h.accepted, m.Promised) {
			promised = m.Promised
		}
		if m.Reason == node.Malformed {
			return o.violation("values", "malformed", key, "sends %v, for a value that another node has proposed", m)
		}
		if m.Reason == node.StaleBallot && m.Phase == node.Accept && h.accepted == m.Ballot {
			return o.violation("progress", "accepted-rejected", key, "sends %v, though it has accepted that ballot", m)
		}
	case *node.ReadReport:
		accepted = m.Accepted
	case *node.Proposal:
		return o.checkProposal(key, m, to)
	case *node.ReadRequest:
		return o.checkReadRequest(key, m)
	case *node.RepairRequest:
		return o.checkRepairRequest(m)
	case *node.RepairValue:
		return o.checkRepairItem(m, m.Key, m.Ballot, m.Chosen)
	}
	if below(h.promised, promised) || below(h.accepted, accepted) {
		return o.violation("durability", "sent-before-sync", key, "sends %v, but has only promised %v and accepted %v durably", m, h.promised, h.accepted)
	}
	return nil
}

// checkProposal: a ballot is of the proposer's own boot. A ballot that an accept has
// requested as its next is never prepared, and is not the next of a second accept.
func (o *oracle) checkProposal(key string, p *node.Proposal, to sim.ID) *scenarios.Violation {
	t, boot := o.machine(key), o.nodes[o.id].boot
	if v := o.checkExtension(t, p, to); v != nil {
		return v
	}
	if v := o.checkResend(t, p, to); v != nil {
		return v
	}
	if p.Ballot.Node != node.ID(o.id) || p.Ballot.Boot != boot {
		return o.violation("ballots", "foreign", key, "proposes %v in boot %d", p.Ballot, boot)
	}
	if p.Phase == node.Prepare {
		if v := t.ballot(p.Ballot); v != nil && v.asNext {
			return o.violation("ballots", "next-prepared", key, "prepares %v, which an accept has requested as its next", p.Ballot)
		}
		return nil
	}
	known := t.ballot(p.Next)
	if known != nil && (!known.asNext || known.nextOf != p.Ballot) {
		return o.violation("ballots", "next-reused", key, "requests %v as the next after %v, though it was requested before", p.Next, p.Ballot)
	}
	v := o.ensureBallot(t, p.Next)
	v.asNext, v.nextOf = true, p.Ballot
	return nil
}

// checkReadRequest: a read id is of the node's own boot, and of one exchange.
func (o *oracle) checkReadRequest(key string, m *node.ReadRequest) *scenarios.Violation {
	o.machine(key).readAt[o.id] = o.now
	r := &o.nodes[o.id]
	about := readSubject{key, m.First}
	fresh := m.Read.Node == node.ID(o.id) && m.Read.Boot == r.boot && m.Read.Seq > r.lastRead.Seq
	if same := m.Read == r.lastRead && r.lastReadAbout == about; !same && !fresh {
		return o.violation("reads", "id-reused", key, "reads with id %v for %s %s in boot %d, after %v for %s %s",
			m.Read, about.key, about.first, r.boot, r.lastRead, r.lastReadAbout.key, r.lastReadAbout.first)
	}
	if m.Read != r.lastRead {
		r.readSends = 0
	}
	r.lastRead, r.lastReadAbout = m.Read, about
	if r.readSends++; r.readSends >= o.plan.Nodes {
		return o.violation("bounds", "sent-often", key, "sends %v to more nodes than there are others", m)
	}
	return nil
}

// checkRepairRequest: the id of a repair exchange is of the node's own boot, and of one
// request: repair requests are never sent again.
func (o *oracle) checkRepairRequest(m *node.RepairRequest) *scenarios.Violation {
	r, id := &o.nodes[o.id], m.Exchange
	if id.Node != node.ID(o.id) || id.Boot != r.boot || id.Seq <= r.lastRepair {
		return o.violation("reads", "id-reused", "", "sends %v in boot %d, after number %d", m, r.boot, r.lastRepair)
	}
	r.lastRepair = id.Seq
	return nil
}

// checkRepairReport: each value that repair lists is durable, and chosen if the item is
// marked so.
func (o *oracle) checkRepairReport(m *node.RepairReport) *scenarios.Violation {
	for _, i := range m.Items {
		if v := o.checkRepairItem(m, i.Key, i.Ballot, i.Chosen); v != nil {
			return v
		}
	}
	return nil
}

func (o *oracle) checkRepairItem(m node.Message, key string, b node.Ballot, chosen bool) *scenarios.Violation {
	t := o.machine(key)
	h := &t.durable[o.id]
	if below(h.accepted, b) {
		return o.violation("durability", "sent-before-sync", key, "sends %v, but has accepted only %v durably", m, h.accepted)
	}
	if chosen && !o.isChosen(b, t.ballot(b)) {
		return o.violation("durability", "sent-unchosen", key, "sends %v as chosen, which it is not", m)
	}
	return nil
}

// checkProposed: a proposal rests on durable promises of a majority. It extends the
// highest ballot chosen below it, and adds only entries that a client or a forwarding
// node waits for.
func (o *oracle) checkProposed(f *node.Observation) *scenarios.Violation {
	promises, t := uint8(0), o.machine(f.Key)
	for i := range o.nodes {
		if !below(t.durable[i].promised, f.Ballot) {
			promises |= 1 << i
		}
	}
	if !o.isQuorum(f.Ballot.Epoch, promises) {
		return o.violation("promises", "no-quorum", f.Key, "proposes %v of %s, which only %d nodes have promised durably", f.Ballot, f.Key, bits.OnesCount8(promises))
	}
	if last := t.highestChosen; below(f.BaseBallot, last) && below(last, f.Ballot) {
		return o.violation("promises", "chosen-value-ignored", f.Key, "proposes %v of %s after %v, though %v was chosen", f.Ballot, f.Key, f.BaseBallot, last)
	}
	if v := o.checkAddedEntries(f); v != nil {
		return v
	}
	if v := o.checkBatch(t, f); v != nil {
		return v
	}
	return o.checkOneValue(f)
}
