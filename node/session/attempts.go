package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
)

// attemptLog is the list of a call's attempts, and whether each is answered.
type attemptLog struct {
	attempts       []sentAttempt // in order, from the call's first
	earlier        uint32        // number of attempts before the call
	buf            [4]sentAttempt
	noMoreAttempts bool // another attempt is of no use
}

// sentAttempt is one attempt.
type sentAttempt struct {
	to       op.NodeID
	at       time.Duration
	answered bool // or no response will come
}

func (t *attemptLog) add(now time.Duration, to op.NodeID) {
	t.attempts = append(t.attempts, sentAttempt{to: to, at: now})
}

// get returns an attempt of the call; nil if it has made none of that number.
func (t *attemptLog) get(attempt uint32) *sentAttempt {
	if attempt <= t.earlier || int(attempt-t.earlier) > len(t.attempts) {
		return nil
	}
	return &t.attempts[attempt-t.earlier-1]
}

// last returns the node that the last attempt was sent to; 0 if there is none.
func (t *attemptLog) last() op.NodeID {
	if len(t.attempts) == 0 {
		return 0
	}
	return t.attempts[len(t.attempts)-1].to
}

// markAnswered records that no further response to an attempt will come, and
// returns the node that it was sent to; 0 if there was no such attempt.
func (t *attemptLog) markAnswered(attempt uint32) op.NodeID {
	a := t.get(attempt)
	if a == nil {
		return 0
	}
	a.answered = true
	return a.to
}

// awaiting reports whether a response may yet come.
func (t *attemptLog) awaiting() bool {
	return slices.ContainsFunc(t.attempts, func(a sentAttempt) bool { return !a.answered })
}

// recordReply updates the health of the node that has responded. Unreachable is a
// response of the client itself; a node that stops or abstains will not serve the
// next request either.
func (c *Call) recordReply(now time.Duration, r *op.Reply) {
	to := c.sent.markAnswered(r.Attempt)
	switch {
	case to == 0:
	case r.Reason == op.Unreachable || r.Reason == op.Stopping || r.Reason == op.Abstains:
		c.s.health.Failed(now, to)
	default:
		c.s.health.Responded(now, c.sent.get(r.Attempt).at, to)
	}
}
