package lockstep

import (
	"cmp"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// These rules judge whether proposers make progress. A cluster of lazy nodes is safe
// and, in the end, even live: a timeout makes up for each omission. So laziness shows in
// no history, and the oracle looks for it where it happens.

// proposerState is the progress of a node's rounds on one machine.
type proposerState struct {
	boot     uint64
	failures int // upper bound of the node's own count: failed rounds, halved after quick ones
	least    int // lower bound of that count
	patience int // least when the phase was last sent: it makes the resend timeout
	ballot   node.Ballot
	phase    node.Phase
	begunAt  scenarios.Duration // first send of the proposal
	sentAt   scenarios.Duration // last send
	sends    int                // sends at different times
	copies   int                // messages of the last send
	short    uint8              // bit set of nodes that were sent the phase's extension, and not the value since
	asked    uint8              // those of them that lack its base
	failed   bool               // a round has failed in this boot
	chosen   node.Ballot        // ballot of the last round that has succeeded
	ended    node.Ballot        // highest ballot of a round that has failed or succeeded
	told     uint64             // highest round number in a rejection that the node has taken
}

// owedRound is a round that a node has to begin at once. The zero value is none.
type owedRound struct {
	key   string
	since scenarios.Duration
}

// proposer returns the current node's state on a machine in its current boot.
func (o *oracle) proposer(t *machineTruth) *proposerState {
	e, boot := &t.proposers[o.id], o.nodes[o.id].boot
	if e.boot != boot {
		*e = proposerState{boot: boot}
	}
	return e
}

// impaired reports whether the current node was paused, slow or without its clock at any
// time since then. It may then be late.
func (o *oracle) impaired(since scenarios.Duration) bool {
	return o.plan.Impaired(o.id, since, o.now)
}

// checkRoundEnded: a round is abandoned after a rejection, or after all resends that the
// plan allows.
func (o *oracle) checkRoundEnded(f *node.Observation) *scenarios.Violation {
	t := o.machine(f.Key)
	e := o.proposer(t)
	if f.Ballot.Epoch < o.nodes[o.id].epoch { // it begins again in the epoch that the node has come to
		e.failed = true
		e.end(f.Ballot)
		return nil
	}
	e.failures++
	e.least = min(e.least+1, maxCounted)
	e.failed = true
	e.end(f.Ballot)
	o.noteRound(t, roundEvent{kind: roundEnded, ballot: f.Ballot, attempts: f.Attempts, rejections: f.Rejections})
	if f.Rejections == 0 && int(f.Attempts) <= o.plan.Knobs.MaxResends && !o.impaired(o.now-2*o.plan.Knobs.ConsensusTimeout) {
		return o.violation("progress", "abandoned-early", f.Key, "abandons round %v of %s, which no node has rejected, after %d attempts of %d",
			f.Ballot, f.Key, f.Attempts, o.plan.Knobs.MaxResends+1)
	}
	if !o.configurations.last().Has(node.ID(o.id)) { // it leaves, and sends nothing
		return nil
	}
	if e.ballot == f.Ballot && f.Rejections == 0 && int(f.Attempts) > e.sends && o.isQuorum(f.Ballot.Epoch, ^(1<<o.id)) {
		return o.violation("progress", "not-resent", f.Key, "abandons round %v of %s after %d attempts, of which %d were sent",
			f.Ballot, f.Key, f.Attempts, e.sends)
	}
	return nil
}

// noteRoundChosen notes that the next round is owed at once if operations wait.
func (o *oracle) noteRoundChosen(f *node.Observation) {
	t := o.machine(f.Key)
	e := o.proposer(t)
	if !o.isSlow(e, f.Ballot) {
		e.least /= 2
	}
	e.failures = maxFailures(e.failures, o.plan.Knobs.ResendTimeout, o.now-e.begunAt)
	e.chosen = f.Ballot
	e.end(f.Ballot)
	o.noteRound(t, roundEvent{kind: roundChosen, ballot: f.Ballot})
	if f.Waiting > 0 && o.membersNow() > 1 {
		o.nodes[o.id].owed = owedRound{f.Key, o.now}
	}
}

// maxFailures bounds the count of failures of a node after a round that took so long,
// if the count was most or lower before. A node halves its count if the round took
// less than half of the resend timeout by its own clock. For a clock at up to twice the
// true speed that is certain if the round took less than a quarter. But the timeout
// depends on the true count: a small count may stay where a large one is halved, and
// end as the larger of the two.
func maxFailures(most int, retry, took scenarios.Duration) int {
	kept := most
	for kept > 0 && took < retry<<min(kept, maxDoublings)/4 {
		kept--
	}
	return max(kept, most/2)
}

// isSlow reports whether an accept phase that has succeeded has certainly taken too long
// by the node's clock to make the node more impatient: half of the resend timeout.
func (o *oracle) isSlow(e *proposerState, b node.Ballot) bool {
	return e.ballot == b && e.phase == node.Accept && o.localTime(o.id, o.now-e.begunAt) >= o.plan.Knobs.ResendTimeout<<min(e.failures, maxDoublings)/2 && !o.impaired(e.begunAt)
}

// maxDoublings bounds how often failures double the resend timeout, and maxCounted the
// failures that a node counts.
const (
	maxDoublings = 5
	maxCounted   = 64
)

// end notes that a round has failed or succeeded.
func (e *proposerState) end(b node.Ballot) {
	if below(e.ended, b) {
		e.ended = b
	}
}

// noteRejected notes that the current node has taken a rejection, in an earlier step. It
// knows the machine if the rejected ballot is of its boot.
func (o *oracle) noteRejected(j *node.Reject) {
	leap := cmp.Or(uint64(o.plan.Knobs.RoundLeap), node.DefaultRoundLeap)
	if e := o.proposer(o.machine(j.Key)); j.Ballot.Boot == e.boot && j.Promised.Round <= max(e.told, j.Ballot.Round)+leap { // else it may be too far ahead
		e.told = max(e.told, j.Promised.Round)
	}
}

// checkRoundBegun: a node has one round of a machine at a time. It prepares no ballot
// that is below a promise that a rejection has told it of.
func (o *oracle) checkRoundBegun(e *proposerState, p *node.Proposal) *scenarios.Violation {
	switch {
	case e.ballot != p.Ballot && below(e.ended, e.ballot):
		return o.violation("progress", "round-dropped", p.Key, "sends %v, though its round %v has neither failed nor succeeded", p, e.ballot)
	case p.Phase == node.Prepare && p.Ballot.Round <= e.told && e.ballot != p.Ballot:
		return o.violation("progress", "told-in-vain", p.Key, "sends %v, though a rejection has told it that round %d is promised", p, e.told)
	}
	return nil
}

// checkResend: an unanswered proposal is sent again when the resend timeout has passed,
// by a clock at half the true speed at worst.
func (o *oracle) checkResend(t *machineTruth, p *node.Proposal, to sim.ID) *scenarios.Violation {
	r := &o.nodes[o.id]
	if r.owed.key == p.Key {
		r.owed = owedRound{}
	}
	e := o.proposer(t)
	if e.ballot == p.Ballot && e.phase == p.Phase && e.asked&(1<<to) != 0 {
		e.asked &^= 1 << to
		e.short &^= 1 << to
		return nil
	}
	if e.ballot == p.Ballot && e.phase == p.Phase && o.now > e.sentAt {
		if most := 2 * (o.plan.Knobs.ResendTimeout << min(e.failures, maxDoublings)); o.now-e.sentAt > most+1+2*o.plan.Steps.Time && !o.impaired(e.sentAt) {
			return o.violation("progress", "resent-late", p.Key, "sends %v again after %v, though the resend timeout is at most %v after %d failures", p, o.now-e.sentAt, most, e.failures)
		}
	}
	same := e.ballot == p.Ballot && e.phase == p.Phase
	if v := o.checkSentOften(e, p, same); v != nil {
		return v
	}
	if !same {
		if v := o.checkRoundBegun(e, p); v != nil {
			return v
		}
		if v := o.checkFreshCosts(t, p); v != nil {
			return v
		}
		e.begunAt = o.now
		o.noteRound(t, roundEvent{kind: roundBegun, ballot: p.Ballot, phase: p.Phase})
		e.asked, e.short = 0, 0
	}
	if e.short &^= 1 << to; p.Extension != nil {
		e.short |= 1 << to
	}
	e.ballot, e.phase, e.sentAt, e.patience = p.Ballot, p.Phase, o.now, e.least
	return nil
}

// noteSettled notes that a value that is learnt in the step in which an earlier one was
// chosen may have answered the operations that wait: then no round is owed.
func (o *oracle) noteSettled(f *node.Observation) {
	if d := &o.nodes[o.id].owed; d.key == f.Key && o.proposer(o.machine(f.Key)).chosen.Less(f.Ballot) {
		*d = owedRound{}
	}
}

// checkOwedRound: a node begins an owed round before time advances.
func (o *oracle) checkOwedRound() *scenarios.Violation {
	d := &o.nodes[o.id].owed
	if d.key == "" || d.since == o.now {
		return nil
	}
	was := *d
	*d = owedRound{}
	if leaves := !o.configurations.last().Has(node.ID(o.id)); leaves || o.impaired(was.since) { // one that leaves sends nothing
		return nil
	}
	return o.violation("progress", "queue-stalled", was.key, "has had a value of %s chosen at %v, and begins no round for the operations that wait", was.key, was.since)
}
