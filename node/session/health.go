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
	avoid  time.Duration // after the first failure; twice as long after every other
	states []health      // of the nodes that were asked, few
}

// health is what is known of one node.
type health struct {
	id       node.ID
	heard    time.Duration // the last answer
	until    time.Duration // it is avoided before this
	failures int           // since the last answer
}

// maxDoublings bounds how long a node is avoided, and an attempt waited for.
const maxDoublings = 3

func newHealth(avoid time.Duration) Health {
	return Health{avoid: avoid}
}

// of is good until it is asked for another node.
func (h *Health) of(id node.ID) *health {
	for i := range h.states {
		if s := &h.states[i]; s.id == id {
			return s
		}
	}
	h.states = append(h.states, health{id: id, heard: -1})
	return &h.states[len(h.states)-1]
}

// Heard says that a node has answered.
func (h *Health) Heard(now time.Duration, id node.ID) { *h.of(id) = health{id: id, heard: now} }

// Failed says that a node has refused, or that the connection to it broke.
func (h *Health) Failed(now time.Duration, id node.ID) {
	s := h.of(id)
	s.until = now + h.avoid<<min(s.failures, maxDoublings)
	s.failures++
}

// Silent says that a node has not answered what it was asked at the given time.
// If it has answered something else since, it is slow, and not gone.
func (h *Health) Silent(now, asked time.Duration, id node.ID) {
	if h.of(id).heard < asked {
		h.Failed(now, id)
	}
}

// Avoided reports whether a node is not to be asked while there are others.
func (h *Health) Avoided(now time.Duration, id node.ID) bool { return now < h.of(id).until }

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

// better reports whether a node other than last is not avoided.
func (h *Health) better(now time.Duration, order []node.ID, last node.ID) bool {
	return slices.ContainsFunc(order, func(id node.ID) bool { return id != last && !h.Avoided(now, id) })
}

// patience is how long to wait for an answer before another node is asked besides:
// longer when all have been asked in vain, so that slow nodes are not drowned.
func (s *Session) patience(asked int) time.Duration {
	return s.cfg.Attempt << min((asked-1)/len(s.cfg.Nodes), maxDoublings)
}
