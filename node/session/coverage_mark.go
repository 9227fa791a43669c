package session

// Mark is a place in the session that a campaign of simulated runs should come
// by: see node.Mark.
type Mark uint8

// The marks of calls.
const (
	MarkFailover             Mark = iota // an attempt went to another node than the one before
	MarkAmbiguousRetry                   // ... while an earlier one may yet take effect
	MarkFreshAttempt                     // all attempts were rejected, and the operation was tried as if for the first time
	MarkRejectedWhilePending             // one attempt was rejected while another may yet take effect: that decides nothing
	MarkFinalRejection                   // a reject held for all attempts
	MarkWindowExpired                    // nobody can tell any more what became of the operation
	MarkDeadlineWhilePending             // the time was up while an attempt may yet take effect
	MarkDeadlineDecided                  // the time was up, and no attempt can take effect: of a read, or all were rejected
	MarkLateResponse                     // an answer came to an attempt that was not waited for any more
	MarkResponseAfterEnd                 // an answer came to an operation that had ended

	markCount
)

// Marks counts how often each Mark was come by. Sessions may share one if they
// are not used at the same time.
type Marks [markCount]uint64

var markNames = [markCount]string{
	"failover", "ambiguous-retry", "fresh-attempt", "rejected-while-pending", "final-rejection", "window-expired",
	"deadline-while-pending", "deadline-decided", "late-response", "unexpected-response",
}

func (m Mark) String() string { return markNames[m] }

// mark counts that a call has come by m. It costs one branch if nobody counts.
func (s *Session) mark(m Mark) {
	if s.cfg.Marks != nil {
		s.cfg.Marks[m]++
	}
}
