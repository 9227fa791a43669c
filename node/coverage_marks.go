package node

import "github.com/lockstep-dst/lockstep/node/wal"

// Mark is a coverage mark of the node: a rare situation that code is there for. A
// campaign of simulated runs should hit every mark; code behind a mark that is
// never hit is untested. Situations that the simulator cannot produce have no
// mark.
type Mark uint8

// Marks of rounds.
const (
	MarkFastPath                 Mark = iota // a round began with a cached promise: one round trip
	MarkBatch                                // a round carried several operations
	MarkResent                               // a round's phase was sent again
	MarkRoundTimeout                         // a round failed: too few responses
	MarkPreempted                            // a round failed: a higher ballot is in its way
	MarkBackoffCutShort                      // a backoff ended early: another node had ended its round
	MarkRecoveredUnfinishedValue             // a prepare found the unfinished value of another proposer, and went on from it
	MarkCachedPromiseDropped                 // a cached promise was dropped: a higher ballot was chosen
	MarkLateResponse                         // an acknowledgment came after its round
)

// Marks of acceptors and learners.
const (
	MarkPrepareRejected Mark = iota + MarkLateResponse + 1
	MarkAcceptRejected
	MarkDuplicateAccept    // a duplicate accept was acknowledged again
	MarkNextPromisedLate   // only the duplicate requested the promise of a next ballot; the value had come by repair
	MarkSendAwaitsSync     // a message had to wait until the log was durable
	MarkStaleCommit        // a commit was older than the latest known chosen value
	MarkValueExtended      // an accept named its value as an extension of the accepted one
	MarkCommitWithoutValue // a commit left out the value that its receiver has accepted
	MarkBaseNotHeld        // the base of an extension, or the value of such a commit, was not what its receiver has accepted
	MarkAcceptInFull       // an accept was then sent with its value
	MarkCommitInFull       // a commit was
)

// Marks of outcomes.
const (
	MarkDedupHit               Mark = iota + MarkCommitInFull + 1 // a proposal was answered on arrival: its entry is in a value known to be chosen
	MarkDedupHitInQueue                                           // a waiting proposal was answered: another node had carried it out
	MarkDedupHitOnRetry                                           // a retry found that an earlier attempt had taken effect
	MarkAbortTombstone                                            // an abort tombstone was proposed to reject a retry
	MarkTombstoneFound                                            // an attempt found the operation's abort tombstone
	MarkTombstonesFull                                            // a retry got no abort tombstone: they fill half of the window
	MarkIDConflict                                                // an attempt found an entry that is the result of another request
	MarkWatermarkAhead                                            // an operation's watermark is above the machine's serial
	MarkVersionMismatch                                           // an operation expected another version than the machine's
	MarkVersionNotReached                                         // a retry expects a later version, so its outcome is unknown
	MarkRetiredMachine                                            // an operation came to a retired machine
	MarkNoOpRoundRejection                                        // a no-op round decided a rejection
	MarkDedupWindowOverflow                                       // an entry left the dedup window
	MarkForwarded                                                 // an operation was forwarded to the node at work on its machine
	MarkForwardReturned                                           // a forwarded operation came back undecided
	MarkForwardRefused                                            // a forwarded operation was refused: another node is at work by now
	MarkHandedBack                                                // a forwarded operation was given back: the node is about to stop
	MarkForwardTimeout                                            // a forwarded operation had no response in time
	MarkLateForwardResponse                                       // a response came that was no longer awaited
	MarkForwardResponseAwaited                                    // only the other node can know the outcome: its response is awaited
	MarkWindowExpired                                             // a first attempt was rejected: the window is past its watermark
	MarkWindowExpiredRetry                                        // a retry or a proposed operation is unknown: the window is past its watermark
	MarkDeadlineInQueue                                           // the deadline of a first attempt passed before an accept was sent
	MarkDeadlineRetry                                             // the deadline of a retry passed before an accept was sent: unknown
	MarkDeadlineAfterAccept                                       // the deadline passed after an accept was sent: unknown
	MarkQueueFull                                                 // an operation was rejected because of overload
)

// Marks of reads.
const (
	MarkReadQuorumAgreed   Mark = iota + MarkQueueFull + 1 // the reports of a read quorum agreed: one round trip
	MarkReadQuorumDiffered                                 // reports differed: a round has to decide
	MarkReadQuorumTimeout                                  // reports are missing: a round has to decide
	MarkNoOpRoundRead                                      // a no-op round decided a read
	MarkReadAgain                                          // reports are missing, and no accepted value is known: another exchange
	MarkAnsweredFresh                                      // a majority had accepted nothing: proposals were answered from the initial state, without a round
	MarkLookFoundValue                                     // proposals that looked first found a chosen value
	MarkQuotaOperation                                     // an operation was refused: there is no room for its machine
	MarkQuotaPrepare                                       // an acceptor has rejected a prepare: it has no room for the machine
)

// Marks of the log.
const (
	MarkTornTail            Mark = iota + MarkQuotaPrepare + 1 // a torn tail was cut off the log
	MarkLogCreatedAgain                                        // a log was created again: the first was unfinished
	MarkRecordCopiedForward                                    // a record was copied forward by compaction
	MarkLogTruncated                                           // the log was truncated at its beginning
	MarkUnfolded                                               // a folded machine was opened
	MarkExtensionLogged                                        // a value was logged as an extension of the one before
	MarkExtensionRead                                          // a later life has read an extension
)

