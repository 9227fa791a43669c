package session

// Mark is a coverage mark of a session, as node.Mark is of a node.
type Mark uint8

// The coverage marks of calls.
const (
	MarkFailover             Mark = iota // an attempt went to another node than the one before
	MarkAmbiguousRetry                   // ... while an earlier one may yet take effect
	MarkFreshAttempt                     // all attempts were rejected; the operation begins again with a new id
	MarkRejectedWhilePending             // an attempt was rejected while another may yet take effect: this decides nothing
	MarkFinalRejection                   // a rejection holds for all attempts
	MarkWindowExpired                    // the outcome is unknown for good: window-expired, or watermark-ahead
	MarkDeadlineWhilePending             // the deadline passed while an attempt may yet take effect
	MarkDeadlineDecided                  // the deadline passed, and no attempt can take effect: a read, or all were rejected
	MarkLateResponse                     // a response came to an attempt that was not awaited any more
	MarkUnexpectedResponse               // a response came to another operation, an earlier attempt, or after the end
	MarkAttemptLost                      // the connection of an attempt ended, and the attempt may take effect
	MarkAttemptNeverSent                 // there was no connection for an attempt: it has no effect
	MarkHedge                            // another node was tried early, since the first usually responds sooner

	markCount
)

// Marks counts the hits of each Mark. Sessions may share one if they are not used
// concurrently.
type Marks [markCount]uint64

var markNames = [markCount]string{
	"failover", "ambiguous-retry", "fresh-attempt", "rejected-while-pending", "final-rejection", "window-expired",
	"deadline-while-pending", "deadline-decided", "late-response", "unexpected-response", "attempt-lost", "attempt-never-sent", "hedge",
}

func (m Mark) String() string { return markNames[m] }

// mark counts a hit of m. It costs one branch if Marks is nil.
func (s *Session) mark(m Mark) {
	if s.cfg.Marks != nil {
		s.cfg.Marks[m]++
	}
}
