package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// attemptState is the ground truth of one attempt of an operation.
type attemptState struct {
	client         sim.ID
	number         uint32
	planOp         string // id of the operation in the plan
	watermark      uint64 // carried by the attempt's id
	retry          bool
	sentTo         node.ID // node that it was sent to
	arrivedAt      sim.ID  // node that it arrived at; 0: none yet
	life           int     // life of that node
	singleAttempt  bool    // the id is of a single attempt: its node may give it a watermark
	arrivalSerial  uint64  // last serial chosen when it arrived
	defined        bool    // its machine's definition was chosen, or configured, when it arrived
	answered       bool
	request        *node.Request // as its client has sent it; nil: not known
	reply          *node.Reply   // of its node; nil: none
	rejected       bool          // it was answered: rejected
	claimed        uint64        // carried by a request that a node has forwarded: its operation is in no chosen value up to this serial
	expects        bool          // it is carried out at an expected version only
	proposed       node.Ballot   // ballot at which its node has proposed it
	absent         absence       // once it was proposed
	forwarded      bool          // its node has forwarded it
	forwardAttempt uint32        // number of the forwarded attempt
	neverSent      bool          // its client was told that it was never sent
	refuted        bool          // its client knows that it has no effect
}

// pendingAttempt is an attempt that has arrived at a node.
type pendingAttempt struct {
	key     string
	id      node.OpID
	client  sim.ID
	attempt uint32
}

// attempt returns the record of a client's attempt, counted from 1; it makes one if
// there is none.
func (s *operation) attempt(client sim.ID, attempt uint32) *attemptState {
	for i := len(s.attempts) - 1; i >= 0; i-- {
		if a := &s.attempts[i]; a.number == attempt && a.client == client {
			return a
		}
	}
	if s.attempts == nil {
		s.attempts = s.attemptBuf[:0]
	}
	s.attempts = append(s.attempts, attemptState{client: client, number: attempt})
	return &s.attempts[len(s.attempts)-1]
}

// requestSent is the observation that a client sends an attempt.
type requestSent struct {
	operation *scenarios.Operation
	request   *node.Request
	to        node.ID
}

// Digest implements sim.Observation.
func (s *requestSent) Digest() uint64 {
	return keyed.Mix(keyed.String(s.operation.ID), uint64(s.request.Attempt))
}

func (s *requestSent) String() string { return "sends " + s.request.String() }

// checkRequest: a client keeps an operation's watermark, which is a chosen serial, and
// marks its requests as retries, for as long as an earlier attempt may take effect
// (rule 7). It sends no two attempts in a row to the same node.
func (o *oracle) checkRequest(op *scenarios.Operation, r *node.Request, to node.ID) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	violation := func(class, format string, args ...any) *scenarios.Violation {
		v := o.violation("client", class, r.Key, "")
		v.Sentence = fmt.Sprintf("Client %d sends %v, ", op.Client, r) + fmt.Sprintf(format, args...)
		return v
	}
	if r.ID.Name() != operationName(op) {
		return violation("other-id", "for operation %s", operationName(op))
	}
	watermark, err := r.ID.Watermark(r.Key)
	if err != nil {
		return violation("bad-id", "but %v", err)
	}
	if watermark > uint64(len(t.entries)) && op.IDScheme == scenarios.SessionID {
		return violation("watermark-not-chosen", "though entry %d is the last that was chosen", len(t.entries))
	}
	client := scenarios.ClientID(op.Client)
	for n := uint32(1); n < r.Attempt && r.Kind == node.Propose; n++ {
		switch was := s.attempt(client, n); {
		case was.refuted:
		case !r.Retry:
			return violation("retry-not-marked", "as if for the first time, though attempt %d may take effect", n)
		case was.watermark != watermark:
			return violation("watermark-changed", "though attempt %d, which may take effect, has watermark %d", n, was.watermark)
		}
	}
	if r.Attempt > 1 && o.plan.Nodes > 1 {
		if was := s.attempt(client, r.Attempt-1); was.sentTo == to && was.planOp == op.ID {
			return violation("no-failover", "to node %d, as the attempt before", to)
		}
	}
	o.invoke(s, op)
	now := s.attempt(client, r.Attempt)
	now.request = r
	now.planOp, now.watermark, now.retry, now.sentTo, now.singleAttempt = op.ID, watermark, r.Retry, to, r.ID.IsOnce()
	return nil
}

