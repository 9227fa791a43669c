package session

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Query asks one node after the other a question that each can answer by itself
// and that changes nothing, as for a listing or a watch. Who does not answer soon is
// left to it, and the next is asked besides; the first answer counts.
type Query struct {
	s        *Session
	last     node.ID       // that was asked
	askedAt  time.Duration // when it was, and has not answered; -1: it has failed, or none was asked
	attempts int
	nextAt   time.Duration // when to ask another
	deadline time.Duration
}

// QueryAction is what to do next in a Search. Fields that are zero ask for nothing.
type QueryAction struct {
	To   node.ID       // ask this one, too
	Wake time.Duration // call Tick when so much time has passed
	Done bool          // the time is up
}

// Query begins to look for an answer at the local time now.
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
	q.askedAt, q.nextAt = now, now+q.s.attemptTimeout(q.attempts)
	return QueryAction{To: q.last, Wake: q.wake(now)}
}

func (q *Query) wake(now time.Duration) time.Duration {
	return max(1, min(q.nextAt, q.deadline)-now)
}

// Tick tells that time has passed.
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

// Failed tells that a node will not answer. Another is asked at once, if there is
// one that may be better; when all have failed, after a pause.
func (q *Query) Failed(now time.Duration, id node.ID) QueryAction {
	q.s.health.Failed(now, id)
	if id != q.last || q.askedAt < 0 { // the next has been asked already
		return QueryAction{Wake: q.wake(now)}
	}
	q.askedAt = -1
	q.nextAt = now
	if !q.s.health.anotherAvailable(now, q.s.cfg.Nodes, id) {
		q.nextAt += q.s.cfg.MaxPause
	}
	return q.Tick(now)
}

// Heard tells that a node has answered. The Search is over.
func (q *Query) Heard(now time.Duration, id node.ID) { q.s.health.Heard(now, id) }

// Disconnected tells that the exchange that a node's answer began has ended: it is asked
// last, for a while.
func (s *Session) Disconnected(now time.Duration, id node.ID) { s.health.Failed(now, id) }
