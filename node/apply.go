package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// request takes one attempt of a client's operation.
func (n *Node) request(client ID, r *Request) {
	o := n.operation(client, r)
	def := n.definition(r.Key)
	switch {
	case n.swamped():
		n.giveUp(o, Overloaded)
	case def == nil:
		n.undefined(o)
	case r.ID == "" || len(r.ID) > MaxOpID || r.Kind < Propose || r.Kind > ReadLocal:
		n.counts.Failed++
	case r.Kind == ReadLocal:
		n.answer(o, observed(n.local(r.Key, def)))
	case r.Kind == Read:
		n.counts.Reads++
		n.read(n.machine(r.Key), o)
	case !def.Has(r.To) || def.Name == fsm.Meta && !names(r.Key, r.To):
		n.refuse(o, UnknownState)
	default:
		n.propose(n.machine(r.Key), o)
	}
}

// operation makes what this node keeps of a request.
func (n *Node) operation(client ID, r *Request) *operation {
	o := n.operations.make()
	*o = operation{client: client, req: r, deadline: n.now + n.cfg.ConsensusTimeout}
	return o
}

// undefined takes an operation on a machine whose definition is not known here.
func (n *Node) undefined(o *operation) {
	name, _, err := fsm.SplitKey(o.req.Key)
	if err != nil || o.req.Kind == ReadLocal {
		n.refuse(o, UnknownDefinition)
		return
	}
	n.lookUp(name, waiter{o.client, o.req})
}

// names reports whether the text of a definition has the name that its key says.
func names(key, text string) bool {
	d, err := fsm.Parse(text)
	return text == fsm.Retired || err == nil && metaKey(d.Name) == key
}

// local is what this node has learnt of a machine.
func (n *Node) local(key string, def *fsm.Definition) *Value {
	if m := n.machines[key]; m != nil {
		return m.base(m.chosen)
	}
	return initial(def)
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
			n.mark(MarkKnown)
			n.answer(o, reply)
			return
		}
	}
	n.enqueue(m, o)
}

// enqueue has o wait for a round.
func (n *Node) enqueue(m *machine, o *operation) {
	n.occupy(m)
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
		if o.req.Kind == Read {
			o.result = observed(value)
			continue
		}
		value = n.applyOne(m, base, value, o)
	}
	return value
}

// applyOne carries out one operation on value, which goes on from base.
func (n *Node) applyOne(m *machine, base, value *Value, o *operation) *Value {
	r := o.req
	reply, found := recall(value, r.ID)
	switch {
	case found:
		n.markFound(r, reply)
		o.sent = true
		o.result = reply
	case value.forgot() > r.Base: // an entry of it may have left the ring
		o.result = turnedAway(value, Forgotten)
		if o.sent || r.Retry {
			o.result.Outcome = Unknown
			n.mark(MarkForgottenRetry)
		} else {
			n.mark(MarkForgotten)
		}
	case r.Expects && r.Expect != value.Version:
		n.mark(MarkMismatch)
		return n.decline(value, o, Mismatch, VoidMismatch)
	case m.def.Legal(value.State, r.To):
		o.sent = true
		ring := n.cfg.Ring
		if r.To == fsm.Retired { // nothing will follow: only this round's entries are needed
			ring = int(value.Serial-base.Serial) + 1
		}
		if len(value.Recent) >= ring {
			n.mark(MarkOverflow)
		}
		value = value.with(Entry{r.ID, m.def.Own(r.To), Made}, ring)
		o.result = observed(value)
	default:
		return n.decline(value, o, Illegal, VoidIllegal)
	}
	return value
}

// decline turns away an operation that cannot be carried out on value. To say so
// of a retry would be a lie as long as an earlier attempt may be under way:
// a void entry sees to it that no attempt finds the way free, at any node. A
// retired machine needs none: nothing will ever change it.
func (n *Node) decline(value *Value, o *operation, why Reason, kind EntryKind) *Value {
	r := o.req
	if value.State == fsm.Retired {
		n.mark(MarkRetired)
	}
	if r.Retry && value.State != fsm.Retired {
		o.sent = true
		n.mark(MarkVoid)
		value = value.with(Entry{r.ID, value.State, kind}, n.cfg.Ring)
	}
	o.result = turnedAway(value, why)
	o.result.Final = r.Retry
	return value
}

// observed is the answer that an operation was carried out and led to v.
func observed(v *Value) Reply {
	return Reply{Outcome: Committed, State: v.State, Version: v.Version, Serial: v.Serial}
}

// turnedAway is the answer that an operation had no effect on v.
func turnedAway(v *Value, why Reason) Reply {
	return Reply{Outcome: Rejected, Reason: why, State: v.State, Version: v.Version, Serial: v.Serial}
}

// recall is the recorded result of an operation, if v still has it.
func recall(v *Value, id OpID) (Reply, bool) {
	e, version, serial, found := v.find(id)
	if !found {
		return Reply{}, false
	}
	r := Reply{Outcome: Committed, State: e.To, Version: version, Serial: serial}
	if e.Kind != Made {
		r.Outcome, r.Reason, r.Final = Rejected, Illegal, true
	}
	if e.Kind == VoidMismatch {
		r.Reason = Mismatch
	}
	return r, true
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
	n.markGivenUp(o, why)
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
	if o.lookup != nil {
		n.lookedUp(o.lookup, reply)
		return
	}
	r := &o.result
	r.Kind, r.Key, r.ID, r.Attempt = o.req.Kind, o.req.Key, o.req.ID, o.req.Attempt
	if r.Outcome == Rejected {
		n.counts.rejected(r.Reason)
	}
	n.fact(Fact{Kind: Answered, Key: r.Key, Reply: r})
	n.say(o.client, r, 0)
}