// requestArrived is the observation that a request has arrived at a ready node.
type requestArrived struct {
	life    int
	client  sim.ID
	request *node.Request
	known   bool // the node knows the definition of the machine
}

// Digest implements sim.Observation.
func (a *requestArrived) Digest() uint64 {
	return keyed.Mix(keyed.String(string(a.request.ID)), uint64(a.request.Attempt)<<32|uint64(a.life))
}

func (a *requestArrived) String() string { return "receives " + a.request.String() }

// noteArrival notes the last serial that was chosen before a node could begin with
// a request, whose client was not told that it was never sent.
func (o *oracle) noteArrival(f *requestArrived) *scenarios.Violation {
	r := f.request
	t := o.machine(r.Key)
	a := o.operation(t, r.ID).attempt(f.client, r.Attempt)
	if a.neverSent {
		return o.neverSentArrived(f.client, r)
	}
	if a.request != nil && !isSame(a.request, r) {
		return o.violation("wire", "request-changed", r.Key, "takes %+v, and its client has sent %+v", *r, *a.request)
	}
	a.arrivedAt, a.life, a.arrivalSerial = o.id, f.life, uint64(len(t.entries))
	a.defined, a.retry = o.isDefined(r.Key), r.Retry
	a.expects, a.absent = r.Expects, absence{}
	o.noteWaiting(t, f)
	if !scenarios.IsClient(f.client) {
		a.claimed = r.Watermark
	} else { // an answer to a node may be lost
		o.pending = append(o.pending, pendingAttempt{r.Key, r.ID, f.client, r.Attempt})
	}
	return nil
}

// isSame reports whether a node takes the request that its client has sent. Of a read HTTP
// does not carry whether it is a retry: no effect depends on it.
func isSame(sent, taken *node.Request) bool {
	s := *sent
	if s.Kind != node.Propose && !taken.Retry {
		s.Retry = false
	}
	return s == *taken
}

// checkUnanswered: a node that stays up answers every request. lives has the current
// life of each node, by id; 0 if it has stopped.
func (o *oracle) checkUnanswered(lives []int) *scenarios.Violation {
	for _, r := range o.pending {
		if a := o.operation(o.machine(r.key), r.id).attempt(r.client, r.attempt); !a.answered && lives[a.arrivedAt] == a.life {
			o.id = a.arrivedAt
			return o.violation("liveness", "request-unanswered", r.key, "has not answered attempt %d of %s", r.attempt, r.id)
		}
	}
	return nil
}

// waitsAt reports whether the attempt has reached a node, and has no response there.
func (a *attemptState) waitsAt(id sim.ID) bool { return a.arrivedAt == id && !a.answered }

