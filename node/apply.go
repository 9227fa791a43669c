package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// handleRequest takes one attempt of a client's operation.
func (n *Node) handleRequest(client ID, r *Request) {
	o := n.operation(client, r)
	def := n.definitionOf(r.Key)
	switch {
	case n.logBacklogFull():
		n.giveUp(o, Overloaded)
	case def == nil:
		n.handleUndefined(o)
	case r.Kind < Propose || r.Kind > ReadLocal:
		n.counts.Discarded++
	case !o.parseWatermark():
		n.rejectFinal(o, BadRequest)
	case r.Kind == ReadLocal:
		n.respond(o, n.localRead(r.Key, def))
	case r.Kind == Read && n.isPeer(client): // an exchange of that node has come to nothing
		n.enqueue(n.ensureMachine(r.Key), o)
	case r.Kind == Read:
		n.counts.Reads++
		n.read(n.ensureMachine(r.Key), o)
	case !def.Has(r.To) || def.Name == fsm.MetaName && !definesKey(r.Key, r.To):
		n.rejectFinal(o, UnknownState)
	default:
		n.propose(n.ensureMachine(r.Key), o)
	}
}

// operation makes what this node keeps of a request.
func (n *Node) operation(client ID, r *Request) *operation {
	o := n.operations.make()
	*o = operation{client: client, clientReq: r, req: r, deadline: n.now + n.cfg.ConsensusTimeout}
	if n.isPeer(client) { // which has seen that it is none of the entries up to there
		o.absentUpTo = r.Watermark
	}
	return o
}

// parseWatermark reads the base that the operation's id carries. It reports false if the
// id is none for the machine: no node takes it, so no attempt has any effect.
func (o *operation) parseWatermark() bool {
	base, err := o.req.ID.Watermark(o.req.Key)
	o.watermark = base
	return err == nil
}

// handleUndefined takes an operation on a machine whose definition is not known here.
func (n *Node) handleUndefined(o *operation) {
	name, _, err := fsm.SplitKey(o.req.Key)
	if err != nil || o.req.Kind == ReadLocal {
		n.rejectFinal(o, UnknownDefinition)
		return
	}
	n.awaitDefinition(name, waiter{o.client, o.req})
}

// definesKey reports whether the text of a definition has the name that its key says.
func definesKey(key, text string) bool {
	d, err := fsm.Parse(text)
	return text == fsm.Retired || err == nil && metaKey(d.Name) == key
}

// localRead is what this life has learnt of a machine. Of one that it has only
// accepted a value of, as after a restart, it knows that its initial state may be past.
func (n *Node) localRead(key string, def *fsm.Definition) Reply {
	switch m := n.machines[key]; {
	case m == nil:
		return committedReply(initial(def))
	case m.chosen == nil && m.value != nil:
		return Reply{Outcome: Unknown, Reason: NotLearnt}
	default:
		return committedReply(m.valueOrInitial(m.chosen))
	}
}

// maxBacklog is how much of the log may wait for the disk, in bytes.
const maxBacklog = 64 << 20

// logBacklogFull reports whether the disk does not keep up. What comes in then is
// turned away, so that memory stays bounded.
func (n *Node) logBacklogFull() bool { return n.log.End()-n.log.Durable() > maxBacklog }

func (n *Node) propose(m *machine, o *operation) {
	n.counts.Proposals++
	if m.chosen != nil {
		if reply, found := dedupLookup(m.chosen, o.req); found {
			n.mark(MarkDedupHit)
			n.respond(o, reply)
			return
		}
		o.noteAbsent(m.chosen)
	}
	n.enqueue(m, o)
}

// enqueue has o wait for a round.
func (n *Node) enqueue(m *machine, o *operation) {
	n.attachWork(m)
	if len(m.queue)+len(m.forwarded) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	n.scheduleWake(m, o.deadline)
	if n.forward(m, o) {
		return
	}
	m.queue = append(m.queue, o)
	n.startRound(m)
}

