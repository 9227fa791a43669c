package node

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// proposer is a node's state as the proposer of one machine. At most one round is in
// progress; operations that arrive meanwhile wait for the next.
type proposer struct {
	queue        []*operation // in order of arrival, without the round's batch
	forwarded    []*operation // to other nodes, in order
	round        round
	backoffUntil time.Duration // no new round before this
	lostBallot   Ballot        // ballot of the last failed round
}

// operation is a node's state of one attempt.
type operation struct {
	client           ID
	clientReq        *Request // as received
	req              *Request // as carried out: after forwarding a retry, maybe with a stamped id
	deadline         time.Duration
	watermark        uint64 // a serial chosen before its first attempt
	absentUpTo       uint64 // the chosen entries up to this serial are of other operations
	acceptSent       bool   // an accept with it was sent: it may take effect
	acceptBallot     Ballot // of the last accept with it
	answered         bool
	forward          forwarding
	definitionLookup *lookup // the lookup that it belongs to; nil: a client's operation
	result           Reply   // reply to send once the round's value is chosen; then the message itself
}

// round is the state of a round: one ballot in its prepare or accept phase. Phase 0:
// none.
type round struct {
	phase           Phase
	ballot          Ballot
	next            Ballot
	value           *Value       // accept: fixed when the first accept is sent
	batch           []*operation // accept: the operations that the value carries
	first           OpID
	acknowledged    memberSet // members that acknowledged this phase
	rejected        memberSet
	holders         memberSet  // accept: those that are sent the extension in place of the value
	extension       *Extension // accept: value as an extension of a value that holders have accepted
	highestAccepted Ballot     // prepare: the highest accepted ballot reported
	highestValue    *Value
	beganAt         time.Duration // with its first phase
	attempts        int           // times this phase was sent
	sentAt          time.Duration // when it was sent first
	resendAt        time.Duration // when to send it again
}

// startRound has a round begin at the end of the step, if operations are queued and no
// round is in progress.
func (n *Node) startRound(m *machine) {
	if m.round.phase == 0 && len(m.queue) > 0 {
		n.beginLater(m)
	}
}

// beginRound begins a round if operations are queued, no round is in progress and no
// backoff is pending. A look goes before it, if it may save the round.
func (n *Node) beginRound(m *machine) {
	if m.round.phase != 0 || len(m.queue) == 0 || len(m.quorumRead.proposals) > 0 {
		return
	}
	invariant.Check(len(m.round.batch) == 0, "node: operations are in a batch only while a round is in progress")
	if n.now < m.backoffUntil {
		n.scheduleWake(m, m.backoffUntil)
		return
	}
	if n.looksFirst(m) {
		return
	}
	if !m.cachedPromise.IsZero() {
		n.counts.FastRounds++
		n.mark(MarkFastPath)
		ballot := m.cachedPromise
		m.cachedPromise = Ballot{}
		invariant.Check(m.chosen != nil && ballot.Node == n.cfg.ID && ballot.Boot == n.boot, "node: a cached promise is for a ballot of this life, after a chosen value")
		n.beginAccept(m, ballot, m.chosenAt, m.chosen)
		return
	}
	n.counts.PrepareRounds++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: m.queue[0].req.ID, batch: m.round.batch[:0], beganAt: n.now}
	n.sendRound(m)
}

// checkStep checks the value that a round proposes after from, with size operations.
func checkStep(from, value *Value, size int) {
	added := value.Serial - from.Serial
	invariant.Check(value.Serial >= from.Serial && added <= uint64(size), "node: each operation of a batch makes at most one entry")
	invariant.Check(value.Version >= from.Version && value.Version-from.Version <= added, "node: each entry makes at most one transition")
	invariant.Check(len(value.Window) <= MaxDedupWindow && uint64(len(value.Window)) <= value.Serial, "node: a dedup window holds entries that were made, within its limit")
}

