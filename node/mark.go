package node

import "github.com/lockstep-dst/lockstep/node/wal"

// Mark is a place in the node that a campaign of simulated runs should come by:
// a situation that is rare, and that the code is there for. A campaign that
// leaves one cold proves less than it seems to.
//
// There is none for what the simulator cannot bring about.
type Mark uint8

// The marks of rounds.
const (
	MarkFast         Mark = iota // a round began with the promise of the round before: one round trip
	MarkBatch                    // a round carried several operations
	MarkResent                   // a round's phase was sent again
	MarkUnanswered               // a round was given up: too few have answered
	MarkDuel                     // a round was given up: a higher ballot stands in its way
	MarkTurn                     // a pause ended early: another node had ended its round
	MarkTaken                    // a prepare found what another proposer had left unfinished, and went on from it
	MarkCacheDropped             // a promise at hand was dropped: a higher ballot was chosen meanwhile
	MarkLateAnswer               // an acknowledgment came for a round that is over
)

// The marks of acceptors and learners.
const (
	MarkPrepareRefused Mark = iota + MarkLateAnswer + 1
	MarkAcceptRefused
	MarkAcceptedAgain // an accept that came twice was acknowledged twice
	MarkPromisedAfter // the second brought the promise of a next ballot that the first, by repair, did not ask for
	MarkHeld          // something had to wait for the disk before it was said
	MarkOldNews       // a commit told of less than was known
	MarkDeaf          // a message came before the node was ready
)

// The marks of outcomes.
const (
	MarkKnown          Mark = iota + MarkDeaf + 1 // a proposal was answered at once: a value known to be chosen has it
	MarkCarriedOut                                // a proposal that waited was answered: another node had carried it out
	MarkRetryFound                                // a retry found that an earlier attempt had taken effect
	MarkVoid                                      // a void entry was proposed: a retry is turned away
	MarkVoidFound                                 // an attempt found that the operation had been turned away for good
	MarkVoidsFull                                 // ... and none was: half of the ring is void
	MarkConflict                                  // an attempt found that the operation had asked for something else
	MarkBaseAhead                                 // an operation had a base that the machine has not reached
	MarkMismatch                                  // a version was expected that the machine was not at
	MarkUnreached                                 // ... of a retry that expects one to come, so that its outcome is unknown
	MarkRetired                                   // an operation came to a retired machine
	MarkIdentityReject                            // a round changed nothing, so that an operation could be rejected
	MarkOverflow                                  // an entry left the ring
	MarkHandedOver                                // an operation was handed over to the node that is at work on its machine
	MarkHandedBack                                // ... which has answered that it did not see to it
	MarkOvertaken                                 // an operation was handed back: another node is at work by now
	MarkNotHandedBack                             // ... which has not answered in time
	MarkHandedBackLate                            // ... which has answered when that was not waited for any more
	MarkOnlyThere                                 // ... and alone can tell what became of it: the ring has lost that
	MarkForgotten                                 // a first attempt was turned away: the ring may have lost it
	MarkForgottenRetry                            // ... and another, of which nobody can tell what became
	MarkExpired                                   // an operation ran out of time in the queue
	MarkExpiredRetry                              // ... and it was a retry, so that its outcome is unknown
	MarkExpiredSent                               // ... after an accept with it was sent, so that it is unknown too
	MarkOverloaded                                // an operation found the queue full
)

// The marks of reads.
const (
	MarkReadAgreed   Mark = iota + MarkOverloaded + 1 // one exchange was enough
	MarkReadDiffered                                  // reports differ: a round has to decide
	MarkReadLate                                      // reports are missing: a round has to decide
	MarkIdentityRead                                  // a round changed nothing, so that a read could be answered
)

// The marks of lives.
const (
	MarkTorn      Mark = iota + MarkIdentityRead + 1 // a torn tail was cut off the log
	MarkFormatted                                    // a log was made in place of one that was not finished
	MarkCopied                                       // a record was copied forward, to keep the log short
	MarkTrimmed                                      // the log lets go of its first files
)

