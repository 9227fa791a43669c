package lockstep

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// These rules judge whether a node keeps to its limits: those that its configuration
// states, and those that the code promises in its comments. A node without limits is
// safe and live until its memory, its disk or its network is full, which no run is long
// enough to show.

// checkUse judges the room that the current node uses at the end of a step, and the
// messages that it has sent so far.
func (r *run) checkUse(o *oracle, step *stepReport) *scenarios.Violation {
	p := r.processes[o.id]
	if v := o.checkQueues(p, step); v != nil {
		return v
	}
	if len(step.sent) > 0 {
		if v := o.checkTraffic(&p.traffic); v != nil {
			return v
		}
	}
	end := p.node.End()
	if len(step.observations) == 0 && end == p.traffic.logEnd { // a member's notes come without observations of the node
		return nil
	}
	p.traffic.logEnd = end
	u := p.node.Use()
	p.traffic.endStep(&u)
	if u.Discarded > 0 {
		return o.violation("bounds", "discarded", "", "has discarded %d messages as malformed, though all nodes are sound", u.Discarded)
	}
	return o.checkLog(&p.traffic, &u)
}

// hasInternalReads reports whether nodes read a machine that no client of the plan reads:
// their services for clients that watch or list, and they themselves definitions.
func (o *oracle) hasInternalReads(key string) bool {
	k := &o.plan.Knobs
	return k.WatchPace > 0 || k.WatchMoves > 0 || k.ListEvery > 0 || len(o.plan.Created) > 0 && strings.HasPrefix(key, fsm.MetaName+"/")
}

// checkQueues: of the machines that requests arrive for, at most Queue operations wait
// for a round or a response. The operations of a failed round return to the queue.
func (o *oracle) checkQueues(p *process, step *stepReport) *scenarios.Violation {
	limit, batch := p.traffic.node.Queue, p.traffic.node.Batch
	for i := range step.arrivals {
		key := step.arrivals[i].request.Key
		w := p.node.Waiting(key)
		returned := 0
		if o.proposer(o.machine(key)).failed {
			returned = batch - w.Round
		}
		if w.Queue-returned > limit || max(w.ReadQueue, w.Reads) > limit || w.Round > batch {
			return o.violation("bounds", "queue", key, "has %d operations of %s in its queue, %d in a round, and %d and %d reads: at most %d may wait, and %d are a batch",
				w.Queue, key, w.Round, w.ReadQueue, w.Reads, limit, batch)
		}
	}
	return nil
}

// checkTraffic: a node sends at most one response to a message, and one commit to each
// other node for a round that has succeeded, and for a rejection that may ask for its value. Repair keeps to its pace.
func (o *oracle) checkTraffic(t *traffic) *scenarios.Violation {
	if what, sent, most := t.unasked(o.plan.Nodes - 1); what != "" {
		return o.violation("bounds", "unasked", "", "has sent %d %s in this life, and there was reason for %d", sent, what, most)
	}
	switch {
	case t.repair.hurried:
		return o.violation("bounds", "repair-hurried", "", "sends a repair request to %d while the one before is unanswered, before the repair delay has passed", t.repair.peer)
	case t.repair.unpaced:
		return o.violation("bounds", "repair-rate", "", "goes on with the exchange with %d before its repair rate, %d bytes a second, permits", t.repair.peer, t.node.RepairRate)
	}
	return nil
}

// checkSentOften: a phase is sent as often as the knobs say, not before the resend
// timeout by the node's clock, which failed rounds double, and to each other node once.
// same reports whether e is of the proposal's phase.
func (o *oracle) checkSentOften(e *proposerState, p *node.Proposal, same bool) *scenarios.Violation {
	k := &o.plan.Knobs
	switch {
	case !same:
		e.sends, e.copies = 1, 1
	case o.now == e.sentAt:
		e.copies++
	case o.now-e.sentAt < o.trueTime(o.id, k.ResendTimeout<<min(e.patience, maxDoublings))-1:
		return o.violation("bounds", "sent-early", p.Key, "sends %v again after %v, though the resend timeout is %v, doubled with each of %d failures", p, o.now-e.sentAt, k.ResendTimeout, e.patience)
	default:
		e.sends, e.copies = e.sends+1, 1
	}
	if e.sends > k.MaxResends+1 || e.copies >= o.plan.Nodes {
		return o.violation("bounds", "sent-often", p.Key, "sends %v %d times, the last time to %d nodes: %d resends to %d nodes are allowed", p, e.sends, e.copies, k.MaxResends, o.plan.Nodes-1)
	}
	return nil
}

