package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// trace is whom a call has asked, and who has not answered yet.
type trace struct {
	asked   []asked // by attempt, from the first that the call has made
	earlier uint32  // attempts before that
	room    [4]asked
	settled bool // no further attempt is of use
}

// asked is one attempt.
type asked struct {
	to       node.ID
	at       time.Duration
	answered bool // or it is known that no answer will come
}

func (t *trace) add(now time.Duration, to node.ID) { t.asked = append(t.asked, asked{to: to, at: now}) }

// of is an attempt of the call; nil if it has made none of that number.
func (t *trace) of(attempt uint32) *asked {
	if attempt <= t.earlier || int(attempt-t.earlier) > len(t.asked) {
		return nil
	}
	return &t.asked[attempt-t.earlier-1]
}

// last is the node that was asked last; 0: none was.
func (t *trace) last() node.ID {
	if len(t.asked) == 0 {
		return 0
	}
	return t.asked[len(t.asked)-1].to
}

// answered notes that no other answer to an attempt will come, and says whom it
// has asked; 0 if there was no such attempt.
func (t *trace) answered(attempt uint32) node.ID {
	a := t.of(attempt)
	if a == nil {
		return 0
	}
	a.answered = true
	return a.to
}

// open reports whether an answer may yet come.
func (t *trace) open() bool {
	return slices.ContainsFunc(t.asked, func(a asked) bool { return !a.answered })
}

// hear takes note of who has answered. A client says itself that it was
// unreachable, and a node that stops or takes no part will not be there for the next
// question.
func (c *Call) hear(now time.Duration, r *node.Reply) {
	to := c.trace.answered(r.Attempt)
	switch {
	case to == 0:
	case r.Reason == node.Unreachable || r.Reason == node.Stopping || r.Reason == node.Abstains:
		c.s.health.Failed(now, to)
	default:
		c.s.health.Heard(now, to)
	}
}
