package node

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// If another node is at work on a machine, a node forwards its clients' operations
// to it. It sends a Request as a client would, and goes by the Reply, or by the
// commit that shows the operation carried out. So one node combines all waiting
// operations, and its rounds need one round trip. A node forwards only operations
// of its own clients: no operation is forwarded twice in a row. A node that was
// overtaken by another refuses the forwarded operations that it has not proposed.
//
// Forwarding makes an attempt of the operation like a client's, under the same
// conditions. The Request states whether there may have been an earlier attempt.
// From then on the forwarding node treats the operation as a retry, unless the
// other node is certain that it has done nothing and never will.

// forwarding is the state of an operation that was forwarded to another node.
type forwarding struct {
	to           ID            // the node with a pending response; 0: none
	attempt      uint32        // the attempt number of the request to it
	until        time.Duration // end of forwarding and of the wait for a response; 0: never forwarded
	firstAttempt bool          // the request was marked as a first attempt
}

// noteOtherActive records that the proposer of a commit is at work on m, until the
// given time: if the commit has entries above knownSerial, the serial up to which entries
// were known or waiting here.
func (m *machine) noteOtherActive(b Ballot, v *Value, knownSerial uint64, until time.Duration) {
	if m.chosenAt == b && v.Serial > knownSerial {
		m.otherActiveUntil = until
	}
}

// activeProposer is the other node at work on m: the last to commit, recently, and
// at a ballot above the last that this node lost. It is 0 if there is none, if this
// node is at work itself, or if it has lost no round since it last won one: without
// contention, an operation is carried out by the node that received it.
func (n *Node) activeProposer(m *machine) ID {
	own := m.failures == 0 || m.round.phase != 0 || !m.cachedPromise.IsZero()
	if id := m.chosenAt.Node; !own && n.now < m.otherActiveUntil && m.lostBallot.Less(m.chosenAt) && n.isPeer(id) {
		return id
	}
	return 0
}

// forward sends o to the node at work on its machine. It reports false if there is
// none, or if this node must carry out o itself.
func (n *Node) forward(m *machine, o *operation) bool {
	to, f := n.activeProposer(m), &o.forward
	if to == 0 || n.member(o.client) >= 0 || f.until != 0 && n.now >= f.until || !o.prepareForward(m) {
		return false
	}
	invariant.Check(f.to == 0 && !o.answered, "node: an operation is forwarded to one node at a time")
	invariant.Check(n.isPeer(to), "node: an operation is forwarded to another member")
	n.mark(MarkForwarded)
	n.lastForwardAttempt++
	f.to, f.attempt, f.firstAttempt = to, n.lastForwardAttempt, !o.req.Retry && !o.acceptSent
	if f.until == 0 {
		f.until = n.now + n.cfg.ResendTimeout
	}
	sentReq, ownReq := *o.req, *o.req
	sentReq.Attempt, sentReq.Retry, sentReq.Watermark = f.attempt, !f.firstAttempt, max(o.watermark, o.absentUpTo)
	ownReq.Retry = ownReq.Retry || ownReq.Kind == Propose
	o.req = &ownReq
	m.forwarded = append(m.forwarded, o)
	n.observe(Observation{Kind: Forwarded, Client: o.client, Request: &sentReq})
	n.sendWhenDurable(to, &sentReq, 0)
	n.scheduleWake(m, f.until)
	return true
}

// prepareForward makes o fit for another node, with all that this one knows of the
// entries in which o is absent. An operation without a watermark gets an id that
// carries one, unless an accept with the old id was sent. It reports false if o
// cannot be forwarded.
func (o *operation) prepareForward(m *machine) bool {
	if o.req.Watermark > max(o.watermark, o.absentUpTo) { // the client's claim is unproven
		return false
	}
	if !o.req.ID.IsOnce() {
		return true
	}
	if o.acceptSent || len(o.req.ID.Name()) > MaxOpName {
		return false
	}
	r := *o.req
	o.watermark, o.absentUpTo = m.chosen.Serial, 0
	r.ID = Stamp(r.Key, o.watermark, r.ID.Name())
	o.req = &r
	return true
}

// forwardQueue empties the queue as far as another node at work can take over: it
// forwards the operations of clients, and refuses the operations of other nodes.
func (n *Node) forwardQueue(m *machine) {
	if n.activeProposer(m) == 0 {
		return
	}
	m.queue = slices.DeleteFunc(m.queue, func(o *operation) bool {
		return n.forward(m, o) || n.refuseForwarded(o)
	})
}