// newBallot returns a ballot above all that this node has used, promised or seen. It
// is used once in this boot (rule 4).
func (n *Node) newBallot(m *machine) Ballot {
	m.highestRound = max(m.highestRound, m.promised.Round, max(n.cfg.FirstRound, 1)-1) + 1
	invariant.Check(n.ready, "node: no ballot is used before its boot is durable")
	invariant.Check(m.promised.Round < m.highestRound && m.chosenAt.Round < m.highestRound, "node: a new ballot is above all that were promised or chosen")
	return Ballot{Epoch: n.epoch, Round: m.highestRound, Node: n.cfg.ID, Boot: n.boot}
}

// beginAccept fixes the round's batch and value and begins the accept phase. base is
// the value that the round goes on from, nil for a machine in its initial state. at
// is the ballot at which base was accepted.
func (n *Node) beginAccept(m *machine, ballot, at Ballot, base *Value) {
	invariant.Check(m.round.phase != Accept, "node: a round has one accept phase")
	invariant.Check(at.IsZero() == (base == nil), "node: a round goes on from an accepted value, or from none")
	from := n.valueOrInitial(m, base)
	size := min(len(m.queue), n.batchLimit(m, from))
	batch := append(m.round.batch[:0], m.queue[:size]...)
	m.queue = slices.Delete(m.queue, 0, size)
	for _, o := range batch {
		o.acceptBallot = ballot
	}
	value := n.apply(m, from, batch)
	checkStep(from, value, size)
	n.markRound(m, at, from, value, batch)
	first := m.round.first
	if size > 0 {
		first = batch[0].req.ID
	}
	began := n.now
	if m.round.phase == Prepare {
		began = m.round.beganAt
	}
	m.round = round{phase: Accept, ballot: ballot, next: n.newBallot(m), value: value, batch: batch, first: first, beganAt: began}
	invariant.Check(ballot.Less(m.round.next), "node: the next ballot is above the round's")
	n.extendChosen(m, at, base)
	n.observe(Observation{Kind: Proposed, Key: m.key, Ballot: ballot, Value: value, BaseBallot: at})
	n.sendRound(m)
}

// sendRound sends the round's phase to every member that has not answered it.
func (n *Node) sendRound(m *machine) {
	r := &m.round
	invariant.Check(r.phase == Prepare || r.phase == Accept, "node: a round is sent in its prepare or accept phase")
	invariant.Check((r.phase == Accept) == (r.value != nil), "node: the value of a round is fixed for its accept phase, and not before")
	invariant.Check(r.ballot.Node == n.cfg.ID && r.ballot.Boot == n.boot, "node: a node proposes at ballots of its own life")
	invariant.Check(r.attempts <= n.cfg.MaxResends, "node: a phase is sent again at most MaxResends times")
	if r.attempts > 0 {
		n.mark(MarkResent)
		r.holders = 0 // what is sent again is sent in full
	}
	p := n.roundProposal(m)
	short := p
	if r.holders != 0 {
		short = n.shortened(p, r.extension)
	}
	for i, id := range n.cfg.Members {
		switch {
		case r.acknowledged.has(i) || r.rejected.has(i):
			continue
		case r.holders.has(i):
			n.sendWhenDurable(id, short, 0)
		default:
			n.sendWhenDurable(id, p, 0)
		}
		if r.attempts > 0 {
			n.counts.Resent++
		}
	}
	if r.attempts == 0 {
		r.sentAt = n.now
	}
	r.attempts++
	r.resendAt = n.now + n.resendTimeout(m)
	n.scheduleWake(m, r.resendAt)
}

// roundProposal is the proposal of m's round and phase, with the value of an accept.
func (n *Node) roundProposal(m *machine) *Proposal {
	r := &m.round
	p := n.proposals.Make(arenaBlock)
	*p = Proposal{Phase: r.phase, Key: m.key, Ballot: r.ballot, Value: r.value, Next: r.next, First: r.first}
	if r.phase == Prepare {
		p.Known = m.knownAccepted()
	}
	return p
}

// resendTimeout is the wait for responses before a phase is sent again. It doubles
// with failures, so that a node whose configured timeout is below the round trip
// still makes progress. It shrinks when a round takes less than half of it.
func (n *Node) resendTimeout(m *machine) time.Duration {
	return n.cfg.ResendTimeout << min(m.failures, maxBackoff)
}

