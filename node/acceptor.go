package node

import (
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// handleProposal handles a Prepare or an Accept as the acceptor (rule 1). An
// acknowledgment, or a rejection that shows a promise, is sent only once the
// acceptor's state is durable (rule 5).
func (n *Node) handleProposal(from ID, p *Proposal) {
	if n.logBacklogFull() {
		n.discardUnjudged()
		return // the proposer sends it again
	}
	m := n.ensureMachine(p.Key)
	if m == nil {
		n.definitions.fetch(from, p.Key)
	}
	value, reason := n.judge(from, m, p)
	if reason == BaseNotHeld {
		n.rejectBase(from, p.Key, p.Ballot, p.First)
		n.dropIfEmpty(m)
		return
	}
	if reason != "" {
		n.counts.rejected(reason)
		r := n.rejects.Make(arenaBlock)
		*r = Reject{Phase: p.Phase, Key: p.Key, Ballot: p.Ballot, Reason: reason, First: p.First}
		if reason == StaleBallot {
			n.mark(MarkPrepareRejected + Mark(p.Phase-Prepare))
			r.Promised = maxBallot(m.promised, m.accepted)
			n.sendWhenDurable(from, r, m.durableAt)
			return
		}
		n.sendWhenDurable(from, r, 0)
		if m != nil {
			n.dropIfEmpty(m)
		}
		return
	}
	if !n.reaches(from, m, max(p.Ballot.Round, p.Next.Round)) {
		n.dropIfEmpty(m)
		return // the proposer sends it again
	}
	a := n.acknowledgments.Make(arenaBlock)
	*a = Acknowledgment{Phase: p.Phase, Key: p.Key, Ballot: p.Ballot, First: p.First}
	if p.Phase == Prepare {
		n.promise(m, p.Ballot)
		invariant.Check(m.promised == p.Ballot && m.accepted.Less(p.Ballot), "node: an acknowledged prepare is the acceptor's promise, above what it has accepted")
		a.Accepted, a.Value = m.accepted, m.value
	} else {
		n.accept(m, p, value)
	}
	invariant.Check(p.Phase == Prepare || m.accepted == p.Ballot && m.value != nil, "node: an acknowledged accept is what the acceptor has accepted")
	n.sendWhenDurable(from, a, m.durableAt)
}

// judge returns the reason to reject a proposal, or "" to acknowledge it, and then the
// value of an accept. A proposal comes from the node of its ballot: a member cannot propose
// as another.
func (n *Node) judge(from ID, m *machine, p *Proposal) (*Value, Reason) {
	switch {
	case m == nil:
		return nil, UnknownDefinition
	case p.Ballot.Epoch != n.epoch:
		n.mark(MarkStaleEpoch)
		return nil, StaleEpoch
	case !n.validBallot(p.Ballot) || p.Ballot.Node != from || !p.Next.IsZero() && !n.validNext(p) || !p.Known.IsZero() && !n.validBallot(p.Known):
		return nil, Malformed
	case p.Phase == Accept:
		value, reason := p.Value, Reason("")
		if p.Extension != nil {
			value, reason = n.judgeExtension(m, p)
		} else {
			reason = n.judgeValue(m, p)
		}
		if reason == "" && m.isRegister() && !n.isNextEpoch(value) {
			return nil, Malformed
		}
		return value, reason
	case p.Phase != Prepare:
		return nil, Malformed
	case !m.promised.Less(p.Ballot) || !m.accepted.Less(p.Ballot):
		return nil, StaleBallot
	case n.refusesForQuota(m, p):
		n.mark(MarkQuotaPrepare)
		return nil, QuotaReached
	}
	return nil, ""
}

// judgeExtension is judge for an accept that names its value as an extension. Also if the
// value is accepted already, the base is gone: then the proposer sends the value, to
// be compared.
func (n *Node) judgeExtension(m *machine, p *Proposal) (*Value, Reason) {
	switch {
	case p.Value != nil || !n.validBallot(p.Extension.Base) || !p.Extension.Base.Less(p.Ballot):
		return nil, Malformed
	case m.accepted != p.Ballot && (p.Ballot.Less(m.promised) || p.Ballot.Less(m.accepted)):
		return nil, StaleBallot
	case m.accepted != p.Extension.Base:
		return nil, BaseNotHeld
	}
	value := p.Extension.of(m.value, m.def)
	if value == nil {
		return nil, Malformed
	}
	n.mark(MarkValueExtended)
	return value, ""
}

// judgeValue is judge for an accept with its value.
func (n *Node) judgeValue(m *machine, p *Proposal) Reason {
	switch {
	case p.Value == nil || !p.Value.extends(m.value, m.def) && p.Value.check(m.def, n.firstSerial) != nil:
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

// validNext reports whether a proposal's next ballot can be one of the same life of its
// proposer.
func (n *Node) validNext(p *Proposal) bool {
	return n.validBallot(p.Next) && p.Next.Epoch == p.Ballot.Epoch && p.Next.Node == p.Ballot.Node && p.Next.Boot == p.Ballot.Boot && p.Ballot.Less(p.Next)
}

// promise raises m's promise to b, so that lower ballots are rejected. It does
// nothing if the promise is as high already.
func (n *Node) promise(m *machine, b Ballot) {
	if !m.promised.Less(b) {
		return
	}
	logged := m.logged()
	m.promised = b
	n.persistPromise(m, logged)
	m.checkAcceptor()
	n.observe(Observation{Kind: Promised, Key: m.key, Ballot: b, DurableAt: m.durableAt})
}

// accept stores value, the proposal's, in m and promises its next ballot.
func (n *Node) accept(m *machine, p *Proposal, value *Value) {
	if m.accepted == p.Ballot {
		n.mark(MarkDuplicateAccept)
		if m.promised.Less(p.Next) {
			n.mark(MarkNextPromisedLate)
		}
		n.promise(m, p.Next)
		return
	}
	invariant.Check(m.accepted.Less(p.Ballot), "node: an acceptor accepts in the order of ballots")
	invariant.Check(!p.Ballot.Less(m.promised), "node: an acceptor accepts nothing below its promise")
	before := m.contribution()
	logged := m.logged()
	m.accepted, m.value = p.Ballot, value
	n.repair.update(m, before)
	m.promised = maxBallot(m.promised, maxBallot(p.Ballot, p.Next))
	m.checkAcceptor()
	n.persistAccepted(m, logged)
	n.observe(Observation{Kind: Accepted, Key: m.key, Ballot: p.Ballot, Value: value, DurableAt: m.durableAt})
	n.observe(Observation{Kind: Promised, Key: m.key, Ballot: m.promised, DurableAt: m.durableAt})
}

// checkAcceptor checks the acceptor's state of m, which has changed.
func (m *machine) checkAcceptor() {
	invariant.Check(!m.promised.Less(m.accepted), "node: a promise is not below the accepted ballot")
	invariant.Check(m.accepted.IsZero() == (m.value == nil), "node: there is a value if and only if one was accepted")
}

// persist appends the acceptor's state of m to the log.
func (n *Node) persist(m *machine) { n.persisted(m, n.appendToLog(m, true)) }

// persistPromise is persist if only the promise has changed: the value is in an earlier record.
func (n *Node) persistPromise(m *machine, before logged) {
	full := m.value == nil
	if !full {
		n.liveRecords.grow(m, m.ballotsSize()-before.ballots)
	}
	n.persisted(m, n.appendToLog(m, full))
}

// persistAccepted is persist if m has accepted its value.
func (n *Node) persistAccepted(m *machine, before logged) {
	n.persisted(m, n.appendAccepted(m, before))
}

// persisted notes that m's state is in the log up to a position.
func (n *Node) persisted(m *machine, end wal.LSN) {
	n.keep(m)
	invariant.Check(end > m.durableAt, "node: a machine's records are in the order of the log")
	m.durableAt = end
	n.appended += int64(len(n.scratch) + wal.Overhead)
}

// handleReadRequest reports the accepted value of a machine once it is durable. A read of
// another epoch gets no report: a quorum of that one is none of this.
func (n *Node) handleReadRequest(from ID, r *ReadRequest) {
	if r.Read.Epoch() != n.epoch {
		n.mark(MarkReadOfOtherEpoch)
		n.discardUnjudged()
		return
	}
	report := n.reports.Make(arenaBlock)
	*report = ReadReport{Key: r.Key, Read: r.Read, First: r.First}
	m := n.findMachine(r.Key)
	switch {
	case m != nil:
		report.Accepted, report.Value = m.accepted, m.value
		n.sendWhenDurable(from, report, m.durableAt)
	case n.definitions.find(r.Key) != nil: // a read does not create a machine
		n.sendWhenDurable(from, report, 0)
	default:
		n.discardUnjudged()
	}
}