// refuseForwarded rejects an operation that another node forwarded. It reports
// false if o is not from another node, or may take effect.
func (n *Node) refuseForwarded(o *operation) bool {
	if !n.isPeer(o.client) || o.acceptSent {
		return false
	}
	n.mark(MarkForwardRefused)
	n.giveUp(o, StaleBallot)
	return true
}

// isPeer reports whether id is another member.
func (n *Node) isPeer(id ID) bool { return id != n.cfg.ID && n.member(id) >= 0 }

// handleForwardResponse handles the response to a forwarded operation, also a late
// one. If the other node knows the outcome, the client gets it. Else this node
// forwards the operation to the node now at work, or waits for its own turn.
func (n *Node) handleForwardResponse(from ID, r *Reply) {
	m := n.findMachine(r.Key)
	if m == nil || m.work == nil {
		return
	}
	o := takeForwarded(&m.forwarded, from, r)
	if o == nil {
		n.mark(MarkLateForwardResponse)
		o = takeForwarded(&m.queue, from, r)
	}
	if o != nil && !n.settleByResponse(o, r) {
		n.mark(MarkForwardReturned)
		n.requeue(m, o, o.provesNoEffect(r))
		if r.Reason == WindowExpired { // this node knows more: do not forward it again
			o.forward.until = n.now
		}
		switch {
		case r.Reason == Abstains: // it is about to stop, and no other node is at work
			m.otherActiveUntil = 0
		case m.chosenAt.Node == from: // it was overtaken, by a node not known here yet
			n.pauseForTurn(m)
		}
		n.forwardQueue(m)
	}
	if o = findForwarded(m.round.batch, from, r); o != nil {
		n.settleByResponse(o, r)
	}
	n.startRound(m)
	n.releaseWork(m)
}

// settleByResponse responds to o if the other node knows its outcome.
func (n *Node) settleByResponse(o *operation, r *Reply) bool {
	o.forward.to = 0 // the response is no longer pending
	decided := r.Outcome == Committed || r.Outcome == Rejected && r.Final || o.provesNoEffect(r) && (r.Reason == Illegal || r.Reason == VersionMismatch)
	if decided {
		n.respond(o, *r)
	}
	return decided
}

// provesNoEffect reports whether r proves that no attempt of o so far has had an
// effect.
func (o *operation) provesNoEffect(r *Reply) bool {
	return r.Outcome == Rejected && o.forward.firstAttempt && !o.acceptSent
}

// findForwarded is the operation in list that r is from's response to, or nil.
func findForwarded(list []*operation, from ID, r *Reply) *operation {
	for _, o := range list {
		if o.forward.to == from && o.forward.attempt == r.Attempt && o.req.ID == r.ID {
			return o
		}
	}
	return nil
}

// takeForwarded is findForwarded, and removes the operation from the list.
func takeForwarded(list *[]*operation, from ID, r *Reply) *operation {
	o := findForwarded(*list, from, r)
	if o != nil {
		*list = slices.DeleteFunc(*list, func(other *operation) bool { return other == o })
	}
	return o
}

// pauseForTurn starts a backoff, since the other node is no longer at work. A
// commit may cut it short.
func (n *Node) pauseForTurn(m *machine) {
	if m.otherActiveUntil = 0; m.round.phase == 0 && m.cachedPromise.IsZero() {
		m.backoffUntil = max(m.backoffUntil, n.now+n.roundsDuration(len(n.cfg.Members)))
	}
}

// requeue queues o for a round of this node. It stays a retry unless it is certain
// that the other node has not carried it out and never will.
func (n *Node) requeue(m *machine, o *operation, certain bool) {
	if certain {
		o.req = o.clientReq
	}
	m.queue = append(m.queue, o)
}

// expireForwarded requeues the operations without a response in time. The other
// node then no longer counts as at work.
func (n *Node) expireForwarded(m *machine) {
	m.forwarded = slices.DeleteFunc(m.forwarded, func(o *operation) bool {
		if n.now < o.forward.until {
			n.scheduleWake(m, o.forward.until)
			return false
		}
		n.mark(MarkForwardTimeout)
		m.otherActiveUntil = 0
		n.requeue(m, o, false)
		return true
	})
}

// answerChosen responds to an operation of a round that was chosen. If its outcome
// at another node may have left the dedup window, only that node can know it:
// answerChosen then waits for the response.
func (n *Node) answerChosen(m *machine, o *operation) {
	if o.answered || o.forward.to == 0 || o.result.Outcome != Unknown || o.result.Reason != WindowExpired {
		n.respond(o, o.result)
		return
	}
	n.mark(MarkForwardResponseAwaited)
	o.forward.until = o.deadline
	m.forwarded = append(m.forwarded, o)
	n.scheduleWake(m, o.deadline)
}
