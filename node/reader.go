package node

import "time"

// reader is a node's part as the reader of one machine. A read needs one round
// trip if a majority reports the same accepted ballot: what it accepted is then
// chosen, and nothing later was chosen before the request was sent, since that
// majority would have a member that reports it (rule 8).
type reader struct {
	waiting  []*operation // for the next exchange
	exchange exchange
}

// exchange is one round of requests and reports. Operations that arrive while
// it is under way wait for the next, which is sent after they arrived.
type exchange struct {
	id       ReadID // zero: none
	batch    []*operation
	reported members
	ballots  [MaxMembers]Ballot
	values   [MaxMembers]*Value
	until    time.Duration // then a round decides
}

func (n *Node) read(m *machine, o *operation) {
	n.occupy(m)
	if len(m.waiting) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	m.waiting = append(m.waiting, o)
	n.beginExchange(m)
}

func (n *Node) beginExchange(m *machine) {
	x := &m.exchange
	if x.id != (ReadID{}) || len(m.waiting) == 0 {
		return
	}
	n.reads++
	n.counts.Exchanges++
	batch := append(x.batch[:0], m.waiting...)
	clear(m.waiting)
	m.waiting = m.waiting[:0]
	*x = exchange{
		id: ReadID{n.cfg.ID, n.boot, n.reads}, batch: batch,
		until: n.now + n.cfg.RetryDelay,
	}
	req := n.requests.make()
	*req = ReadRequest{Key: m.key, Read: x.id, First: x.batch[0].req.ID}
	for _, id := range n.cfg.Members {
		n.say(id, req, 0)
	}
	n.alarm(m, x.until)
}

func (n *Node) readReport(from ID, r *ReadReport) {
	m := n.known(r.Key)
	if r.Read.Node != n.cfg.ID || m == nil && n.define(r.Key) == nil || m != nil && !n.holdable(m, r.Accepted, r.Value) {
		n.counts.Failed++
		return
	}
	if m == nil || m.work == nil {
		return // it is late
	}
	x, i := &m.exchange, n.member(from)
	if x.id != r.Read || x.reported.has(i) {
		return
	}
	x.reported.add(i)
	x.ballots[i], x.values[i] = r.Accepted, r.Value
	same, most := n.tally(x)
	switch {
	case same >= 0 && most >= n.majority:
		if v := x.values[same]; v != nil {
			n.learn(m, x.ballots[same], v)
		}
		n.mark(MarkReadAgreed)
		n.endExchange(m, m.base(x.values[same]))
		n.rest(m)
	case most+len(n.cfg.Members)-x.reported.len() < n.majority:
		n.mark(MarkReadDiffered)
		n.escalate(m)
	}
}

// tally finds the ballot that most members have reported, by one of them.
func (n *Node) tally(x *exchange) (same, most int) {
	same = -1
	for i := range n.cfg.Members {
		if !x.reported.has(i) {
			continue
		}
		count := 0
		for j := range n.cfg.Members {
			if x.reported.has(j) && x.ballots[j] == x.ballots[i] {
				count++
			}
		}
		if count > most {
			same, most = i, count
		}
	}
	return same, most
}

func (n *Node) endExchange(m *machine, v *Value) {
	x := &m.exchange
	for _, o := range x.batch {
		n.answer(o, observed(v))
	}
	clear(x.batch)
	*x = exchange{batch: x.batch[:0]}
	n.beginExchange(m)
}

// escalate has a round decide: an accept of the same value, if nothing else is
// to do.
func (n *Node) escalate(m *machine) {
	x := &m.exchange
	batch := x.batch
	*x = exchange{}
	for _, o := range batch {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
			continue
		}
		n.counts.Identity++
		n.enqueue(m, o)
	}
	n.beginExchange(m)
}

// tendReads gives up waiting for reports.
func (n *Node) tendReads(m *machine) {
	x := &m.exchange
	switch {
	case x.id == (ReadID{}):
	case n.now < x.until:
		n.alarm(m, x.until)
	default:
		n.mark(MarkReadLate)
		n.escalate(m)
	}
}
