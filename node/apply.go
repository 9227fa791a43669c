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
	case r.Kind < Propose || r.Kind > ReadLocal:
		n.counts.Failed++
	case !o.based():
		n.refuse(o, BadRequest)
	case r.Kind == ReadLocal:
		n.answer(o, n.local(r.Key, def))
	case r.Kind == Read && n.foreign(client): // an exchange of that node has come to nothing
		n.enqueue(n.machine(r.Key), o)
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
	*o = operation{client: client, asked: r, req: r, deadline: n.now + n.cfg.ConsensusTimeout}
	if n.foreign(client) { // which has seen that it is none of the entries up to there
		o.absent = r.Base
	}
	return o
}

// based reads the base that the operation's id carries. It reports false if the
// id is none for the machine: no node takes it, so no attempt has any effect.
func (o *operation) based() bool {
	base, err := o.req.ID.Base(o.req.Key)
	o.base = base
	return err == nil
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

// local is what this life has learnt of a machine. Of one that it has only
// accepted a value of, as after a restart, it knows that its initial state may be past.
func (n *Node) local(key string, def *fsm.Definition) Reply {
	switch m := n.machines[key]; {
	case m == nil:
		return observed(initial(def))
	case m.chosen == nil && m.value != nil:
		return Reply{Outcome: Unknown, Reason: NotLearnt}
	default:
		return observed(m.base(m.chosen))
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
		if reply, found := recall(m.chosen, o.req); found {
			n.mark(MarkKnown)
			n.answer(o, reply)
			return
		}
		o.missing(m.chosen)
	}
	n.enqueue(m, o)
}

// enqueue has o wait for a round.
func (n *Node) enqueue(m *machine, o *operation) {
	n.occupy(m)
	if len(m.queue)+len(m.away) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	n.alarm(m, o.deadline)
	if n.handOver(m, o) {
		return
	}
	m.queue = append(m.queue, o)
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
	if r.ID.IsOnce() && !o.sent { // it is in no value: this is as good a base as any
		o.base = value.Serial
	}
	reply, found := recall(value, r)
	switch {
	case found:
		n.markFound(r, reply)
		o.sent = true
		o.result = reply
	case max(o.base, r.Base) > value.Serial: // nobody has known that, so nothing else of it counts
		n.mark(MarkBaseAhead)
		o.result = turnedAway(value, BaseAhead)
		o.result.Outcome = Unknown
	case r.Expects && r.Expect != value.Version:
		o.result = n.mismatched(value, o)
	case !r.Expects && value.forgot() > max(o.base, o.absent): // an entry of it may have left the ring
		o.result = n.forgotten(value, o)
	case m.def.Legal(value.State, r.To):
		o.sent = true
		return n.make(m, base, value, o)
	default:
		return n.decline(m, value, o)
	}
	return value
}

// make adds the transition that o asks for.
func (n *Node) make(m *machine, base, value *Value, o *operation) *Value {
	r, ring := o.req, n.cfg.Ring
	if r.To == fsm.Retired { // nothing will follow: only this round's entries are needed
		ring = int(value.Serial-base.Serial) + 1
	}
	if len(value.Recent) >= ring {
		n.mark(MarkOverflow)
	}
	value = value.with(Entry{ID: r.ID, To: m.def.Own(r.To)}, ring)
	o.result = observed(value)
	return value
}

// forgotten is the answer to an operation of which the ring may have lost the
// entry. Only of a first attempt that was never proposed it is known that there
// was none.
func (n *Node) forgotten(value *Value, o *operation) Reply {
	reply := turnedAway(value, Forgotten)
	if o.sent || o.req.Retry {
		n.mark(MarkForgottenRetry)
		reply.Outcome = Unknown
		return reply
	}
	n.mark(MarkForgotten)
	return reply
}

// mismatched is the answer to an operation that expects another version than the
// machine is at. There is one way in which it can ever be carried out: as the
// transition from that version to the next. So no void entry is needed, and no base.
func (n *Node) mismatched(value *Value, o *operation) Reply {
	reply := turnedAway(value, Mismatch)
	switch r := o.req; {
	case r.Expect > value.Version: // the version may be reached while an earlier attempt is under way
		if r.Retry {
			n.mark(MarkUnreached)
			reply.Outcome = Unknown
			return reply
		}
	case value.tells(r.Expect + 1): // another operation has made it
		reply.Final = true
	case o.sent || r.Retry:
		return n.forgotten(value, o)
	}
	n.mark(MarkMismatch)
	return reply
}

// decline turns away an operation that is illegal in value. To say so of a retry
// would be a lie as long as an earlier attempt may be under way: a void entry sees
// to it that no attempt finds the way free, at any node. Void entries are at most
// half of what the ring keeps, so that they do not push out what others need.
// None is needed where it stays illegal: on a machine that nothing leads on from, and
// at the version that the operation expects.
func (n *Node) decline(m *machine, value *Value, o *operation) *Value {
	r, ends := o.req, value.State == fsm.Retired || m.def.Name == fsm.Meta
	if value.State == fsm.Retired {
		n.mark(MarkRetired)
	}
	o.result = turnedAway(value, Illegal)
	o.result.Final = r.Retry || r.Expects
	switch {
	case !r.Retry || r.Expects || ends:
		return value
	case value.voids() >= max(1, n.cfg.Ring/2):
		n.mark(MarkVoidsFull)
		o.result.Outcome, o.result.Final = Unknown, false
		return value
	}
	o.sent = true
	n.mark(MarkVoid)
	value = value.with(Entry{ID: r.ID, To: value.State, Asked: m.def.Own(r.To), Kind: Void}, n.cfg.Ring)
	o.result.Serial = value.Serial
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

// recall is the recorded result of an operation, if v still has it, or a conflict if
// that is no answer to what r asks. A void entry is one only to the same
// question: to another it may be of a time before that was asked.
func recall(v *Value, r *Request) (Reply, bool) {
	e, version, serial, found := v.find(r.ID)
	if !found {
		return Reply{}, false
	}
	reply, answers := Reply{State: e.To, Version: version, Serial: serial}, true
	switch e.Kind {
	case Made:
		answers = e.To == r.To && (!r.Expects || r.Expect == version-1)
	case Void:
		reply.Reason, answers = Illegal, e.Asked == r.To && !r.Expects
	case VoidIllegal:
		reply.Reason = Illegal
	case VoidMismatch:
		reply.Reason = Mismatch
	}
	if !answers {
		reply.Reason = Conflict
	}
	reply.Outcome, reply.Final = Committed, reply.Reason != ""
	if reply.Final {
		reply.Outcome = Rejected
	}
	return reply, true
}

// expire answers what has waited longer than the consensus timeout, in the
// queue and in the round.
func (n *Node) expire(m *machine) {
	for _, list := range [...]*[]*operation{&m.queue, &m.away} {
		*list = slices.DeleteFunc(*list, func(o *operation) bool {
			if o.deadline <= n.now {
				n.giveUp(o, Timeout)
			}
			return o.answered
		})
	}
	for _, o := range m.round.batch {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
		}
	}
	for _, list := range [...][]*operation{m.queue, m.away, m.round.batch} {
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
	n.answer(o, Reply{Outcome: Rejected, Reason: why, Final: true})
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
	r.Kind, r.Key, r.ID, r.Attempt = o.asked.Kind, o.asked.Key, o.asked.ID, o.asked.Attempt
	if r.Outcome == Rejected {
		n.counts.rejected(r.Reason)
	}
	n.fact(Fact{Kind: Answered, Key: r.Key, Reply: r, Client: o.client})
	n.say(o.client, r, 0)
}