// checkBatch: a round adds at most Batch entries, and its value has at most DedupWindow.
func (o *oracle) checkBatch(t *machineTruth, f *node.Observation) *scenarios.Violation {
	v, before := f.Value, o.firstSerial()
	if base := t.ballot(f.BaseBallot); base != nil && base.value != nil {
		before = base.value.Serial
	} else if !f.BaseBallot.IsZero() {
		return nil
	}
	n := &o.nodes[o.id]
	if added := v.Serial - before; added > uint64(n.batch) || added > 0 && len(v.Window) > n.dedupWindow { // a value that is not extended is proposed as it is

		return o.violation("bounds", "batch", f.Key, "proposes %v with %d entries, %d of them new: at most %d and %d are allowed", v, len(v.Window), added, n.dedupWindow, n.batch)
	}
	return nil
}

// checkLog: the log of a node is as short as node/compact.go promises for the most that
// it has needed at a time, in all lives. For each byte that is appended two are copied to
// keep it short, and the rest of the last record. A life that ends before its trim is
// durable leaves all that it has appended and copied to the next one.
func (o *oracle) checkLog(t *traffic, u *node.Use) *scenarios.Violation {
	n := &o.nodes[o.id]
	appended, copied := u.Appended-t.appended, u.Copied-t.copied
	if !t.logged {
		t.logged, n.untrimmed, n.written = true, n.untrimmed+n.written, 0
	}
	t.appended, t.copied, n.written = u.Appended, u.Copied, u.Appended+u.Copied
	n.mostLive = max(n.mostLive, u.Live)
	n.mostSegment = max(n.mostSegment, uint64(t.node.Segment)) // segments of an earlier life may be larger
	live, segment := n.mostLive, n.mostSegment
	if u.LogLength <= live*2+4*segment {
		n.untrimmed = 0
	}
	switch {
	case u.LogLength > live*5/2+6*segment+3*(appended+u.Pending)+n.untrimmed:
		return o.violation("bounds", "log-length", "", "needs %d bytes of its log for records of %d, at most, in segments of %d", u.LogLength, live, segment)
	case copied > 2*appended+u.LastCopy:
		return o.violation("bounds", "log-copied", "", "copies %d bytes forward in its log, the last record of %d, and has appended %d: two for each are allowed", copied, u.LastCopy, appended)
	}
	return nil
}

// trueTime returns the least true time in which the clock of a node advances by d, within
// a nanosecond.
func (o *oracle) trueTime(id sim.ID, d scenarios.Duration) scenarios.Duration {
	if int(id) > len(o.plan.Clocks) {
		return d
	}
	rate := scenarios.Duration(million + int64(o.plan.Clocks[id-1].Drift))
	return d/rate*million + d%rate*million/rate
}

// localTime returns the least time by which the clock of a node that runs advances in a
// true time d, within two nanoseconds.
func (o *oracle) localTime(id sim.ID, d scenarios.Duration) scenarios.Duration {
	if int(id) > len(o.plan.Clocks) {
		return d
	}
	rate := scenarios.Duration(million + int64(o.plan.Clocks[id-1].Drift))
	return d/million*rate + d%million*rate/million - 2
}

const million = 1_000_000

// waitingRequests are the requests that wait at a node for an answer, in order.
type waitingRequests struct {
	life         int
	list         []waitingRequest
	lastAnswered waitingRequest
	answeredAt   scenarios.Duration
}

type waitingRequest struct {
	id      node.OpID
	kind    node.Kind
	client  sim.ID
	attempt uint32
	at      scenarios.Duration
	known   bool // its node knew the definition
	entry   bool // it may make an entry in the initial state: see oracle.mayMakeEntry
}

// noteWaiting notes that a request has arrived at the current node.
func (o *oracle) noteWaiting(t *machineTruth, f *requestArrived) {
	w := &t.waiting[o.id]
	if w.life != f.life {
		w.life, w.list = f.life, w.list[:0]
	}
	w.list = append(w.list, waitingRequest{f.request.ID, f.request.Kind, f.client, f.request.Attempt, o.now, f.known, o.mayMakeEntry(f)})
}

