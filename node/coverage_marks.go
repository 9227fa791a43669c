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
	MarkFastPath                 Mark = iota // a round began with the promise of the round before: one round trip
	MarkBatch                                // a round carried several operations
	MarkResent                               // a round's phase was sent again
	MarkRoundTimeout                         // a round was given up: too few have answered
	MarkPreempted                            // a round was given up: a higher ballot stands in its way
	MarkBackoffCutShort                      // a pause ended early: another node had ended its round
	MarkRecoveredUnfinishedValue             // a prepare found what another proposer had left unfinished, and went on from it
	MarkCachedPromiseDropped                 // a promise at hand was dropped: a higher ballot was chosen meanwhile
	MarkLateResponse                         // an acknowledgment came for a round that is over
)

// The marks of acceptors and learners.
const (
	MarkPrepareRejected Mark = iota + MarkLateResponse + 1
	MarkAcceptRejected
	MarkDuplicateAccept     // an accept that came twice was acknowledged twice
	MarkNextPromisedLate    // the second brought the promise of a next ballot that the first, by repair, did not ask for
	MarkSendAwaitsSync      // something had to wait for the disk before it was said
	MarkStaleCommit         // a commit told of less than was known
	MarkReceivedBeforeReady // a message came before the node was ready
)

// The marks of outcomes.
const (
	MarkDedupHit               Mark = iota + MarkReceivedBeforeReady + 1 // a proposal was answered at once: a value known to be chosen has it
	MarkDedupHitInQueue                                                  // a proposal that waited was answered: another node had carried it out
	MarkDedupHitOnRetry                                                  // a retry found that an earlier attempt had taken effect
	MarkAbortTombstone                                                   // a void entry was proposed: a retry is turned away
	MarkTombstoneFound                                                   // an attempt found that the operation had been turned away for good
	MarkTombstonesFull                                                   // ... and none was: half of the ring is void
	MarkIDConflict                                                       // an attempt found that the operation had asked for something else
	MarkWatermarkAhead                                                   // an operation had a base that the machine has not reached
	MarkVersionMismatch                                                  // a version was expected that the machine was not at
	MarkVersionNotReached                                                // ... of a retry that expects one to come, so that its outcome is unknown
	MarkRetiredMachine                                                   // an operation came to a retired machine
	MarkNoOpRoundRejection                                               // a round changed nothing, so that an operation could be rejected
	MarkDedupWindowOverflow                                              // an entry left the ring
	MarkForwarded                                                        // an operation was handed over to the node that is at work on its machine
	MarkForwardReturned                                                  // ... which has answered that it did not see to it
	MarkForwardRefused                                                   // an operation was handed back: another node is at work by now
	MarkForwardTimeout                                                   // ... which has not answered in time
	MarkLateForwardResponse                                              // ... which has answered when that was not waited for any more
	MarkForwardResponseAwaited                                           // ... and alone can tell what became of it: the ring has lost that
	MarkWindowExpired                                                    // a first attempt was turned away: the ring may have lost it
	MarkWindowExpiredRetry                                               // ... and another, of which nobody can tell what became
	MarkDeadlineInQueue                                                  // an operation ran out of time in the queue
	MarkDeadlineRetry                                                    // ... and it was a retry, so that its outcome is unknown
	MarkDeadlineAfterAccept                                              // ... after an accept with it was sent, so that it is unknown too
	MarkQueueFull                                                        // an operation found the queue full
)

// The marks of reads.
const (
	MarkReadQuorumAgreed   Mark = iota + MarkQueueFull + 1 // one exchange was enough
	MarkReadQuorumDiffered                                 // reports differ: a round has to decide
	MarkReadQuorumTimeout                                  // reports are missing: a round has to decide
	MarkNoOpRoundRead                                      // a round changed nothing, so that a read could be answered
)

// The marks of lives.
const (
	MarkTornTail            Mark = iota + MarkNoOpRoundRead + 1 // a torn tail was cut off the log
	MarkLogCreatedAgain                                         // a log was made in place of one that was not finished
	MarkRecordCopiedForward                                     // a record was copied forward, to keep the log short
	MarkLogTruncated                                            // the log lets go of its first files
)

// The marks of repair.
const (
	MarkRepairDigestsEqual     Mark = iota + MarkLogTruncated + 1 // two nodes found that they hold the same
	MarkRepairDeferred                                            // a node let a peer that is behind pull first
	MarkRepairPulled                                              // a value was taken
	MarkRepairConfirmed                                           // an accepted value was learnt to be chosen
	MarkRepairBlockedByPromise                                    // a promise kept a node from taking a value
	MarkRepairNoOpRound                                           // ... and a round without operations brought it up to date
	MarkRepairTimeout                                             // a peer did not answer in time
	MarkRepairSuperseded                                          // a value came that was not lacking any more

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
		n.mark(MarkRecoveredUnfinishedValue)
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
			n.mark(MarkNoOpRoundRead)
		case o.result.Outcome == Rejected:
			n.mark(MarkNoOpRoundRejection)
		}
	}
}

// markGivenUp counts an operation that was not carried out.
func (n *Node) markGivenUp(o *operation, why Reason) {
	switch {
	case why == Overloaded:
		n.mark(MarkQueueFull)
	case why != Timeout:
	case o.acceptSent:
		n.mark(MarkDeadlineAfterAccept)
	case o.req.Retry:
		n.mark(MarkDeadlineRetry)
	default:
		n.mark(MarkDeadlineInQueue)
	}
}

// markFound counts an operation whose entry was found.
func (n *Node) markFound(r *Request, was Reply) {
	switch {
	case was.Reason == IDConflict:
		n.mark(MarkIDConflict)
	case was.Final:
		n.mark(MarkTombstoneFound)
	case r.Retry:
		n.mark(MarkDedupHitOnRetry)
	}
}

// markLog counts what recovery has found.
func (n *Node) markLog(was wal.Recovered) {
	switch {
	case was.TornBytes == 0:
	case was.Fresh:
		n.mark(MarkLogCreatedAgain)
	default:
		n.mark(MarkTornTail)
	}
}