// apply makes the value that follows from base when the batch is carried out in
// order, and notes what to answer to each operation once it is chosen
// (rule 7).
func (n *Node) apply(m *machine, base *Value, batch []*operation) *Value {
	value := base
	for _, o := range batch {
		if o.req.Kind == Read {
			o.result = committedReply(value)
			continue
		}
		value = n.applyOne(m, base, value, o)
	}
	return value
}

// applyOne carries out one operation on value, which goes on from base.
func (n *Node) applyOne(m *machine, base, value *Value, o *operation) *Value {
	r := o.req
	if r.ID.IsOnce() && !o.acceptSent { // it is in no value: this is as good a base as any
		o.watermark = value.Serial
	}
	reply, found := dedupLookup(value, r)
	switch {
	case found:
		n.markFound(r, reply)
		o.acceptSent = true
		o.result = reply
	case max(o.watermark, r.Watermark) > value.Serial: // nobody has known that, so nothing else of it counts
		n.mark(MarkWatermarkAhead)
		o.result = rejectedReply(value, WatermarkAhead)
		o.result.Outcome = Unknown
	case r.Expects && r.Expect != value.Version:
		o.result = n.versionMismatch(value, o)
	case !r.Expects && value.lastEvicted() > max(o.watermark, o.absentUpTo): // an entry of it may have left the ring
		o.result = n.windowExpired(value, o)
	case m.def.Legal(value.State, r.To):
		o.acceptSent = true
		return n.applyTransition(m, base, value, o)
	default:
		return n.rejectIllegal(m, value, o)
	}
	return value
}

// applyTransition adds the transition that o asks for.
func (n *Node) applyTransition(m *machine, base, value *Value, o *operation) *Value {
	r, ring := o.req, n.cfg.DedupWindow
	if r.To == fsm.Retired { // nothing will follow: only this round's entries are needed
		ring = int(value.Serial-base.Serial) + 1
	}
	if len(value.Window) >= ring {
		n.mark(MarkDedupWindowOverflow)
	}
	value = value.withEntry(Entry{ID: r.ID, To: m.def.Intern(r.To)}, ring)
	o.result = committedReply(value)
	return value
}

// windowExpired is the answer to an operation of which the ring may have lost the
// entry. Only of a first attempt that was never proposed it is known that there
// was none.
func (n *Node) windowExpired(value *Value, o *operation) Reply {
	reply := rejectedReply(value, WindowExpired)
	if o.acceptSent || o.req.Retry {
		n.mark(MarkWindowExpiredRetry)
		reply.Outcome = Unknown
		return reply
	}
	n.mark(MarkWindowExpired)
	return reply
}

// versionMismatch is the answer to an operation that expects another version than the
// machine is at. There is one way in which it can ever be carried out: as the
// transition from that version to the next. So no void entry is needed, and no base.
func (n *Node) versionMismatch(value *Value, o *operation) Reply {
	reply := rejectedReply(value, VersionMismatch)
	switch r := o.req; {
	case r.Expect > value.Version: // the version may be reached while an earlier attempt is under way
		if r.Retry {
			n.mark(MarkVersionNotReached)
			reply.Outcome = Unknown
			return reply
		}
	case value.windowHasVersion(r.Expect + 1): // another operation has made it
		reply.Final = true
	case o.acceptSent || r.Retry:
		return n.windowExpired(value, o)
	}
	n.mark(MarkVersionMismatch)
	return reply
}

