package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// handleRequest takes one attempt of a client's operation.
func (n *Node) handleRequest(client ID, r *Request) {
	o := n.operation(client, r)
	def := n.definitionOf(r.Key)
	switch {
	case n.logBacklogFull():
		n.giveUp(o, Overloaded)
	case n.draining && n.handBack(o):
	case r.Kind < Propose || r.Kind > ReadLocal:
		n.counts.Discarded++
	case !o.parseWatermark(): // before anybody is asked for a definition
		n.rejectFinal(o, BadRequest)
	case r.Key == configuration.Key: // only the node's owner changes it: see ProposeMembership
		n.rejectFinal(o, BadRequest)
	case def == nil:
		n.handleUndefined(o)
	case r.Kind == ReadLocal:
		n.respond(o, n.localRead(r.Key, def))
	case r.Kind == Read && n.isPeer(client): // forwarded: the peer's read quorum did not agree
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

// operation creates the state of one attempt. Its deadline is ConsensusTimeout
// from now.
func (n *Node) operation(client ID, r *Request) *operation {
	o := n.operations.Make(arenaBlock)
	*o = operation{client: client, clientReq: r, req: r, deadline: n.now + n.cfg.ConsensusTimeout}
	if n.isPeer(client) { // the peer knows that it is absent from the entries up to its watermark
		o.absentUpTo = r.Watermark
	}
	return o
}

// parseWatermark sets the watermark from the operation's id. It reports false if
// the id is invalid for the machine. Every node rejects an invalid id, so no
// attempt has any effect.
func (o *operation) parseWatermark() bool {
	watermark, err := o.req.ID.Watermark(o.req.Key)
	o.watermark = watermark
	return err == nil
}

// handleUndefined handles an operation on a machine with an unknown definition.
func (n *Node) handleUndefined(o *operation) {
	name, _, err := fsm.SplitKey(o.req.Key)
	if err != nil || o.req.Kind == ReadLocal {
		n.rejectFinal(o, UnknownDefinition)
		return
	}
	n.definitions.await(name, waiter{o.client, o.req})
}

// definesKey reports whether text is Retired or a definition with the name in
// key.
func definesKey(key, text string) bool {
	d, err := fsm.Parse(text)
	return text == fsm.Retired || err == nil && metaKey(d.Name) == key
}

// localRead returns the latest value of a machine that this life has learnt. If
// the node has only an accepted value, as after a restart, the outcome is
// unknown: the machine may have left its initial state.
func (n *Node) localRead(key string, def *fsm.Definition) Reply {
	switch m := n.findMachine(key); {
	case m == nil:
		return committedReply(initial(def, n.firstSerial))
	case m.chosen == nil && m.value != nil:
		return Reply{Outcome: Unknown, Reason: NotLearnt}
	default:
		return committedReply(n.valueOrInitial(m, m.chosen))
	}
}

// logBacklogFull reports whether the disk falls behind. The node then drops or
// rejects new work, so that memory stays bounded.
func (n *Node) logBacklogFull() bool { return n.log.End()-n.log.Durable() > wal.LSN(n.cfg.Backlog) }

func (n *Node) propose(m *machine, o *operation) {
	n.counts.Proposals++
	if !n.answerFromChosen(m, o) {
		n.enqueue(m, o)
	}
}

// answerFromChosen responds to o if the latest chosen value that is known has its entry.
// If it has none, that is noted.
func (n *Node) answerFromChosen(m *machine, o *operation) bool {
	if m.chosen == nil {
		return false
	}
	if reply, found := dedupLookup(m.chosen, o); found {
		n.mark(MarkDedupHit)
		n.respond(o, reply)
		return true
	}
	o.noteAbsent(m.chosen)
	return false
}

// enqueue queues o for a round, or forwards it.
func (n *Node) enqueue(m *machine, o *operation) {
	n.attachWork(m)
	if m.waiting() >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	n.scheduleWake(m, o.deadline)
	if n.forward(m, o) {
		return
	}
	invariant.Check(m.waiting() < n.cfg.Queue, "node: the operations that wait are within their limit")
	m.queue = append(m.queue, o)
	n.startRound(m)
}

// apply returns the value that results from carrying out the batch on base, in
// order. It sets the result of each operation, to be sent once the value is
// chosen (rule 7).
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

// applyOne carries out one operation on value. base is the value that the round
// goes on from.
func (n *Node) applyOne(m *machine, base, value *Value, o *operation) *Value {
	r := o.req
	if r.ID.IsOnce() && !o.acceptSent { // in no value so far: the current serial is its watermark
		o.watermark = value.Serial
	}
	reply, found := dedupLookup(value, o)
	switch {
	case found:
		n.markFound(r, reply)
		o.acceptSent = true
		o.result = reply
	case max(o.watermark, r.Watermark) > value.Serial: // no chosen value can have shown that: ignore the rest of the request
		n.mark(MarkWatermarkAhead)
		o.result = rejectedReply(value, WatermarkAhead)
		o.result.Outcome = Unknown
	case r.Expects && r.Expect != value.Version:
		o.result = n.versionMismatch(value, o)
	case !r.Expects && o.mayHaveLeft(value):
		o.result = n.windowExpired(value, o)
	case m.def.Legal(value.State, r.To):
		o.acceptSent = true
		return n.applyTransition(m, base, value, o)
	default:
		return n.rejectIllegal(m, value, o)
	}
	return value
}

// applyTransition adds the transition that o requests.
func (n *Node) applyTransition(m *machine, base, value *Value, o *operation) *Value {
	r, window := o.req, n.cfg.DedupWindow
	invariant.Check(!r.Expects || r.Expect == value.Version, "node: a transition is made from the version that its operation expects")
	if r.To == fsm.Retired { // nothing will follow: keep only this round's entries
		window = int(value.Serial-base.Serial) + 1
	}
	if m.isRegister() { // its texts are long, and each is proposed for one version
		window = 1
	}
	if len(value.Window) >= window {
		n.mark(MarkDedupWindowOverflow)
	}
	value = value.withEntry(Entry{ID: r.ID, To: m.def.Intern(r.To)}, window)
	o.result = committedReply(value)
	return value
}

// windowExpired is the reply to an operation that may have had an entry that left
// the dedup window. It is rejected if it is a first attempt and no accept with it
// was sent: then there was no entry. Else its outcome is unknown.
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

// versionMismatch is the reply to an operation that expects another version than
// the machine's. It can only ever be carried out as the transition from the
// expected version to the next. So it needs no abort tombstone and no watermark.
func (n *Node) versionMismatch(value *Value, o *operation) Reply {
	reply := rejectedReply(value, VersionMismatch)
	switch r := o.req; {
	case r.Expect > value.Version: // the machine may reach it while an earlier attempt is pending
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

// rejectIllegal rejects an operation that is illegal in value. A retry must not
// be rejected while an earlier attempt may still take effect: an abort tombstone
// prevents that, at every node. Tombstones fill at most half of the dedup window,
// so that they do not push out the entries that other operations need. No
// tombstone is needed if the operation stays illegal: on a machine that nothing
// leads on from, and at the version that the operation expects.
func (n *Node) rejectIllegal(m *machine, value *Value, o *operation) *Value {
	r, ends := o.req, value.State == fsm.Retired || m.def.Ends(value.State)
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

// committedReply is the reply to an operation that led to v, or to a read of v.
func committedReply(v *Value) Reply {
	return Reply{Outcome: Committed, State: v.State, Version: v.Version, Serial: v.Serial}
}

// rejectedReply is the reply to an operation that had no effect on v.
func rejectedReply(v *Value, reason Reason) Reply {
	return Reply{Outcome: Rejected, Reason: reason, State: v.State, Version: v.Version, Serial: v.Serial}
}

// dedupLookup returns the recorded result of o if its entry is in v. No value has one
// up to its watermark: o is applied to values that have come to it. The result is an id
// conflict if the entry does not match the request. An abort tombstone
// matches only a request for the same state: it may be older than a request for
// another one.
func dedupLookup(v *Value, o *operation) (Reply, bool) {
	r := o.req
	e, version, serial, found := v.find(r.ID, o.watermark)
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
	switch {
	case !answers:
		o.conflict(v, &reply)
	case reply.Reason != "":
		reply.Outcome, reply.Final = Rejected, true
	default:
		reply.Outcome = Committed
	}
	return reply, true
}

// conflict rejects o in reply, since its id is another request's in v. That is final, but
// for an operation that expects a version which v has not passed: it is carried out there
// if the window has lost the id by then. An earlier attempt may be the one that is, or have
// been carried out before the other request, which expected its version.
func (o *operation) conflict(v *Value, reply *Reply) {
	open := o.req.Expects && o.req.Expect >= v.Version || o.mayHaveLeft(v)
	reply.Reason, reply.Outcome, reply.Final = IDConflict, Rejected, !open
	if open && (o.req.Retry || o.acceptSent) {
		reply.Outcome = Unknown
	}
}

// mayHaveLeft reports whether an entry of o may have left the window of v.
func (o *operation) mayHaveLeft(v *Value) bool {
	if o.req.Expects {
		return o.req.Expect < v.Version && !v.windowHasVersion(o.req.Expect+1)
	}
	return v.lastEvicted() > max(o.watermark, o.absentUpTo)
}

// expireDeadlines responds to the operations that have waited for the consensus
// timeout, in the queue and in the round.
func (n *Node) expireDeadlines(m *machine) {
	for _, list := range [...]*[]*operation{&m.queue, &m.forwarded, &m.readQueue} {
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
	for _, list := range [...][]*operation{m.queue, m.forwarded, m.round.batch, m.readQueue} {
		for _, o := range list {
			if !o.answered { // a returned operation or a read may be older than those before it
				n.scheduleWake(m, o.deadline)
			}
		}
	}
}

// giveUp responds to an operation that was not carried out. It is rejected only
// if no accept with it was sent and it is no retry, since an earlier attempt may
// be pending elsewhere. Else its outcome is unknown.
func (n *Node) giveUp(o *operation, reason Reason) {
	n.markGivenUp(o, reason)
	outcome := Rejected
	if o.acceptSent || o.req.Retry {
		outcome = Unknown
	}
	n.respond(o, Reply{Outcome: outcome, Reason: reason})
}

// rejectFinal rejects an operation that no node would ever carry out.
func (n *Node) rejectFinal(o *operation, reason Reason) {
	n.respond(o, Reply{Outcome: Rejected, Reason: reason, Final: true})
}

// respond sends the reply to o's client, at most once.
func (n *Node) respond(o *operation, reply Reply) {
	if o.answered {
		return
	}
	invariant.Check(reply.Outcome == Committed || reply.Outcome == Rejected || reply.Outcome == Unknown, "node: a reply has an outcome")
	invariant.Check(!o.acceptSent || reply.Outcome != Rejected || reply.Final || o.result.Outcome != Committed, "node: an operation that a round carries as committed is not rejected")
	o.answered, o.result = true, reply
	if o.definitionLookup != nil {
		n.definitions.finishLookup(o.definitionLookup, reply)
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
