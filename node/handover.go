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

// handed is what is known of an operation's way to another node.
type handed struct {
	to     ID            // that has not answered yet; 0: none
	ticket uint32        // the attempt that the other node was asked for
	until  time.Duration // so long it may be handed over, and an answer is waited for; 0: it never was
	first  bool          // the other node was told that there is no earlier attempt
}

// sees takes note of who is at work on m, until when: a node that carries out more than the
// entries up to known, which were known here or waited here.
func (m *machine) sees(c *Commit, known uint64, until time.Duration) {
	if m.chosenAt == c.Ballot && c.Value.Serial > known {
		m.rival = until
	}
}

// holder is the other node that is at work on m: the one that has committed last, a while
// ago at most, and above what this node has lost. It is 0 if there is none, if this node is
// at work itself, and as long as it has lost no round since it last won one: where nobody is
// in the way of others, an operation is carried out where it was asked for.
func (n *Node) holder(m *machine) ID {
	own := m.failures == 0 || m.round.phase != 0 || !m.cache.IsZero()
	if id := m.chosenAt.Node; !own && n.now < m.rival && m.lost.Less(m.chosenAt) && n.foreign(id) {
		return id
	}
	return 0
}

// handOver hands o over to the node that is at work on its machine. It reports false if
// there is none, or if this node has to see to o by itself.
func (n *Node) handOver(m *machine, o *operation) bool {
	to, h := n.holder(m), &o.handed
	if to == 0 || n.member(o.client) >= 0 || h.until != 0 && n.now >= h.until || !o.portable(m) {
		return false
	}
	n.mark(MarkHandedOver)
	n.tickets++
	h.to, h.ticket, h.first = to, n.tickets, !o.req.Retry && !o.sent
	if h.until == 0 {
		h.until = n.now + n.cfg.RetryDelay
	}
	there, here := *o.req, *o.req
	there.Attempt, there.Retry, there.Base = h.ticket, !h.first, max(o.base, o.absent)
	here.Retry = here.Retry || here.Kind == Propose
	o.req = &here
	m.away = append(m.away, o)
	n.say(to, &there, 0)
	n.alarm(m, h.until)
	return true
}

// portable sees to it that another node can take o, knowing what this one knows: of which
// entries it is none. An operation that has had no base until now is given one, by an id
// that carries it, unless it was proposed under the other.
func (o *operation) portable(m *machine) bool {
	if o.req.Base > max(o.base, o.absent) { // nobody may know that
		return false
	}
	if !o.req.ID.IsOnce() {
		return true
	}
	if o.sent || len(o.req.ID.Name()) > MaxOpName {
		return false
	}
	r := *o.req
	o.base, o.absent = m.chosen.Serial, 0
	r.ID = Stamp(r.Key, o.base, r.ID.Name())
	o.req = &r
	return true
}

// yield has nothing wait for a round of this node that can be left to another one which is
// at work: its clients' operations are handed over, those of other nodes handed back.
func (n *Node) yield(m *machine) {
	if n.holder(m) == 0 {
		return
	}
	m.queue = slices.DeleteFunc(m.queue, func(o *operation) bool {
		return n.handOver(m, o) || n.handBack(o)
	})
}

// handBack answers another node that its operation is not seen to. It reports false if
// there is none, or o may take effect.
func (n *Node) handBack(o *operation) bool {
	if !n.foreign(o.client) || o.sent {
		return false
	}
	n.mark(MarkOvertaken)
	n.giveUp(o, StaleBallot)
	return true
}

// foreign reports whether id is another node's.
func (n *Node) foreign(id ID) bool { return id != n.cfg.ID && n.member(id) >= 0 }

// handedBack takes the answer of a node that an operation was handed over to, also if it is
// not waited for any more. What that node has found out the client is told. Else this node
// sees to it: it hands the operation over to who is at work by now, or takes its turn.
func (n *Node) handedBack(from ID, r *Reply) {
	m := n.known(r.Key)
	if m == nil || m.work == nil {
		return
	}
	o := take(&m.away, from, r)
	if o == nil {
		n.mark(MarkHandedBackLate)
		o = take(&m.queue, from, r)
	}
	if o != nil && !n.settles(o, r) {
		n.mark(MarkHandedBack)
		n.takeBack(m, o, o.certain(r))
		if r.Reason == Forgotten { // this node knows more of it
			o.handed.until = n.now
		}
		if m.chosenAt.Node == from { // it has been overtaken, and by whom is to be heard yet
			n.hold(m)
		}
		n.yield(m)
	}
	if o = find(m.round.batch, from, r); o != nil {
		n.settles(o, r)
	}
	n.advance(m)
	n.rest(m)
}

// settles answers o if another node has found out what becomes of it.
func (n *Node) settles(o *operation, r *Reply) bool {
	o.handed.to = 0 // it has answered
	ends := r.Outcome == Committed || r.Outcome == Rejected && r.Final || o.certain(r) && (r.Reason == Illegal || r.Reason == Mismatch)
	if ends {
		n.answer(o, *r)
	}
	return ends
}

// certain reports whether r says of all attempts that were made of o's that nothing came of
// them.
func (o *operation) certain(r *Reply) bool {
	return r.Outcome == Rejected && o.handed.first && !o.sent
}

// find is the operation of a list that r is another node's answer to, or nil.
func find(list []*operation, from ID, r *Reply) *operation {
	for _, o := range list {
		if o.handed.to == from && o.handed.ticket == r.Attempt && o.req.ID == r.ID {
			return o
		}
	}
	return nil
}

// take is find, and takes the operation off the list.
func take(list *[]*operation, from ID, r *Reply) *operation {
	o := find(*list, from, r)
	if o != nil {
		*list = slices.DeleteFunc(*list, func(other *operation) bool { return other == o })
	}
	return o
}

// hold has this node wait for its turn, since the other node that was at work is not any
// more. A commit ends it.
func (n *Node) hold(m *machine) {
	if m.rival = 0; m.round.phase == 0 && m.cache.IsZero() {
		m.pause = max(m.pause, n.now+n.turns(len(n.cfg.Members)))
	}
}

// takeBack has o wait for a round of this node, as a retry, unless it is certain that the
// other node has not carried it out and never will.
func (n *Node) takeBack(m *machine, o *operation, certain bool) {
	if certain {
		o.req = o.asked
	}
	m.queue = append(m.queue, o)
}

// tendAway takes back what no answer has come to in time. The other node is not taken to be
// at work any more.
func (n *Node) tendAway(m *machine) {
	m.away = slices.DeleteFunc(m.away, func(o *operation) bool {
		if n.now < o.handed.until {
			n.alarm(m, o.handed.until)
			return false
		}
		n.mark(MarkNotHandedBack)
		m.rival = 0
		n.takeBack(m, o, false)
		return true
	})
}

// conclude answers an operation of a round that was chosen. If the ring has lost what may
// have become of it at another node, that node alone can tell, and is waited for.
func (n *Node) conclude(m *machine, o *operation) {
	if o.answered || o.handed.to == 0 || o.result.Outcome != Unknown || o.result.Reason != Forgotten {
		n.answer(o, o.result)
		return
	}
	n.mark(MarkOnlyThere)
	o.handed.until = o.deadline
	m.away = append(m.away, o)
	n.alarm(m, o.deadline)
}