// rejectIllegal turns away an operation that is illegal in value. To say so of a retry
// would be a lie as long as an earlier attempt may be under way: a void entry sees
// to it that no attempt finds the way free, at any node. Void entries are at most
// half of what the ring keeps, so that they do not push out what others need.
// None is needed where it stays illegal: on a machine that nothing leads on from, and
// at the version that the operation expects.
func (n *Node) rejectIllegal(m *machine, value *Value, o *operation) *Value {
	r, ends := o.req, value.State == fsm.Retired || m.def.Name == fsm.MetaName
	if value.State == fsm.Retired {
		n.mark(MarkRetiredMachine)
	}
	o.result = rejectedReply(value, Illegal)
	o.result.Final = r.Retry || r.Expects
	switch {
	case !r.Retry || r.Expects || ends:
		return value
	case value.tombstones() >= max(1, n.cfg.DedupWindow/2):
		n.mark(MarkTombstonesFull)
		o.result.Outcome, o.result.Final = Unknown, false
		return value
	}
	o.acceptSent = true
	n.mark(MarkAbortTombstone)
	value = value.withEntry(Entry{ID: r.ID, To: value.State, Requested: m.def.Intern(r.To), Kind: EntryTombstone}, n.cfg.DedupWindow)
	o.result.Serial = value.Serial
	return value
}

// committedReply is the answer that an operation was carried out and led to v.
func committedReply(v *Value) Reply {
	return Reply{Outcome: Committed, State: v.State, Version: v.Version, Serial: v.Serial}
}

// rejectedReply is the answer that an operation had no effect on v.
func rejectedReply(v *Value, why Reason) Reply {
	return Reply{Outcome: Rejected, Reason: why, State: v.State, Version: v.Version, Serial: v.Serial}
}

// dedupLookup is the recorded result of an operation, if v still has it, or a conflict if
// that is no answer to what r asks. A void entry is one only to the same
// question: to another it may be of a time before that was asked.
func dedupLookup(v *Value, r *Request) (Reply, bool) {
	e, version, serial, found := v.find(r.ID)
	if !found {
		return Reply{}, false
	}
	reply, answers := Reply{State: e.To, Version: version, Serial: serial}, true
	switch e.Kind {
	case EntryTransition:
		answers = e.To == r.To && (!r.Expects || r.Expect == version-1)
	case EntryTombstone:
		reply.Reason, answers = Illegal, e.Requested == r.To && !r.Expects
	case EntryTombstoneIllegal:
		reply.Reason = Illegal
	case EntryTombstoneMismatch:
		reply.Reason = VersionMismatch
	}
	if !answers {
		reply.Reason = IDConflict
	}
	reply.Outcome, reply.Final = Committed, reply.Reason != ""
	if reply.Final {
		reply.Outcome = Rejected
	}
	return reply, true
}

// expireDeadlines answers what has waited longer than the consensus timeout, in the
// queue and in the round.
func (n *Node) expireDeadlines(m *machine) {
	for _, list := range [...]*[]*operation{&m.queue, &m.forwarded} {
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
	for _, list := range [...][]*operation{m.queue, m.forwarded, m.round.batch} {
		for _, o := range list {
			if !o.answered {
				n.scheduleWake(m, o.deadline)
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
	if o.acceptSent || o.req.Retry {
		outcome = Unknown
	}
	n.respond(o, Reply{Outcome: outcome, Reason: why})
}

// rejectFinal answers an operation that no node would ever carry out.
func (n *Node) rejectFinal(o *operation, why Reason) {
	n.respond(o, Reply{Outcome: Rejected, Reason: why, Final: true})
}

// respond replies to o's client, once.
func (n *Node) respond(o *operation, reply Reply) {
	if o.answered {
		return
	}
	o.answered, o.result = true, reply
	if o.definitionLookup != nil {
		n.finishLookup(o.definitionLookup, reply)
		return
	}
	r := &o.result
	r.Kind, r.Key, r.ID, r.Attempt = o.clientReq.Kind, o.clientReq.Key, o.clientReq.ID, o.clientReq.Attempt
	if r.Outcome == Rejected {
		n.counts.rejected(r.Reason)
	}
	n.observe(Observation{Kind: Answered, Key: r.Key, Reply: r, Client: o.client})
	n.sendWhenDurable(o.client, r, 0)
}