// checkAddedEntries: each entry that a node adds to a value is of an operation that has
// an attempt there without a response (rule 7). At most half of the dedup window are
// abort tombstones.
func (o *oracle) checkAddedEntries(f *node.Observation) *scenarios.Violation {
	t, v := o.machine(f.Key), f.Value
	first := v.Serial - uint64(len(v.Window)) + 1
	if base := t.ballot(f.BaseBallot); base != nil && base.value != nil {
		first = max(first, base.value.Serial+1)
	}
	for serial := first; serial <= v.Serial; serial++ {
		e := &v.Window[len(v.Window)-1-int(v.Serial-serial)]
		if most := max(1, o.nodes[o.id].dedupWindow/2); e.Kind != node.EntryTransition && tombstones(v) > most {
			return o.violation("outcomes", "too-many-tombstones", f.Key, "proposes an abort tombstone for %s, with %d abort tombstones in %v: at most %d are allowed", e.ID, tombstones(v), v, most)
		}
		id := e.ID
		waiting, last := 0, (*attemptState)(nil)
		s := o.operation(t, id)
		for i := range s.attempts {
			if a := &s.attempts[i]; a.waitsAt(o.id) {
				waiting, last = waiting+1, a
			}
		}
		switch waiting {
		case 0:
			return o.violation("outcomes", "proposed-after-response", f.Key, "proposes %s, though no request for it waits there", id)
		case 1: // of several attempts, the oracle cannot see which one is carried out
			if v := o.checkAbsence(t, f, e, serial, last); v != nil {
				return v
			}
		default: // each may be, or find the entry of the other: then it may take effect as well
			for i := range s.attempts {
				if a := &s.attempts[i]; a.waitsAt(o.id) {
					o.trackProposed(t, proposedAttempt{id, a.client, a.number})
				}
			}
		}
	}
	return nil
}

// tombstones counts the abort tombstones of v.
func tombstones(v *node.Value) (n int) {
	for i := range v.Window {
		if v.Window[i].Kind != node.EntryTransition {
			n++
		}
	}
	return n
}

// checkReply: an attempt that was proposed is not rejected as if it were not. A retry is
// rejected only finally, or because the node does not know the definition or the state.
// A state in a reply is chosen and not older than the request (rules 7 and 8).
func (o *oracle) checkReply(client sim.ID, r *node.Reply) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	a := s.attempt(client, max(1, r.Attempt))
	a.answered, a.reply = true, r
	q := s.invocation(client, a.number)
	if v := o.checkUnknown(a, q, r); v != nil {
		return v
	}
	if v := o.checkQuotaReply(a, r); v != nil {
		return v
	}
	if r.Reason == node.VersionMismatch && (q == nil || !q.expects || q.expect == r.Version) {
		return o.violation("outcomes", "false-mismatch", r.Key, "answers %v to a request for %v", r, q)
	}
	if r.Reason == node.Illegal && q != nil && r.State != "" {
		if d, _ := o.definition(r.Key); d.Legal(r.State, q.to) {
			return o.violation("outcomes", "false-illegal", r.Key, "answers %v, though a transition to %s was requested, which is legal", r, q.to)
		}
	}
	a.rejected = r.Outcome == node.Rejected
	if a.rejected && r.Kind == node.Propose {
		never := r.Reason == node.UnknownDefinition || r.Reason == node.UnknownState
		judged := r.Reason == node.Illegal || r.Reason == node.VersionMismatch || r.Reason == node.IDConflict // by a later chosen round
		switch {
		case !r.Final && o.forwardPending(s, a):
			return o.violation("outcomes", "rejected-while-forwarded", r.Key, "answers %v, though the node that it was forwarded to may carry it out", r)
		case a.mayTakeEffect() && !judged:
			return o.violation("outcomes", "rejected-after-accept", r.Key, "answers %v, though it has proposed it", r)
		case a.retry && !never && !r.Final:
			return o.violation("outcomes", "rejected-retry", r.Key, "answers %v, though an earlier attempt may take effect", r)
		}
	}
	if r.Final {
		if bad := o.checkFinal(t, s, q, r); bad != nil {
			return bad
		}
	}
	if r.State == "" || r.Kind == node.ReadLocal {
		return nil
	}
	if r.Serial > uint64(len(t.entries)) || r.Serial < o.firstSerial() || r.Serial > o.firstSerial() && (t.entries[r.Serial-1].To != r.State || t.versions[r.Serial-1] != r.Version) {
		return o.violation("outcomes", "unchosen", r.Key, "answers %v, which no chosen value shows", r)
	}
	if (r.Kind == node.Read || r.Outcome == node.Rejected) && r.Serial < a.arrivalSerial && !r.Final {
		return o.violation("outcomes", "stale", r.Key, "answers %v, though entry %d was chosen before the request arrived", r, a.arrivalSerial)
	}
	return nil
}
