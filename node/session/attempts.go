package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// attemptLog is whom a call has asked, and who has not answered yet.
type attemptLog struct {
	attempts       []sentAttempt // by attempt, from the first that the call has made
	earlier        uint32        // attempts before that
	buf            [4]sentAttempt
	noMoreAttempts bool // no further attempt is of use
}

// sentAttempt is one attempt.
type sentAttempt struct {
	to       node.ID
	at       time.Duration
	answered bool // or it is known that no answer will come
}

func (t *attemptLog) add(now time.Duration, to node.ID) {
	t.attempts = append(t.attempts, sentAttempt{to: to, at: now})
}

// get is an attempt of the call; nil if it has made none of that number.
func (t *attemptLog) get(attempt uint32) *sentAttempt {
	if attempt <= t.earlier || int(attempt-t.earlier) > len(t.attempts) {
		return nil
	}
	return &t.attempts[attempt-t.earlier-1]
}

// last is the node that was asked last; 0: none was.
func (t *attemptLog) last() node.ID {
	if len(t.attempts) == 0 {
		return 0
	}
	return t.attempts[len(t.attempts)-1].to
}

// markAnswered notes that no other answer to an attempt will come, and says whom it
// has asked; 0 if there was no such attempt.
func (t *attemptLog) markAnswered(attempt uint32) node.ID {
	a := t.get(attempt)
	if a == nil {
		return 0
	}
	a.answered = true
	return a.to
}

// awaiting reports whether an answer may yet come.
func (t *attemptLog) awaiting() bool {
	return slices.ContainsFunc(t.attempts, func(a sentAttempt) bool { return !a.answered })
}

// recordReply takes note of who has answered. A client says itself that it was
// unreachable, and a node that stops or takes no part will not be there for the next
// question.
func (c *Call) recordReply(now time.Duration, r *node.Reply) {
	to := c.sent.markAnswered(r.Attempt)
	switch {
	case to == 0:
	case r.Reason == node.Unreachable || r.Reason == node.Stopping || r.Reason == node.Abstains:
		c.s.health.Failed(now, to)
	default:
		c.s.health.Heard(now, to)
	}
}
