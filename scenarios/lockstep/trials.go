package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// trial is what is known of one attempt of an operation.
type trial struct {
	client   sim.ID
	attempt  uint32
	of       string // the operation of the plan
	base     uint64 // that its id carries
	retry    bool
	asked    node.ID // that it was sent to
	node     sim.ID  // where it arrived; 0: nowhere yet
	life     int     // of that node
	once     bool    // its id is of a single attempt: its node may give it a base
	serial   uint64  // chosen when it arrived
	answered bool
	rejected bool        // it was answered that it has no effect
	proposed node.Ballot // at which its node has proposed it
	handed   bool        // its node has handed it over
	ticket   uint32      // ... as this attempt
}

// request is an attempt that has arrived at a node.
type request struct {
	key     string
	id      node.OpID
	client  sim.ID
	attempt uint32
}

// trial finds or makes what is known of a client's attempt, counted from 1, of an
// operation.
func (s *operation) trial(client sim.ID, attempt uint32) *trial {
	for i := len(s.trials) - 1; i >= 0; i-- {
		if a := &s.trials[i]; a.attempt == attempt && a.client == client {
			return a
		}
	}
	if s.trials == nil {
		s.trials = s.room[:0]
	}
	s.trials = append(s.trials, trial{client: client, attempt: attempt})
	return &s.trials[len(s.trials)-1]
}

// sending is the fact that a client sends an attempt.
type sending struct {
	operation *scenarios.Operation
	request   *node.Request
	to        node.ID
}

// Digest implements sim.Fact.
func (s *sending) Digest() uint64 {
	return keyed.Mix(keyed.String(s.operation.ID), uint64(s.request.Attempt))
}

func (s *sending) String() string { return "sends " + s.request.String() }

// sends: a client keeps an operation's base, which is a chosen version, and
// admits to earlier attempts, for as long as one of them may take effect
// (rule 7); and it asks no node twice in a row.
func (o *oracle) sends(op *scenarios.Operation, r *node.Request, to node.ID) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	violation := func(class, format string, args ...any) *scenarios.Violation {
		v := o.violation("client", class, r.Key, "")
		v.Sentence = fmt.Sprintf("Client %d sends %v, ", op.Client, r) + fmt.Sprintf(format, args...)
		return v
	}
	if r.ID.Name() != named(op) {
		return violation("other-id", "for operation %s", named(op))
	}
	base, err := r.ID.Watermark(r.Key)
	if err != nil {
		return violation("bad-id", "but %v", err)
	}
	if base > uint64(len(t.entries)) && op.IDScheme == scenarios.SessionID {
		return violation("watermark-not-chosen", "and entry %d is the last that was chosen", len(t.entries))
	}
	client := scenarios.ClientID(op.Client)
	for n := uint32(1); n < r.Attempt && r.Kind == node.Propose; n++ {
		switch was := s.trial(client, n); {
		case was.rejected:
		case !r.Retry:
			return violation("retry-not-marked", "as if for the first time, though attempt %d may take effect", n)
		case was.base != base:
			return violation("watermark-changed", "though attempt %d, which may take effect, has base %d", n, was.base)
		}
	}
	if r.Attempt > 1 && o.plan.Nodes > 1 {
		if was := s.trial(client, r.Attempt-1); was.asked == to && was.of == op.ID {
			return violation("no-failover", "to node %d, as the attempt before", to)
		}
	}
	s.ask(op)
	now := s.trial(client, r.Attempt)
	now.of, now.base, now.retry, now.asked, now.once = op.ID, base, r.Retry, to, r.ID.IsOnce()
	return nil
}

// arrived is the fact that a request has come to a node that is ready for it.
type arrived struct {
	life    int
	client  sim.ID
	request *node.Request
}

// Digest implements sim.Fact.
func (a *arrived) Digest() uint64 {
	return keyed.Mix(keyed.String(string(a.request.ID)), uint64(a.request.Attempt)<<32|uint64(a.life))
}

func (a *arrived) String() string { return "takes " + a.request.String() }

// arrived notes what was chosen before a node could begin with a request.
func (o *oracle) arrived(f *arrived) {
	r := f.request
	t := o.machine(r.Key)
	a := o.operation(t, r.ID).trial(f.client, r.Attempt)
	a.node, a.life, a.serial = o.id, f.life, uint64(len(t.entries))
	if !o.isNode(f.client) { // what a node asks may not be heard
		o.waiting = append(o.waiting, request{r.Key, r.ID, f.client, r.Attempt})
	}
}

