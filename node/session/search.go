package session

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Search asks one node after the other a question that each can answer by itself
// and that changes nothing, as for a listing or a watch. Who does not answer soon is
// left to it, and the next is asked besides; the first answer counts.
type Search struct {
	s        *Session
	last     node.ID       // that was asked
	since    time.Duration // when it was, and has not answered; -1: it has failed, or none was asked
	asked    int
	next     time.Duration // when to ask another
	deadline time.Duration
}

// Step is what to do next in a Search. Fields that are zero ask for nothing.
type Step struct {
	To   node.ID       // ask this one, too
	Wake time.Duration // call Tick when so much time has passed
	Done bool          // the time is up
}

// Search begins to look for an answer at the local time now.
func (s *Session) Search(now time.Duration) (*Search, Step) {
	q := &Search{s: s, since: -1, next: now, deadline: now + s.cfg.Deadline}
	if !s.health.better(now, s.cfg.Nodes, 0) { // all have failed a moment ago
		q.next += s.cfg.Pause
	}
	return q, q.Tick(now)
}

func (q *Search) ask(now time.Duration) Step {
	q.last = q.s.health.next(now, q.s.cfg.Nodes, q.last)
	q.asked++
	q.since, q.next = now, now+q.s.patience(q.asked)
	return Step{To: q.last, Wake: q.wake(now)}
}

func (q *Search) wake(now time.Duration) time.Duration {
	return max(1, min(q.next, q.deadline)-now)
}

// Tick tells that time has passed.
func (q *Search) Tick(now time.Duration) Step {
	switch {
	case now >= q.deadline:
		return Step{Done: true}
	case now < q.next:
		return Step{Wake: q.wake(now)}
	}
	if q.since >= 0 {
		q.s.health.Silent(now, q.since, q.last)
	}
	return q.ask(now)
}

// Failed tells that a node will not answer. Another is asked at once, if there is
// one that may be better; when all have failed, after a pause.
func (q *Search) Failed(now time.Duration, id node.ID) Step {
	q.s.health.Failed(now, id)
	if id != q.last || q.since < 0 { // the next has been asked already
		return Step{Wake: q.wake(now)}
	}
	q.since = -1
	q.next = now
	if !q.s.health.better(now, q.s.cfg.Nodes, id) {
		q.next += q.s.cfg.Pause
	}
	return q.Tick(now)
}

// Heard tells that a node has answered. The Search is over.
func (q *Search) Heard(now time.Duration, id node.ID) { q.s.health.Heard(now, id) }

// Left tells that the exchange that a node's answer began has ended: it is asked
// last, for a while.
func (s *Session) Left(now time.Duration, id node.ID) { s.health.Failed(now, id) }
