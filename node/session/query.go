package session

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Query is a request without effect that each node can answer by itself, as for a
// listing or a watch. It tries one node after the other. A node that does not
// respond soon stays requested, and the next is tried as well; the first response
// counts.
type Query struct {
	s        *Session
	last     op.NodeID     // tried last; 0: none
	askedAt  time.Duration // when last was tried, while its response is awaited; -1: it has failed, or none was tried
	attempts int
	nextAt   time.Duration // when to try the next node
	deadline time.Duration
}

// QueryAction is the next action of a Query. Zero fields request nothing.
type QueryAction struct {
	To   op.NodeID     // send the request to this node, too
	Wake time.Duration // call Tick after this time
	Done bool          // the deadline has passed
}

// Query begins a query at the local time now.
func (s *Session) Query(now time.Duration) (*Query, QueryAction) {
	q := &Query{s: s, askedAt: -1, nextAt: now, deadline: now + s.cfg.Deadline}
	if !s.health.anotherAvailable(now, s.cfg.Nodes, 0) { // all have failed a moment ago
		q.nextAt += s.cfg.MaxPause
	}
	return q, q.Tick(now)
}

func (q *Query) askNext(now time.Duration) QueryAction {
	q.last = q.s.health.next(now, q.s.cfg.Nodes, q.last)
	q.attempts++
	q.askedAt, q.nextAt = now, now+q.s.attemptTimeout(q.attempts, q.last)
	return QueryAction{To: q.last, Wake: q.wake(now)}
}

func (q *Query) wake(now time.Duration) time.Duration {
	return max(1, min(q.nextAt, q.deadline)-now)
}

// Tick takes the current time.
func (q *Query) Tick(now time.Duration) QueryAction {
	switch {
	case now >= q.deadline:
		return QueryAction{Done: true}
	case now < q.nextAt:
		return QueryAction{Wake: q.wake(now)}
	}
	if q.askedAt >= 0 {
		q.s.health.TimedOut(now, q.askedAt, q.last)
	}
	return q.askNext(now)
}

// Failed records that a node will not respond. The next is tried at once if one is
// not avoided; otherwise after a pause.
func (q *Query) Failed(now time.Duration, id op.NodeID) QueryAction {
	q.s.health.Failed(now, id)
	if id != q.last || q.askedAt < 0 { // the next one is being tried already
		return QueryAction{Wake: q.wake(now)}
	}
	q.askedAt = -1
	q.nextAt = now
	if !q.s.health.anotherAvailable(now, q.s.cfg.Nodes, id) {
		q.nextAt += q.s.cfg.MaxPause
	}
	return q.Tick(now)
}

// Heard records the response of a node. The Query is over.
func (q *Query) Heard(now time.Duration, id op.NodeID) { q.s.health.Heard(now, id) }

// Disconnected records that the stream which a node's response began has ended:
// the node is tried last, for a while.
func (s *Session) Disconnected(now time.Duration, id op.NodeID) { s.health.Failed(now, id) }

// Silent records that a node does not respond, as the connection to it shows. It is
// avoided until it responds, so that no operation has to find out whether it does.
func (s *Session) Silent(id op.NodeID) { s.health.get(id).silent = true }

// Alive records that a node responds, though not to an operation.
func (s *Session) Alive(now time.Duration, id op.NodeID) { s.health.Heard(now, id) }
