package node

import "github.com/lockstep-dst/lockstep/node/wal"

// proposal is the acceptor (rule 1). Whatever the answer, it is said only when
// all that the acceptor has done to the machine is durable (rule 5).
func (n *Node) proposal(from ID, p *Proposal) {
	if n.swamped() {
		n.counts.Failed++
		return // it will be sent again
	}
	m := n.machine(p.Key)
	if m == nil {
		n.unheard(p.Key)
	}
	if reason := n.refuses(m, p); reason != "" {
		n.counts.rejected(reason)
		r := n.rejects.make()
		*r = Reject{Phase: p.Phase, Key: p.Key, Ballot: p.Ballot, Reason: reason, First: p.First}
		if reason == StaleBallot {
			n.mark(MarkPrepareRefused + Mark(p.Phase-Prepare))
			r.Promised = later(m.promised, m.accepted)
			n.say(from, r, m.pos)
			return
		}
		n.say(from, r, 0)
		if m != nil {
			n.forget(m)
		}
		return
	}
	a := n.acknowledgments.make()
	*a = Acknowledgment{Phase: p.Phase, Key: p.Key, Ballot: p.Ballot, First: p.First}
	if p.Phase == Prepare {
		n.promise(m, p.Ballot)
		a.Accepted, a.Value = m.accepted, m.value
	} else {
		n.accept(m, p)
	}
	n.say(from, a, m.pos)
}

// refuses says why a proposal must not be acknowledged; it is empty if it may.
func (n *Node) refuses(m *machine, p *Proposal) Reason {
	switch {
	case m == nil:
		return UnknownDefinition
	case p.Ballot.Epoch != firstEpoch:
		return StaleEpoch
	case !n.plausible(p.Ballot) || !p.Next.IsZero() && !n.plausible(p.Next):
		return Malformed
	case p.Phase == Prepare:
		if m.promised.Less(p.Ballot) && m.accepted.Less(p.Ballot) {
			return ""
		}
		return StaleBallot
	case p.Phase != Accept || p.Value == nil || !p.Value.follows(m.value, m.def) && p.Value.check(m.def) != nil:
		return Malformed
	case m.accepted == p.Ballot:
		// Sent again, or it came by repair: one ballot has one value.
		if !m.value.Equal(p.Value) {
			return Malformed
		}
		return ""
	case p.Ballot.Less(m.promised) || !m.accepted.Less(p.Ballot):
		return StaleBallot
	}
	return ""
}

// promise makes m refuse what is below b.
func (n *Node) promise(m *machine, b Ballot) {
	if !m.promised.Less(b) {
		return
	}
	m.promised = b
	n.persist(m, false)
	n.fact(Fact{Kind: Promised, Key: m.key, Ballot: b, At: m.pos})
}

// accept makes m hold the proposal's value, and promises its next ballot.
func (n *Node) accept(m *machine, p *Proposal) {
	if m.accepted == p.Ballot {
		n.mark(MarkAcceptedAgain)
		if m.promised.Less(p.Next) {
			n.mark(MarkPromisedAfter)
		}
		n.promise(m, p.Next)
		return
	}
	before := m.standing()
	m.accepted, m.value = p.Ballot, p.Value
	n.account(m, before)
	m.promised = later(m.promised, later(p.Ballot, p.Next))
	n.persist(m, true)
	n.fact(Fact{Kind: Accepted, Key: m.key, Ballot: p.Ballot, Value: p.Value, At: m.pos})
	n.fact(Fact{Kind: Promised, Key: m.key, Ballot: m.promised, At: m.pos})
}

// persist appends what the acceptor holds of m to the log. Without a value, or
// without an earlier record, the promise is all that there is.
func (n *Node) persist(m *machine, withValue bool) {
	m.pos = n.append(m, withValue || m.value == nil)
	n.appended += int64(len(n.scratch) + wal.Overhead)
}

// readRequest reports what the acceptor has accepted, when that is durable.
func (n *Node) readRequest(from ID, r *ReadRequest) {
	report := n.reports.make()
	*report = ReadReport{Key: r.Key, Read: r.Read, First: r.First}
	m := n.known(r.Key)
	switch {
	case m != nil:
		report.Accepted, report.Value = m.accepted, m.value
		n.say(from, report, m.pos)
	case n.define(r.Key) != nil: // a look at a machine does not make one
		n.say(from, report, 0)
	default:
		n.counts.Failed++
	}
}
