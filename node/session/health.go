package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Health is a client's knowledge of which nodes respond. A node that rejects, or
// does not respond, is avoided for a while. This only decides the order in which
// nodes are tried, so it may be wrong.
type Health struct {
	backoff time.Duration // after the first failure; it doubles with each further one
	states  []health      // of the nodes tried so far, few
}

// health is the knowledge of one node.
type health struct {
	id           op.NodeID
	lastResponse time.Duration // time of the last response; -1: none
	avoidedUntil time.Duration // time until which the node is avoided
	failures     int           // since the last response
	latency      latency       // of its responses
	silent       bool          // it is known not to respond, see Session.Silent
}

// maxDoublings bounds the growth of backoffs and of attempt timeouts.
const maxDoublings = 3

func newHealth(backoff time.Duration) Health {
	return Health{backoff: backoff}
}

// get returns the health of a node. It is valid until the next call.
func (h *Health) get(id op.NodeID) *health {
	for i := range h.states {
		if s := &h.states[i]; s.id == id {
			return s
		}
	}
	h.states = append(h.states, health{id: id, lastResponse: -1})
	return &h.states[len(h.states)-1]
}

// Heard records a response of a node, or another sign that it serves.
func (h *Health) Heard(now time.Duration, id op.NodeID) {
	s := h.get(id)
	*s = health{id: id, lastResponse: now, latency: s.latency}
}

// Responded records the response of a node to a request sent at sentAt.
func (h *Health) Responded(now, sentAt time.Duration, id op.NodeID) {
	h.get(id).latency.add(now - sentAt)
	h.Heard(now, id)
}

// Failed records that a node has rejected, or that the connection to it broke.
func (h *Health) Failed(now time.Duration, id op.NodeID) {
	s := h.get(id)
	s.avoidedUntil = now + h.backoff<<min(s.failures, maxDoublings)
	s.failures++
}

// HeardSince reports whether a node has responded to anything after a time.
func (h *Health) HeardSince(at time.Duration, id op.NodeID) bool { return h.get(id).lastResponse > at }

// TimedOut records that a node has not responded to a request sent at sentAt. If
// it has responded to another one since, it is slow, and not down. The response, if
// one comes, may never be seen, as the operation may end before: it would have taken
// longer than this, so twice the time is taken for it. Otherwise only the fast
// responses of a slow node would be measured.
func (h *Health) TimedOut(now, sentAt time.Duration, id op.NodeID) {
	s := h.get(id)
	s.latency.add(2 * (now - sentAt))
	if s.lastResponse < sentAt {
		h.Failed(now, id)
	}
}

// Avoided reports whether to try a node only if there is no other.
func (h *Health) Avoided(now time.Duration, id op.NodeID) bool {
	s := h.get(id)
	return s.silent || now < s.avoidedUntil
}

// next returns the node to try after last, in the given order; the first if last
// is 0. It is last again only if there is no other.
func (h *Health) next(now time.Duration, order []op.NodeID, last op.NodeID) op.NodeID {
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
func (h *Health) anotherAvailable(now time.Duration, order []op.NodeID, last op.NodeID) bool {
	return slices.ContainsFunc(order, func(id op.NodeID) bool { return id != last && !h.Avoided(now, id) })
}
