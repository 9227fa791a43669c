package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Health is what a client knows of the nodes' being there: one that refuses, or
// from which nothing is heard, is avoided for a while. It decides only who is
// asked first, so it may be wrong.
type Health struct {
	backoff time.Duration // after the first failure; twice as long after every other
	states  []health      // of the nodes that were asked, few
}

// health is what is known of one node.
type health struct {
	id           node.ID
	lastResponse time.Duration // the last answer
	avoidedUntil time.Duration // it is avoided before this
	failures     int           // since the last answer
}

// maxDoublings bounds how long a node is avoided, and an attempt waited for.
const maxDoublings = 3

func newHealth(backoff time.Duration) Health {
	return Health{backoff: backoff}
}

// get is good until it is asked for another node.
func (h *Health) get(id node.ID) *health {
	for i := range h.states {
		if s := &h.states[i]; s.id == id {
			return s
		}
	}
	h.states = append(h.states, health{id: id, lastResponse: -1})
	return &h.states[len(h.states)-1]
}

// Heard says that a node has answered.
func (h *Health) Heard(now time.Duration, id node.ID) { *h.get(id) = health{id: id, lastResponse: now} }

// Failed says that a node has refused, or that the connection to it broke.
func (h *Health) Failed(now time.Duration, id node.ID) {
	s := h.get(id)
	s.avoidedUntil = now + h.backoff<<min(s.failures, maxDoublings)
	s.failures++
}

// TimedOut says that a node has not answered what it was asked at the given time.
// If it has answered something else since, it is slow, and not gone.
func (h *Health) TimedOut(now, asked time.Duration, id node.ID) {
	if h.get(id).lastResponse < asked {
		h.Failed(now, id)
	}
}

// Avoided reports whether a node is not to be asked while there are others.
func (h *Health) Avoided(now time.Duration, id node.ID) bool { return now < h.get(id).avoidedUntil }

// Unavailable reports whether the operation was not carried out, and never will be,
// only because no node, or no majority, could do so in time: the machine has
// not been asked, and the same may be asked again.
func (r Result) Unavailable() bool {
	if r.Outcome != node.Rejected {
		return false
	}
	switch r.Reason {
	case node.Unreachable, node.Timeout, node.Overloaded, node.Stopping, node.Abstains:
		return true
	}
	return false
}

// next is the node to ask after last, in the given order; if last is 0, the first.
// It is last again only if there is no other.
func (h *Health) next(now time.Duration, order []node.ID, last node.ID) node.ID {
	begin := slices.Index(order, last) + 1
	for i := range order {
		to := order[(begin+i)%len(order)]
		if to != last && !h.Avoided(now, to) {
			return to
		}
	}
	return order[begin%len(order)]
}

// anotherAvailable reports whether a node other than last is not avoided.
func (h *Health) anotherAvailable(now time.Duration, order []node.ID, last node.ID) bool {
	return slices.ContainsFunc(order, func(id node.ID) bool { return id != last && !h.Avoided(now, id) })
}

// attemptTimeout is how long to wait for an answer before another node is asked besides:
// longer when all have been asked in vain, so that slow nodes are not drowned.
func (s *Session) attemptTimeout(asked int) time.Duration {
	return s.cfg.AttemptTimeout << min((asked-1)/len(s.cfg.Nodes), maxDoublings)
}
