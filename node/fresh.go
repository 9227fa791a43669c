package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// A machine of which no node has accepted a value is in its initial state. It costs
// nothing: an operation that would leave no entry in that state takes a look first, which
// is a quorum read. If a majority reports that it has accepted nothing, the operation is
// answered from the initial state, without a promise (rule 8). Otherwise it goes on to a
// round.

// seemsFresh reports whether this node knows of no accepted value of m, here or at
// others.
func (m *machine) seemsFresh() bool { return m.knownAccepted().IsZero() }

// knownAccepted is the highest ballot at which this node knows a value of m to be
// accepted; zero: none.
func (m *machine) knownAccepted() Ballot {
	b := maxBallot(m.accepted, m.chosenAt)
	if m.work != nil {
		b = maxBallot(b, m.reported)
	}
	return b
}

// waiting counts the operations that wait for a round, for another node or in a look.
func (m *machine) waiting() int {
	return len(m.queue) + len(m.forwarded) + len(m.quorumRead.proposals)
}

// looksFirst reports whether the queued operations take a look before a round begins: all
// of them, so that none overtakes another. Without room for the machine they look, too: it
// may exist.
func (n *Node) looksFirst(m *machine) bool {
	if m.round.phase != 0 || len(m.queue) == 0 || n.now < m.backoffUntil || !m.seemsFresh() {
		return false
	}
	needsEntry := slices.ContainsFunc(m.queue, func(o *operation) bool { return !n.leavesNothing(m.def, o) })
	return !needsEntry || !n.admits(m)
}

// leavesNothing reports whether o makes no entry in the initial state, whatever its
// outcome. See applyOne, which gives that outcome.
func (n *Node) leavesNothing(def *fsm.Definition, o *operation) bool {
	r := o.req
	switch {
	case r.Kind != Propose || o.acceptSent || n.isPeer(o.client):
		return false // a read that reports have not decided, or an operation that another node knows more of
	case r.Expects && r.Expect > 0:
		return true
	case !r.ID.IsOnce() && max(o.watermark, r.Watermark) > n.firstSerial:
		return true
	case !r.ID.IsOnce() && !r.Expects && max(o.watermark, o.absentUpTo) < n.firstSerial: // of before a restoration
		return true
	case def.Legal(def.Initial, r.To):
		return false
	}
	return !r.Retry || r.Expects || def.Ends(def.Initial) // others get an abort tombstone
}

// finishLook answers the proposals of an exchange in which a majority has reported a
// chosen value, or that it has accepted nothing: fresh.
func (n *Node) finishLook(m *machine, fresh bool) {
	x := &m.quorumRead
	if len(x.proposals) == 0 {
		return
	}
	if !fresh {
		n.mark(MarkLookFoundValue)
		x.proposals = slices.DeleteFunc(x.proposals, func(o *operation) bool { return n.answerFromChosen(m, o) })
		n.requeueLook(m)
		return
	}
	v := initial(m.def, n.firstSerial)
	for _, o := range x.proposals {
		switch {
		case o.req.Kind == Read || n.leavesNothing(m.def, o):
			n.mark(MarkAnsweredFresh)
			after := n.apply(m, v, []*operation{o})
			invariant.Check(after == v, "node: what a look answers leaves no entry")
			n.respond(o, o.result)
		case !n.admits(m):
			n.mark(MarkQuotaOperation)
			n.giveUp(o, QuotaReached)
		}
	}
	x.proposals = slices.DeleteFunc(x.proposals, func(o *operation) bool { return o.answered })
	n.requeueLook(m) // there is room by now
}

// requeueLook returns the proposals of the exchange to the queue, in their place before
// later ones. Operations without time are given up.
func (n *Node) requeueLook(m *machine) {
	x := &m.quorumRead
	back := slices.DeleteFunc(x.proposals, func(o *operation) bool {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
		}
		return o.answered
	})
	for _, o := range back {
		n.scheduleWake(m, o.deadline)
	}
	m.queue = slices.Insert(m.queue, 0, back...)
	clear(x.proposals)
	x.proposals = x.proposals[:0]
}