// Marks of repair.
const (
	MarkRepairDigestsEqual     Mark = iota + MarkExtensionRead + 1 // two nodes found their digests equal
	MarkRepairDeferred                                             // a node let a peer that lags behind pull first
	MarkRepairPulled                                               // a value was pulled
	MarkRepairConfirmed                                            // an accepted value was confirmed as chosen
	MarkRepairBlockedByPromise                                     // a promise kept a node from taking a value
	MarkRepairNoOpRound                                            // a no-op round brought the blocked node up to date
	MarkRepairTimeout                                              // a peer did not respond in time
	MarkRepairSilentPeerLeft                                       // an exchange with a silent peer gave way to one with a peer that is there
	MarkRepairSuperseded                                           // a value came that was no longer missing
	MarkRepairReportFull                                           // a report had no room for one of the requested ranges
	MarkRepairAnswerFull                                           // values were left for the next request: they are many bytes
	MarkGreatLeap                                                  // a message took the node a great leap ahead
	MarkRoundTooFar                                                // a message was dropped: it was too far ahead
)

// Marks of changes of members.
const (
	MarkCarriedOver      Mark = iota + MarkRoundTooFar + 1 // a round chose a key of earlier epochs again, in a joint one
	MarkStaleEpoch                                         // a proposal of another epoch was rejected
	MarkReadOfOtherEpoch                                   // a read of another epoch got no report

	markCount
)

// Marks counts the hits of each Mark. Nodes may share one if they are not stepped
// concurrently.
type Marks [markCount]uint64

var markNames = [markCount]string{
	"fast-path", "batch", "resent", "round-timeout", "preempted", "backoff-cut-short", "recovered-unfinished-value", "cached-promise-dropped", "late-response",
	"prepare-rejected", "accept-rejected", "duplicate-accept", "next-promised-late", "send-awaits-sync", "stale-commit", "value-extended", "commit-without-value", "base-not-held", "accept-in-full", "commit-in-full",
	"dedup-hit", "dedup-hit-in-queue", "dedup-hit-on-retry", "abort-tombstone", "tombstone-found", "tombstones-full", "id-conflict", "watermark-ahead", "version-mismatch", "version-not-reached", "retired-machine", "no-op-round-rejection", "dedup-window-overflow",
	"forwarded", "forward-returned", "forward-refused", "handed-back", "forward-timeout", "late-forward-response", "forward-response-awaited",
	"window-expired", "window-expired-retry", "deadline-in-queue", "deadline-retry", "deadline-after-accept", "queue-full",
	"read-quorum-agreed", "read-quorum-differed", "read-quorum-timeout", "no-op-round-read", "read-again", "answered-fresh", "look-found-value", "quota-operation", "quota-prepare",
	"torn-tail", "log-created-again", "record-copied-forward", "log-truncated", "unfolded", "extension-logged", "extension-read",
	"repair-digests-equal", "repair-deferred", "repair-pulled", "repair-confirmed", "repair-blocked-by-promise", "repair-no-op-round",
	"repair-timeout", "repair-silent-peer-left", "repair-superseded", "repair-report-full", "repair-answer-full", "great-leap", "round-too-far",
	"carried-over", "stale-epoch", "read-of-other-epoch",
}

func (m Mark) String() string { return markNames[m] }

// mark counts a hit of m. It costs one branch if marks are not counted.
func (n *Node) mark(m Mark) {
	if n.cfg.Marks != nil {
		n.cfg.Marks[m]++
	}
}

// markRound counts the marks of a round that is about to propose value. base is the
// value that it goes on from, and atBallot the ballot at which base was accepted.
func (n *Node) markRound(m *machine, atBallot Ballot, base, value *Value, batch []*operation) {
	if n.cfg.Marks == nil {
		return
	}
	if m.chosenAt.Less(atBallot) && atBallot.Node != n.cfg.ID {
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
func (n *Node) markGivenUp(o *operation, reason Reason) {
	switch {
	case reason == Overloaded:
		n.mark(MarkQueueFull)
	case reason != Timeout:
	case o.acceptSent:
		n.mark(MarkDeadlineAfterAccept)
	case o.req.Retry:
		n.mark(MarkDeadlineRetry)
	default:
		n.mark(MarkDeadlineInQueue)
	}
}

// markFound counts an operation with an entry that was found.
func (n *Node) markFound(r *Request, reply Reply) {
	switch {
	case reply.Reason == IDConflict:
		n.mark(MarkIDConflict)
	case reply.Final:
		n.mark(MarkTombstoneFound)
	case r.Retry:
		n.mark(MarkDedupHitOnRetry)
	}
}

// markLog counts the damage that recovery repaired in the log.
func (n *Node) markLog(recovered wal.Recovered) {
	switch {
	case recovered.TornBytes == 0:
	case recovered.Fresh:
		n.mark(MarkLogCreatedAgain)
	default:
		n.mark(MarkTornTail)
	}
}
