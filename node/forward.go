package node

import (
	"slices"
	"time"
)

// A node whose clients want a machine that another node is at work on hands their
// operations over: it asks that node as a client would, with a Request, and goes by the
// Reply, or by the commit that shows the operation carried out. So one node combines what
// all wait for, and its rounds need one round trip. Only what a node's own clients ask is
// handed over: nothing goes on from node to node. Who has been overtaken by another node
// hands back what it has not proposed.
//
// A hand-over is an attempt of the operation like those that clients make, and the node that
// makes it is as careful as they are: the attempt says whether there may have been an
// earlier one, and from then on the node treats the operation as a retry, unless the other
// node is certain that it has done nothing and never will.

// forwarding is what is known of an operation's way to another node.
type forwarding struct {
	to           ID            // that has not answered yet; 0: none
	attempt      uint32        // the attempt that the other node was asked for
	until        time.Duration // so long it may be handed over, and an answer is waited for; 0: it never was
	firstAttempt bool          // the other node was told that there is no earlier attempt
}

// noteOtherActive takes note of who is at work on m, until when: a node that carries out more than the
// entries up to known, which were known here or waited here.
func (m *machine) noteOtherActive(c *Commit, known uint64, until time.Duration) {
	if m.chosenAt == c.Ballot && c.Value.Serial > known {
		m.otherActiveUntil = until
	}
}

// activeProposer is the other node that is at work on m: the one that has committed last, a while
// ago at most, and above what this node has lost. It is 0 if there is none, if this node is
// at work itself, and as long as it has lost no round since it last won one: where nobody is
// in the way of others, an operation is carried out where it was asked for.
func (n *Node) activeProposer(m *machine) ID {
	own := m.failures == 0 || m.round.phase != 0 || !m.cachedPromise.IsZero()
	if id := m.chosenAt.Node; !own && n.now < m.otherActiveUntil && m.lostBallot.Less(m.chosenAt) && n.isPeer(id) {
		return id
	}
	return 0
}

// forward hands o over to the node that is at work on its machine. It reports false if
// there is none, or if this node has to see to o by itself.
func (n *Node) forward(m *machine, o *operation) bool {
	to, h := n.activeProposer(m), &o.forward
	if to == 0 || n.member(o.client) >= 0 || h.until != 0 && n.now >= h.until || !o.prepareForward(m) {
		return false
	}
	n.mark(MarkForwarded)
	n.lastForwardAttempt++
	h.to, h.attempt, h.firstAttempt = to, n.lastForwardAttempt, !o.req.Retry && !o.acceptSent
	if h.until == 0 {
		h.until = n.now + n.cfg.ResendTimeout
	}
	there, here := *o.req, *o.req
	there.Attempt, there.Retry, there.Watermark = h.attempt, !h.firstAttempt, max(o.watermark, o.absentUpTo)
	here.Retry = here.Retry || here.Kind == Propose
	o.req = &here
	m.forwarded = append(m.forwarded, o)
	n.sendWhenDurable(to, &there, 0)
	n.scheduleWake(m, h.until)
	return true
}

// prepareForward sees to it that another node can take o, knowing what this one knows: of which
// entries it is none. An operation that has had no base until now is given one, by an id
// that carries it, unless it was proposed under the other.
func (o *operation) prepareForward(m *machine) bool {
	if o.req.Watermark > max(o.watermark, o.absentUpTo) { // nobody may know that
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

// forwardQueue has nothing wait for a round of this node that can be left to another one which is
// at work: its clients' operations are handed over, those of other nodes handed back.
func (n *Node) forwardQueue(m *machine) {
	if n.activeProposer(m) == 0 {
		return
	}
	m.queue = slices.DeleteFunc(m.queue, func(o *operation) bool {
		return n.forward(m, o) || n.refuseForwarded(o)
	})
}

// refuseForwarded answers another node that its operation is not seen to. It reports false if
// there is none, or o may take effect.
func (n *Node) refuseForwarded(o *operation) bool {
	if !n.isPeer(o.client) || o.acceptSent {
		return false
	}
	n.mark(MarkForwardRefused)
	n.giveUp(o, StaleBallot)
	return true
}

// isPeer reports whether id is another node's.
func (n *Node) isPeer(id ID) bool { return id != n.cfg.ID && n.member(id) >= 0 }

// handleForwardResponse takes the answer of a node that an operation was handed over to, also if it is
// not waited for any more. What that node has found out the client is told. Else this node
// sees to it: it hands the operation over to who is at work by now, or takes its turn.
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
		if r.Reason == WindowExpired { // this node knows more of it
			o.forward.until = n.now
		}
		if m.chosenAt.Node == from { // it has been overtaken, and by whom is to be heard yet
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

// settleByResponse answers o if another node has found out what becomes of it.
func (n *Node) settleByResponse(o *operation, r *Reply) bool {
	o.forward.to = 0 // it has answered
	ends := r.Outcome == Committed || r.Outcome == Rejected && r.Final || o.provesNoEffect(r) && (r.Reason == Illegal || r.Reason == VersionMismatch)
	if ends {
		n.respond(o, *r)
	}
	return ends
}

// provesNoEffect reports whether r says of all attempts that were made of o's that nothing came of
// them.
func (o *operation) provesNoEffect(r *Reply) bool {
	return r.Outcome == Rejected && o.forward.firstAttempt && !o.acceptSent
}

// findForwarded is the operation of a list that r is another node's answer to, or nil.
func findForwarded(list []*operation, from ID, r *Reply) *operation {
	for _, o := range list {
		if o.forward.to == from && o.forward.attempt == r.Attempt && o.req.ID == r.ID {
			return o
		}
	}
	return nil
}

// takeForwarded is find, and takes the operation off the list.
func takeForwarded(list *[]*operation, from ID, r *Reply) *operation {
	o := findForwarded(*list, from, r)
	if o != nil {
		*list = slices.DeleteFunc(*list, func(other *operation) bool { return other == o })
	}
	return o
}

// pauseForTurn has this node wait for its turn, since the other node that was at work is not any
// more. A commit ends it.
func (n *Node) pauseForTurn(m *machine) {
	if m.otherActiveUntil = 0; m.round.phase == 0 && m.cachedPromise.IsZero() {
		m.backoffUntil = max(m.backoffUntil, n.now+n.roundsDuration(len(n.cfg.Members)))
	}
}

// requeue has o wait for a round of this node, as a retry, unless it is certain that the
// other node has not carried it out and never will.
func (n *Node) requeue(m *machine, o *operation, certain bool) {
	if certain {
		o.req = o.clientReq
	}
	m.queue = append(m.queue, o)
}

// expireForwarded takes back what no answer has come to in time. The other node is not taken to be
// at work any more.
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

// answerChosen answers an operation of a round that was chosen. If the ring has lost what may
// have become of it at another node, that node alone can tell, and is waited for.
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