const (
	maxBackoff  = 5 // doublings
	maxFailures = 64
)

// handleAcknowledgment counts an acceptor's consent, as a set of members, for exactly
// this machine, ballot and phase (rule 6).
func (n *Node) handleAcknowledgment(from ID, a *Acknowledgment) {
	m := n.findMachine(a.Key)
	if m == nil {
		n.discardLateResponse(a.Key)
		return
	}
	if !n.validBallot(a.Ballot) || !a.Accepted.Less(a.Ballot) || !n.validAccepted(m, a.Accepted, a.Value) {
		n.counts.Discarded++
		return
	}
	i := n.member(from)
	if m.work == nil {
		m.noteHolder(i, a)
		return
	}
	r := &m.round
	if r.phase != a.Phase || r.ballot != a.Ballot || r.acknowledged.has(i) {
		m.noteHolder(i, a)
		n.mark(MarkLateResponse)
		return
	}
	r.acknowledged.add(i)
	if r.phase == Prepare && r.highestAccepted.Less(a.Accepted) {
		r.highestAccepted, r.highestValue = a.Accepted, a.Value
		m.reported = maxBallot(m.reported, a.Accepted)
	}
	if !n.enough(m, r.acknowledged) {
		return
	}
	invariant.Check(!n.enough(m, r.acknowledged&^(1<<i)), "node: a phase ends with the acknowledgment that makes a quorum")
	if r.phase == Prepare {
		n.onPrepared(m)
		return
	}
	n.onChosen(m)
	n.releaseWork(m)
}

// discardLateResponse drops a response about a machine that this node does not have. It is
// to an earlier life, which had not logged the machine, or did not know its definition
// either.
func (n *Node) discardLateResponse(key string) {
	if n.definitions.find(key) == nil {
		n.discardUnjudged()
		return
	}
	n.mark(MarkLateResponse)
}

// onPrepared begins the accept phase from the value with the highest accepted ballot
// (rule 2). That value need not be chosen yet: accepting it again makes it so.
func (n *Node) onPrepared(m *machine) {
	invariant.Check(m.round.phase == Prepare && n.enough(m, m.round.acknowledged), "node: a prepare phase ends with a quorum of promises")
	n.beginAccept(m, m.round.ballot, m.round.highestAccepted, m.round.highestValue)
}

// onChosen ends a round whose value a quorum has accepted.
func (n *Node) onChosen(m *machine) {
	r := &m.round
	invariant.Check(r.phase == Accept && r.value != nil, "node: a value is chosen in an accept phase")
	invariant.Check(n.enough(m, r.acknowledged), "node: a value is chosen by a quorum")
	n.counts.Commits++
	n.committedAt = n.now
	n.out.RoundTimes = append(n.out.RoundTimes, n.now-r.beganAt)
	n.observe(Observation{Kind: Chosen, Key: m.key, Ballot: r.ballot, Value: r.value, Waiting: uint16(min(m.unansweredBy(r.value, n.now), 1<<16-1))})
	n.learn(m, r.ballot, r.value)
	if r.rejected == 0 && m.chosenAt == r.ballot {
		m.cachedPromise = r.next
	}
	if r.attempts == 1 {
		n.rtt.update(n.now - r.sentAt)
	}
	if m.backoffUntil = 0; n.now-r.sentAt < n.resendTimeout(m)/2 { // else a shorter timeout would have been too short
		m.failures /= 2
	}
	for _, o := range r.batch {
		n.answerChosen(m, o)
	}
	n.sendCommits(m)
	n.endRound(m)
	n.startRound(m)
}

func (n *Node) endRound(m *machine) {
	clear(m.round.batch)
	m.round = round{batch: m.round.batch[:0]}
}