// unanswered: a node that stays up answers everything that it is asked. lives
// are those in which the nodes are.
func (o *oracle) unanswered(lives []int) *scenarios.Violation {
	for _, r := range o.waiting {
		if a := o.operation(o.machine(r.key), r.id).trial(r.client, r.attempt); !a.answered && lives[a.node] == a.life {
			o.id = a.node
			return o.violation("liveness", "request-unanswered", r.key, "never answered attempt %d of %s", r.attempt, r.id)
		}
	}
	return nil
}

// adds: what a node adds to a value is what somebody waits for there who has had
// no answer (rule 7).
func (o *oracle) adds(f *node.Observation) *scenarios.Violation {
	t, v := o.machine(f.Key), f.Value
	first := v.Serial - uint64(len(v.Window)) + 1
	if base := t.vote(f.BaseBallot); base != nil && base.value != nil {
		first = max(first, base.value.Serial+1)
	}
	for serial := first; serial <= v.Serial; serial++ {
		e := &v.Window[len(v.Window)-1-int(v.Serial-serial)]
		if most := max(1, o.ring/2); e.Kind != node.EntryTransition && voids(v) > most {
			return o.violation("outcomes", "too-many-tombstones", f.Key, "proposes to turn %s away for good, and has %d void entries for that in %v: %d are the most", e.ID, voids(v), v, most)
		}
		id := e.ID
		waits, last := 0, (*trial)(nil)
		s := o.operation(t, id)
		for i := range s.trials {
			if a := &s.trials[i]; a.node == o.id && !a.answered {
				waits, last = waits+1, a
			}
		}
		switch waits {
		case 0:
			return o.violation("outcomes", "proposed-after-response", f.Key, "proposes %s, for which nobody waits there", id)
		case 1: // of several, which one is carried out cannot be seen
			last.proposed = f.Ballot
		}
	}
	return nil
}

// voids counts the entries of v that are void.
func voids(v *node.Value) (n int) {
	for i := range v.Window {
		if v.Window[i].Kind != node.EntryTransition {
			n++
		}
	}
	return n
}

// honest: an attempt that was proposed is not turned away as if it were not,
// a retry is never told that it had no effect, and what a client is told of is a
// chosen state that is not older than its request (rules 7 and 8).
func (o *oracle) honest(client sim.ID, r *node.Reply) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	a := s.trial(client, max(1, r.Attempt))
	a.answered = true
	q := s.question(client, a.attempt)
	if r.Reason == node.VersionMismatch && (q == nil || !q.expects || q.expect == r.Version) {
		return o.violation("outcomes", "false-mismatch", r.Key, "answers %v to who has asked for %v", r, q)
	}
	if r.Reason == node.Illegal && q != nil && r.State != "" {
		if d, _ := o.plan.Definition(r.Key); d.Legal(r.State, q.to) {
			return o.violation("outcomes", "false-illegal", r.Key, "answers %v, and %s was asked for, which is legal", r, q.to)
		}
	}
	a.rejected = r.Outcome == node.Rejected
	if a.rejected && r.Kind == node.Propose {
		never := r.Reason == node.UnknownDefinition || r.Reason == node.UnknownState
		judged := r.Reason == node.Illegal || r.Reason == node.VersionMismatch || r.Reason == node.IDConflict // by a later round that was chosen
		switch {
		case !r.Final && o.away(s, a):
			return o.violation("outcomes", "rejected-while-forwarded", r.Key, "answers %v, though the node that it handed it over to may carry it out", r)
		case t.open(a) && !judged:
			return o.violation("outcomes", "rejected-after-accept", r.Key, "answers %v, though it has proposed it", r)
		case a.retry && !never && !r.Final:
			return o.violation("outcomes", "rejected-retry", r.Key, "answers %v, though an earlier attempt may take effect", r)
		}
	}
	if r.Final {
		if bad := o.final(t, s, q, r); bad != nil {
			return bad
		}
	}
	if r.State == "" || r.Kind == node.ReadLocal {
		return nil
	}
	if r.Serial > uint64(len(t.entries)) || r.Serial > 0 && (t.entries[r.Serial-1].To != r.State || t.versions[r.Serial-1] != r.Version) {
		return o.violation("outcomes", "unchosen", r.Key, "answers %v, which no chosen value shows", r)
	}
	if (r.Kind == node.Read || r.Outcome == node.Rejected) && r.Serial < a.serial && !r.Final {
		return o.violation("outcomes", "stale", r.Key, "answers %v, though entry %d was chosen before the request arrived", r, a.serial)
	}
	return nil
}
