package lockstep

import (
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// said is the fact that a node sends a message whose truth can be judged.
type said struct{ message *envelope }

// Digest implements sim.Fact.
func (s said) Digest() uint64 { return keyed.Mix(s.message.FateKey(), 1) }

func (s said) String() string { return "said " + s.message.String() }

// judged reports whether m is one of the messages that oracle.said judges.
func judged(m node.Message) bool {
	switch m.(type) {
	case *node.Proposal, *node.Acknowledgment, *node.Reject, *node.ReadRequest, *node.ReadReport,
		*node.RepairRequest, *node.RepairReport, *node.RepairValue, *node.Request:
		return true
	}
	return false
}

// said: a node says only what is durable (rule 5), and speaks of ballots and
// read ids of its own boot, each asked for once (rules 3, 4 and 8).
func (o *oracle) said(m node.Message) *scenarios.Violation {
	switch m := m.(type) {
	case *node.RepairReport:
		return o.reports(m)
	case *node.Request:
		return o.handsOver(m)
	}
	key, _ := m.About()
	h := &o.machine(key).held[o.id]
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
			return o.violation("values", "malformed", key, "says %v, of what another node has proposed", m)
		}
		if m.Reason == node.StaleBallot && m.Phase == node.Accept && h.accepted == m.Ballot {
			return o.violation("progress", "accepted-rejected", key, "says %v, and has accepted that very ballot", m)
		}
	case *node.ReadReport:
		accepted = m.Accepted
	case *node.Proposal:
		return o.asks(key, m)
	case *node.ReadRequest:
		return o.reads(key, m)
	case *node.RepairRequest:
		return o.compares(m)
	case *node.RepairValue:
		return o.holds(m, m.Key, m.Ballot, m.Chosen)
	}
	if below(h.promised, promised) || below(h.accepted, accepted) {
		return o.violation("durability", "sent-before-sync", key, "says %v, but has only promised %v and accepted %v durably", m, h.promised, h.accepted)
	}
	return nil
}

// asks: a ballot is of the proposer's own boot. One that was asked for as the
// next is never prepared, and none is asked for as the next twice.
func (o *oracle) asks(key string, p *node.Proposal) *scenarios.Violation {
	t, boot := o.machine(key), o.replicas[o.id].boot
	if v := o.resent(t, p); v != nil {
		return v
	}
	if p.Ballot.Node != node.ID(o.id) || p.Ballot.Boot != boot {
		return o.violation("ballots", "foreign", key, "proposes %v in boot %d", p.Ballot, boot)
	}
	if p.Phase == node.Prepare {
		if v := t.vote(p.Ballot); v != nil && v.next {
			return o.violation("ballots", "next-prepared", key, "prepares %v, which an accept has asked for as its next", p.Ballot)
		}
		return nil
	}
	known := t.vote(p.Next)
	if known != nil && (!known.next || known.by != p.Ballot) {
		return o.violation("ballots", "next-reused", key, "asks for %v as the next after %v, which was asked for before", p.Next, p.Ballot)
	}
	v := o.voteOn(t, p.Next)
	v.next, v.by = true, p.Ballot
	return nil
}

// reads: a read id is of the node's own boot, and of one exchange.
func (o *oracle) reads(key string, m *node.ReadRequest) *scenarios.Violation {
	r := &o.replicas[o.id]
	about := aboutRead{key, m.First}
	fresh := m.Read.Node == node.ID(o.id) && m.Read.Boot == r.boot && m.Read.Seq > r.read.Seq
	if same := m.Read == r.read && r.about == about; !same && !fresh {
		return o.violation("reads", "id-reused", key, "asks with read id %v for %s %s in boot %d, after %v for %s %s",
			m.Read, about.key, about.first, r.boot, r.read, r.about.key, r.about.first)
	}
	r.read, r.about = m.Read, about
	return nil
}

// compares: likewise of a request of repair, which is never sent again.
func (o *oracle) compares(m *node.RepairRequest) *scenarios.Violation {
	r, id := &o.replicas[o.id], m.Exchange
	if id.Node != node.ID(o.id) || id.Boot != r.boot || id.Seq <= r.compared {
		return o.violation("reads", "id-reused", "", "asks %v in boot %d, after number %d", m, r.boot, r.compared)
	}
	r.compared = id.Seq
	return nil
}

// reports: what repair tells of is durable, and chosen if it says so.
func (o *oracle) reports(m *node.RepairReport) *scenarios.Violation {
	for _, i := range m.Items {
		if v := o.holds(m, i.Key, i.Ballot, i.Chosen); v != nil {
			return v
		}
	}
	return nil
}

func (o *oracle) holds(m node.Message, key string, b node.Ballot, chosen bool) *scenarios.Violation {
	t := o.machine(key)
	h := &t.held[o.id]
	if below(h.accepted, b) {
		return o.violation("durability", "sent-before-sync", key, "says %v, but has accepted only %v durably", m, h.accepted)
	}
	if chosen && !o.isChosen(t.vote(b)) {
		return o.violation("durability", "sent-unchosen", key, "says %v, which was not chosen", m)
	}
	return nil
}

// proposed: a proposal stands on durable promises of a majority, goes on from
// the highest ballot that was chosen below it, and adds only what somebody
// waits for.
func (o *oracle) proposed(f *node.Observation) *scenarios.Violation {
	promises, t := 0, o.machine(f.Key)
	for i := range o.replicas {
		if !below(t.held[i].promised, f.Ballot) {
			promises++
		}
	}
	if promises < o.majority {
		return o.violation("promises", "no-quorum", f.Key, "proposes %v of %s, which only %d nodes have promised durably", f.Ballot, f.Key, promises)
	}
	if last := t.chosen; below(f.BaseBallot, last) && below(last, f.Ballot) {
		return o.violation("promises", "chosen-value-ignored", f.Key, "proposes %v of %s after %v, though %v was chosen", f.Ballot, f.Key, f.BaseBallot, last)
	}
	if v := o.adds(f); v != nil {
		return v
	}
	return o.oneValue(f)
}
