package node

import (
	"slices"
	"time"
)

// proposer is a node's part as the proposer of one machine. At most one round
// is in flight; what arrives meanwhile waits for the next.
type proposer struct {
	queue []*operation // in order of arrival, those of the round's batch excluded
	away  []*operation // handed over to other nodes, in that order
	round round
	pause time.Duration // no new round before this
	lost  Ballot        // of the last round that failed
}

// operation is one attempt that a client has asked for.
type operation struct {
	client   ID
	asked    *Request // by the client
	req      *Request // what is done for that: once handed over a retry, maybe under an id that carries a base
	deadline time.Duration
	base     uint64 // a chosen serial number from before its first attempt
	absent   uint64 // the chosen entries up to this one are known to be of others
	sent     bool   // an accept with it has been sent: it may take effect
	at       Ballot // of the last accept with it
	answered bool
	handed   handed
	lookup   *lookup // that it is done for, and no client
	result   Reply   // what to answer when the round's value is chosen; once answered it is the message
}

// round is one ballot's way through prepare and accept. Phase 0: none.
type round struct {
	phase    Phase
	ballot   Ballot
	next     Ballot
	value    *Value       // accept: fixed when the first accept is sent
	batch    []*operation // accept: what the value answers
	first    OpID
	answered members // who has acknowledged this phase
	refused  members
	found    Ballot // prepare: the highest accepted ballot reported
	foundVal *Value
	attempts int           // times this phase was sent
	since    time.Duration // it was sent first then
	resend   time.Duration // when to send it again
}

// advance begins a round if there is something to do and nothing in its way.
func (n *Node) advance(m *machine) {
	if m.round.phase != 0 || len(m.queue) == 0 {
		return
	}
	if n.now < m.pause {
		n.alarm(m, m.pause)
		return
	}
	if !m.cache.IsZero() {
		n.counts.Fast++
		n.mark(MarkFast)
		ballot := m.cache
		m.cache = Ballot{}
		n.beginAccept(m, ballot, m.chosenAt, m.chosen)
		return
	}
	n.counts.Slow++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: m.queue[0].req.ID, batch: m.round.batch[:0]}
	n.sendRound(m)
}

// newBallot is a ballot above all that this node has asked for, promised or
// heard of. It is not used again in this boot (rule 4).
func (n *Node) newBallot(m *machine) Ballot {
	m.top = max(m.top, m.promised.Round) + 1
	return Ballot{Epoch: firstEpoch, Round: m.top, Node: n.cfg.ID, Boot: n.boot}
}

// beginAccept fixes the round's value and operations and proposes them. base is
// the value that the ballot goes on from, nil for an untouched machine, and at
// the ballot that it was accepted at.
func (n *Node) beginAccept(m *machine, ballot, at Ballot, base *Value) {
	from := m.base(base)
	size := min(len(m.queue), n.room(m, from))
	batch := append(m.round.batch[:0], m.queue[:size]...)
	m.queue = slices.Delete(m.queue, 0, size)
	for _, o := range batch {
		o.at = ballot
	}
	value := n.apply(m, from, batch)
	n.markRound(m, at, from, value, batch)
	first := m.round.first
	if size > 0 {
		first = batch[0].req.ID
	}
	m.round = round{phase: Accept, ballot: ballot, next: n.newBallot(m), value: value, batch: batch, first: first}
	n.fact(Fact{Kind: Proposed, Key: m.key, Ballot: ballot, Value: value, Base: at})
	n.sendRound(m)
}

// sendRound sends the round's phase to every member that has not answered it.
func (n *Node) sendRound(m *machine) {
	r := &m.round
	p := n.proposals.make()
	*p = Proposal{Phase: r.phase, Key: m.key, Ballot: r.ballot, Value: r.value, Next: r.next, First: r.first}
	for i, id := range n.cfg.Members {
		if !r.answered.has(i) && !r.refused.has(i) {
			n.say(id, p, 0)
			if r.attempts > 0 {
				n.counts.Retried++
			}
		}
	}
	if r.attempts > 0 {
		n.mark(MarkResent)
	}
	if r.attempts == 0 {
		r.since = n.now
	}
	r.attempts++
	r.resend = n.now + n.patience(m)
	n.alarm(m, r.resend)
}

// patience is how long to wait for answers before sending again. It grows as
// rounds fail, so that a node whose retry delay is below the round trip still
// gets through, and shrinks when answers come in less than half of it.
func (n *Node) patience(m *machine) time.Duration {
	return n.cfg.RetryDelay << min(m.failures, maxBackoff)
}

const (
	maxBackoff  = 5 // doublings
	maxFailures = 64
)