// handleReject counts an acceptor's rejection. The round fails once a quorum has
// become impossible.
func (n *Node) handleReject(from ID, j *Reject) {
	m := n.findMachine(j.Key)
	if m == nil {
		n.discardLateResponse(j.Key)
		return
	}
	if !n.validBallot(j.Ballot) || !j.Promised.IsZero() && !n.validBallot(j.Promised) {
		n.counts.Discarded++
		return
	}
	if j.Reason == BaseNotHeld { // says nothing of the ballot, so the round goes on
		n.sendInFull(from, m, j)
		return
	}
	if m.highestRound > 0 && n.reaches(from, m, j.Promised.Round) { // 0: this life has proposed nothing yet
		m.highestRound = max(m.highestRound, j.Promised.Round)
	}
	if m.work == nil {
		return
	}
	r, i := &m.round, n.member(from)
	if r.phase != j.Phase || r.ballot != j.Ballot || r.acknowledged.has(i) {
		return
	}
	r.rejected.add(i)
	if j.Reason == QuotaReached {
		n.noteFull(i)
	}
	if !n.enough(m, n.all()&^r.rejected) {
		n.mark(MarkPreempted)
		n.failRound(m)
		n.startRound(m)
		n.releaseWork(m)
		return
	}
	if j.Reason != StaleBallot {
		return
	}
	// The others may yet consent; but if the proposer that this node has met is gone,
	// and was one of them, nobody else comes. The wait doubles with failures: the rest
	// of a quorum may be far away.
	wait := 2 * max(time.Duration(n.rtt), n.now-r.sentAt, 1) << min(m.failures, maxBackoff)
	r.resendAt = min(r.resendAt, n.now+wait)
	n.scheduleWake(m, r.resendAt)
}

// checkRound sends the phase again if it is due, or fails the round: after the last
// resend, and instead of a resend if an acceptor has rejected it.
func (n *Node) checkRound(m *machine) {
	r := &m.round
	switch {
	case r.phase == 0:
	case n.now < r.resendAt:
		n.scheduleWake(m, r.resendAt)
	case r.attempts <= n.cfg.MaxResends && r.rejected == 0:
		n.sendRound(m)
	case r.rejected != 0:
		n.mark(MarkPreempted)
		n.failRound(m)
		if m.failures == 1 { // the others are silent: there is hardly a duel to back off from
			m.backoffUntil = min(m.backoffUntil, n.now+n.roundsDuration(1))
		}
	default:
		n.mark(MarkRoundTimeout)
		n.failRound(m)
	}
}

// failRound gives a round up. Its operations return to the queue. If one of them took
// effect, a later round of this node finds its entry in the dedup window: that round
// learns every value that was, or still could be, chosen below its ballot.
func (n *Node) failRound(m *machine) {
	n.abandonRound(m)
	m.failures = min(m.failures+1, maxFailures)
	m.backoffUntil = n.now + n.backoff(m)
	n.forwardQueue(m)
}

// abandonRound ends a round without a result. Its operations return to the queue.
func (n *Node) abandonRound(m *machine) {
	n.counts.FailedRounds++
	r := &m.round
	invariant.Check(r.phase != 0, "node: a round that fails was in progress")
	n.observe(Observation{Kind: RoundEnded, Key: m.key, Ballot: r.ballot, Attempts: uint32(r.attempts), Rejections: uint8(r.rejected.len())})
	m.lostBallot = r.ballot
	m.cachedPromise = Ballot{}
	waiting := slices.DeleteFunc(m.round.batch, func(o *operation) bool { return o.answered })
	m.queue = slices.Insert(m.queue, 0, waiting...)
	n.endRound(m)
}

// backoff is the pause before the next round; cutBackoffShort may end it early. It is
// the time that each member needs for a round, plus a jittered part that doubles with
// every failure, so that duelling proposers separate. It is based on the measured
// round trip, which mostly is far shorter than the resend timeout.
func (n *Node) backoff(m *machine) time.Duration {
	invariant.Check(m.failures > 0 && m.failures <= maxFailures, "node: a backoff follows a failed round")
	most := uint64(n.roundsDuration(1)) << min(m.failures-1, maxBackoff)
	pause := time.Duration(hash64.Keyed(n.cfg.Jitter, n.boot, m.key, uint64(m.failures)+m.highestRound) % most)
	if n.rtt > 0 {
		pause += n.roundsDuration(len(n.cfg.Members))
	}
	return pause
}
