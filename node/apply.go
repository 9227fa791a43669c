package node

import "slices"

// request takes one attempt of a client's operation.
func (n *Node) request(client ID, r *Request) {
	o := &operation{client: client, req: r, deadline: n.now + n.cfg.ConsensusTimeout}
	if r.Kind == ReadLocal && n.machines[r.Key] == nil && n.define(r.Key) != nil {
		n.answer(o, Reply{Outcome: Committed, State: n.define(r.Key).Initial})
		return
	}
	m := n.machine(r.Key)
	switch {
	case n.swamped():
		n.giveUp(o, Overloaded)
	case m == nil:
		n.refuse(o, UnknownDefinition)
	case r.ID == "" || len(r.ID) > MaxOpID || r.Kind < Propose || r.Kind > ReadLocal:
		n.counts.Failed++
	case r.Kind == ReadLocal:
		v := m.base(m.chosen)
		n.answer(o, Reply{Outcome: Committed, State: v.State, Version: v.Version})
	case r.Kind == Read:
		n.counts.Reads++
		n.read(m, o)
	case !m.def.Has(r.To):
		n.refuse(o, UnknownState)
	default:
		n.propose(m, o)
	}
}

// maxBacklog is how much of the log may wait for the disk, in bytes.
const maxBacklog = 64 << 20

// swamped reports whether the disk does not keep up. What comes in then is
// turned away, so that memory stays bounded.
func (n *Node) swamped() bool { return n.log.End()-n.log.Durable() > maxBacklog }

func (n *Node) propose(m *machine, o *operation) {
	n.counts.Proposals++
	if m.chosen != nil {
		if reply, found := recall(m.chosen, o.req.ID); found {
			n.answer(o, reply)
			return
		}
	}
	n.enqueue(m, o)
}

// enqueue has o wait for a round.
func (n *Node) enqueue(m *machine, o *operation) {
	if len(m.queue) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	m.queue = append(m.queue, o)
	n.alarm(m, o.deadline)
	n.advance(m)
}

// apply makes the value that follows from base when the batch is carried out in
// order, and notes what to answer to each operation once it is chosen
// (rule 7).
func (n *Node) apply(m *machine, base *Value, batch []*operation) *Value {
	value := base
	for _, o := range batch {
		value = n.applyOne(m, base, value, o)
	}
	return value
}

// applyOne carries out one operation on value. base is the value that the round
// goes on from, which is not to be changed.
func (n *Node) applyOne(m *machine, base, value *Value, o *operation) *Value {
	r := o.req
	if r.Kind == Read {
		o.result = Reply{Outcome: Committed, State: value.State, Version: value.Version}
		return value
	}
	reply, found := recall(value, r.ID)
	switch {
	case found:
		o.sent = true
		o.result = reply
	case value.Version-uint64(len(value.Recent)) > r.Base: // an entry of it may have left the ring
		o.result = Reply{Outcome: Rejected, Reason: Forgotten, State: value.State, Version: value.Version}
		if o.sent || r.Retry {
			o.result.Outcome = Unknown
		}
	case r.Expects && r.Expect != value.Version:
		o.result = declined(r, value, Mismatch)
	case m.def.Legal(value.State, r.To):
		o.sent = true
		if value == base {
			value = value.clone(n.cfg.Ring)
		}
		value.push(Entry{r.ID, value.State, r.To}, n.cfg.Ring)
		o.result = Reply{Outcome: Committed, State: r.To, Version: value.Version}
	default:
		o.result = declined(r, value, Illegal)
	}
	return value
}

// declined is the answer to an operation that cannot be carried out on value.
// To a retry it would be a lie as long as an earlier attempt may be under way.
func declined(r *Request, value *Value, why Reason) Reply {
	if r.Retry {
		return Reply{Outcome: Unknown, Reason: Retried}
	}
	return Reply{Outcome: Rejected, Reason: why, State: value.State, Version: value.Version}
}

// recall is the recorded result of an operation, if v still has it.
func recall(v *Value, id OpID) (Reply, bool) {
	e, version, found := v.find(id)
	return Reply{Outcome: Committed, State: e.To, Version: version}, found
}

// clone is a copy of v with room for ring entries, to push to.
func (v *Value) clone(ring int) *Value {
	c := &Value{Version: v.Version, State: v.State, Recent: make([]Entry, len(v.Recent), max(ring, len(v.Recent)))}
	copy(c.Recent, v.Recent)
	return c
}

// push adds a transition to a value that nobody else has seen yet.
func (v *Value) push(e Entry, ring int) {
	if drop := len(v.Recent) + 1 - ring; drop > 0 {
		v.Recent = append(v.Recent[:0], v.Recent[drop:]...)
	}
	v.Recent = append(v.Recent, e)
	v.Version++
	v.State = e.To
}

// expire answers what has waited longer than the consensus timeout, in the
// queue and in the round.
func (n *Node) expire(m *machine) {
	m.queue = slices.DeleteFunc(m.queue, func(o *operation) bool {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
		}
		return o.answered
	})
	for _, o := range m.round.batch {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
		}
	}
	for _, list := range [][]*operation{m.queue, m.round.batch} {
		for _, o := range list {
			if !o.answered {
				n.alarm(m, o.deadline)
				break
			}
		}
	}
}

// giveUp answers an operation that was not carried out. That it never will be
// can be said only if no accept with it was sent, and no earlier attempt may be
// under way elsewhere.
func (n *Node) giveUp(o *operation, why Reason) {
	outcome := Rejected
	if o.sent || o.req.Retry {
		outcome = Unknown
	}
	n.answer(o, Reply{Outcome: outcome, Reason: why})
}

// refuse answers an operation that no node would ever carry out.
func (n *Node) refuse(o *operation, why Reason) {
	n.answer(o, Reply{Outcome: Rejected, Reason: why})
}

// answer replies to o's client, once.
func (n *Node) answer(o *operation, reply Reply) {
	if o.answered {
		return
	}
	o.answered, o.result = true, reply
	r := &o.result
	r.Kind, r.Key, r.ID, r.Attempt = o.req.Kind, o.req.Key, o.req.ID, o.req.Attempt
	if r.Outcome == Rejected {
		n.counts.Rejects[r.Reason]++
	}
	n.fact(Fact{Kind: Answered, Key: r.Key, Reply: r})
	n.say(o.client, r, 0)
}