// noteAnswer removes the request that r answers from those that wait. It returns the
// request and its place; -1 if none was delivered to the node.
func (o *oracle) noteAnswer(t *machineTruth, client sim.ID, r *node.Reply) (w waitingRequest, at int) {
	list := &t.waiting[o.id].list
	at = slices.IndexFunc(*list, func(w waitingRequest) bool {
		return w.client == client && w.attempt == r.Attempt && w.id.Name() == r.ID.Name()
	})
	if at >= 0 {
		w = (*list)[at]
		*list = slices.Delete(*list, at, at+1)
		if last := &t.waiting[o.id]; w.entry {
			last.lastAnswered, last.answeredAt = w, o.now
		}
		if x := &o.nodes[o.id].overtaken; x.violation != nil && x.older == w {
			x.violation = nil
		}
	}
	return w, at
}

// checkAnswerInTime: a request is answered within the consensus timeout by its node's
// clock. It is refused for want of room only if the queue is full. An operation of a
// round is not answered before an older one that could have been in the same round.
func (o *oracle) checkAnswerInTime(t *machineTruth, client sim.ID, r *node.Reply) *scenarios.Violation {
	w, at := o.noteAnswer(t, client, r)
	if at < 0 {
		return nil
	}
	timeouts := scenarios.Duration(1)
	if !w.known { // it may wait for the end of a read of its definition, and for another read
		timeouts = 3
	}
	if most := o.trueTime(o.id, timeouts*o.plan.Knobs.ConsensusTimeout) + rounding + timeouts*2*o.plan.Steps.Time; o.now-w.at > most && !o.impaired(w.at) {
		return o.violation("bounds", "answered-late", r.Key, "answers %v after %v, though the consensus timeout is %v", r, o.now-w.at, o.plan.Knobs.ConsensusTimeout)
	}
	if !w.known {
		return o.checkDefinitionRead(w, r)
	}
	rest := t.waiting[o.id].list
	if r.Reason == node.Overloaded { // see also process.Observe
		if o.hasInternalReads(r.Key) || o.plan.Knobs.Backlog > 0 { // a log that falls behind takes no requests
			return nil
		}
		for w.kind == node.Propose && len(rest) > at && rest[len(rest)-1].at != w.at { // of a step's requests the order is not known
			rest = rest[:len(rest)-1]
		}
		if queue := o.nodes[o.id].queue; len(rest) < queue {
			return o.violation("bounds", "refused-early", r.Key, "answers %v, though %d requests wait: there is room for %d", r, len(rest), queue)
		}
		return nil
	}
	return o.checkOvertaken(t, w, rest[:at], r)
}

// rounding is the time by which an answer in time may seem late: the readings of the
// node's clock and the true times of both ends are whole nanoseconds.
const rounding = 4

// checkOvertaken: see checkAnswerInTime. Operations that were forwarded have another
// place in the queue when they return, and requests of nodes may not have been admitted.
// Of several attempts of an operation at the node, the oracle cannot see which one was
// forwarded.
func (o *oracle) checkOvertaken(t *machineTruth, w waitingRequest, older []waitingRequest, r *node.Reply) *scenarios.Violation {
	if w.kind != node.Propose || r.Outcome != node.Committed || len(older) == 0 {
		return nil
	}
	chosen := o.proposer(t).chosen
	if a := o.operation(t, w.id).attempt(w.client, w.attempt); chosen.IsZero() || a.proposed != chosen {
		return nil
	}
	for _, x := range older {
		if x.kind == node.Propose && x.known && x.at < w.at && scenarios.IsClient(x.client) && !o.operation(t, x.id).forwardedFrom(o.id) {
			o.nodes[o.id].overtaken = overtaken{x, o.now, o.violation("bounds", "overtaken", r.Key, "answers %v, though attempt %d of %s has waited in the same queue since %v", r, x.attempt, x.id, x.at)}
			return nil
		}
	}
	return nil
}

// forwardedFrom reports whether a node has forwarded an attempt of the operation.
func (s *operation) forwardedFrom(id sim.ID) bool {
	return slices.ContainsFunc(s.attempts, func(a attemptState) bool { return a.forwarded && a.arrivedAt == id })
}

// overtaken is a request that a younger one of its queue has overtaken, unless it is
// answered before time advances: both may be of one round.
type overtaken struct {
	older     waitingRequest
	since     scenarios.Duration
	violation *scenarios.Violation // nil: none
}

// checkOvertakenAnswered: see overtaken.
func (o *oracle) checkOvertakenAnswered() *scenarios.Violation {
	x := &o.nodes[o.id].overtaken
	if x.violation == nil || x.since == o.now {
		return nil
	}
	v := x.violation
	x.violation = nil
	return v
}