// The marks of repair.
const (
	MarkAgreed         Mark = iota + MarkTrimmed + 1 // two nodes found that they hold the same
	MarkDeferred                                     // a node let a peer that is behind pull first
	MarkPulled                                       // a value was taken
	MarkConfirmed                                    // an accepted value was learnt to be chosen
	MarkRepairRefused                                // a promise kept a node from taking a value
	MarkMended                                       // ... and a round without operations brought it up to date
	MarkRepairUnheard                                // a peer did not answer in time
	MarkRepairSurprise                               // a value came that was not lacking any more

	markCount
)

// Marks counts how often each Mark was come by. Nodes may share one if they are
// not stepped at the same time.
type Marks [markCount]uint64

var markNames = [markCount]string{
	"fast-path", "batch", "resent", "round-timeout", "preempted", "backoff-cut-short", "recovered-unfinished-value", "cached-promise-dropped", "late-response",
	"prepare-rejected", "accept-rejected", "duplicate-accept", "next-promised-late", "send-awaits-sync", "stale-commit", "received-before-ready",
	"dedup-hit", "dedup-hit-in-queue", "dedup-hit-on-retry", "abort-tombstone", "tombstone-found", "tombstones-full", "id-conflict", "watermark-ahead", "version-mismatch", "version-not-reached", "retired-machine", "no-op-round-rejection", "dedup-window-overflow",
	"forwarded", "forward-returned", "forward-refused", "forward-timeout", "late-forward-response", "forward-response-awaited",
	"window-expired", "window-expired-retry", "deadline-in-queue", "deadline-retry", "deadline-after-accept", "queue-full",
	"read-quorum-agreed", "read-quorum-differed", "read-quorum-timeout", "no-op-round-read",
	"torn-tail", "log-created-again", "record-copied-forward", "log-truncated",
	"repair-digests-equal", "repair-deferred", "repair-pulled", "repair-confirmed", "repair-blocked-by-promise", "repair-no-op-round",
	"repair-timeout", "repair-superseded",
}

func (m Mark) String() string { return markNames[m] }

// mark counts that the node has come by m. It costs one branch if nobody counts.
func (n *Node) mark(m Mark) {
	if n.cfg.Marks != nil {
		n.cfg.Marks[m]++
	}
}

// markRound counts what a round that is about to propose shows. base is what it
// goes on from, and was accepted at the ballot at.
func (n *Node) markRound(m *machine, at Ballot, base, value *Value, batch []*operation) {
	if n.cfg.Marks == nil {
		return
	}
	if m.chosenAt.Less(at) && at.Node != n.cfg.ID {
		n.mark(MarkTaken)
	}
	if len(batch) > 1 {
		n.mark(MarkBatch)
	}
	if value != base {
		return
	}
	for _, o := range batch {
		switch {
		case o.req.Kind == Read:
			n.mark(MarkIdentityRead)
		case o.result.Outcome == Rejected:
			n.mark(MarkIdentityReject)
		}
	}
}

// markGivenUp counts an operation that was not carried out.
func (n *Node) markGivenUp(o *operation, why Reason) {
	switch {
	case why == Overloaded:
		n.mark(MarkOverloaded)
	case why != Timeout:
	case o.sent:
		n.mark(MarkExpiredSent)
	case o.req.Retry:
		n.mark(MarkExpiredRetry)
	default:
		n.mark(MarkExpired)
	}
}

// markFound counts an operation whose entry was found.
func (n *Node) markFound(r *Request, was Reply) {
	switch {
	case was.Reason == Conflict:
		n.mark(MarkConflict)
	case was.Final:
		n.mark(MarkVoidFound)
	case r.Retry:
		n.mark(MarkRetryFound)
	}
}

// markLog counts what recovery has found.
func (n *Node) markLog(was wal.Recovered) {
	switch {
	case was.Cut == 0:
	case was.Fresh:
		n.mark(MarkFormatted)
	default:
		n.mark(MarkTorn)
	}
}