// acknowledgment counts an acceptor's consent: a set of members, for exactly
// this machine, ballot and phase (rule 6).
func (n *Node) acknowledgment(from ID, a *Acknowledgment) {
	m := n.known(a.Key)
	if m == nil || !n.plausible(a.Ballot) || !n.holdable(m, a.Accepted, a.Value) {
		n.counts.Failed++
		return
	}
	if m.work == nil {
		return
	}
	r, i := &m.round, n.member(from)
	if r.phase != a.Phase || r.ballot != a.Ballot || r.answered.has(i) {
		n.mark(MarkLateAnswer)
		return
	}
	r.answered.add(i)
	if r.phase == Prepare && r.found.Less(a.Accepted) {
		r.found, r.foundVal = a.Accepted, a.Value
	}
	if r.answered.len() < n.majority {
		return
	}
	if r.phase == Prepare {
		n.prepared(m)
		return
	}
	n.chosen(m)
	n.rest(m)
}

// prepared goes on from the value with the highest accepted ballot (rule 2). It
// need not be chosen yet; accepting it again makes it so.
func (n *Node) prepared(m *machine) {
	n.beginAccept(m, m.round.ballot, m.round.found, m.round.foundVal)
}

// chosen ends a round whose value a majority has accepted.
func (n *Node) chosen(m *machine) {
	r := &m.round
	n.counts.Commits++
	n.fact(Fact{Kind: Chosen, Key: m.key, Ballot: r.ballot, Value: r.value, Waiting: uint16(min(m.waitingBeside(r.value), 1<<16-1))})
	n.learn(m, r.ballot, r.value)
	if r.refused == 0 && m.chosenAt == r.ballot {
		m.cache = r.next
	}
	if r.attempts == 1 {
		n.trip.take(n.now - r.since)
	}
	if m.pause = 0; n.now-r.since < n.patience(m)/2 { // else a shorter patience would have been too short
		m.failures /= 2
	}
	for _, o := range r.batch {
		n.conclude(m, o)
	}
	c := n.commits.make()
	*c = Commit{Key: m.key, Ballot: r.ballot, Value: r.value, First: r.first}
	for _, id := range n.cfg.Members {
		if id != n.cfg.ID {
			n.say(id, c, 0)
		}
	}
	n.endRound(m)
	n.advance(m)
}

func (n *Node) endRound(m *machine) {
	clear(m.round.batch)
	m.round = round{batch: m.round.batch[:0]}
}

// reject counts an acceptor's refusal. The round fails when a majority can no
// longer be had.
func (n *Node) reject(from ID, j *Reject) {
	m := n.known(j.Key)
	if m == nil || !n.plausible(j.Ballot) || !j.Promised.IsZero() && !n.plausible(j.Promised) {
		n.counts.Failed++
		return
	}
	m.top = max(m.top, j.Promised.Round)
	if m.work == nil {
		return
	}
	r, i := &m.round, n.member(from)
	if r.phase != j.Phase || r.ballot != j.Ballot || r.answered.has(i) {
		return
	}
	r.refused.add(i)
	if len(n.cfg.Members)-r.refused.len() < n.majority {
		n.mark(MarkDuel)
		n.fail(m)
		n.advance(m)
		n.rest(m)
	}
}

// tendRound sends a round again, or gives it up: at once if somebody is ahead of
// it.
func (n *Node) tendRound(m *machine) {
	r := &m.round
	switch {
	case r.phase == 0:
	case n.now < r.resend:
		n.alarm(m, r.resend)
	case r.attempts <= n.cfg.RetryAttempts && r.refused == 0:
		n.sendRound(m)
	case r.refused != 0:
		n.mark(MarkDuel)
		n.fail(m)
	default:
		n.mark(MarkUnanswered)
		n.fail(m)
	}
}

// fail gives a round up. Its operations go back to the queue: a later round of
// this node finds those that took effect among the recent entries, since it
// learns of everything that was or could yet be chosen below its ballot.
func (n *Node) fail(m *machine) {
	n.counts.Aborted++
	r := &m.round
	n.fact(Fact{Kind: RoundEnded, Key: m.key, Ballot: r.ballot, Attempts: uint32(r.attempts), Refused: uint8(r.refused.len())})
	m.lost = r.ballot
	m.cache = Ballot{}
	waiting := slices.DeleteFunc(m.round.batch, func(o *operation) bool { return o.answered })
	m.queue = slices.Insert(m.queue, 0, waiting...)
	n.endRound(m)
	m.failures = min(m.failures+1, maxFailures)
	m.pause = n.now + n.backoff(m)
	n.yield(m)
}

// backoff is the pause before the next round, if takeTurn does not end it early: as long
// as each of the others needs for a round, and a part that is jittered, and doubled with
// every failure, so that proposers in a duel part. Round trips are mostly far
// shorter than what to wait for a lost message.
func (n *Node) backoff(m *machine) time.Duration {
	most := uint64(n.turns(1)) << min(m.failures-1, maxBackoff)
	pause := time.Duration(jitter(n.cfg.Jitter, n.boot, m.key, uint64(m.failures)+m.top) % most)
	if n.trip > 0 {
		pause += n.turns(len(n.cfg.Members))
	}
	return pause
}

// jitter is a hash of what may tell two choices apart (FNV-1a, then mixed).
func jitter(seed, boot uint64, key string, attempt uint64) uint64 {
	h := uint64(0xcbf29ce484222325) ^ seed
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 0x100000001b3
	}
	h = (h ^ boot<<32 ^ attempt) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}
