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
	base     uint64
	retry    bool
	node     sim.ID // where it arrived; 0: nowhere yet
	life     int    // of that node
	version  uint64 // chosen when it arrived
	answered bool
	rejected bool // it was answered that it has no effect
	proposed bool // its node has proposed it
}

// request is an attempt that has arrived at a node.
type request struct {
	key     string
	id      node.OpID
	attempt uint32
}

// trial finds or makes what is known of an attempt, counted from 1.
func (t *truth) trial(id node.OpID, attempt uint32) *trial {
	list := t.trials[id]
	for uint32(len(list)) < attempt {
		list = append(list, trial{})
	}
	t.trials[id] = list
	return &list[attempt-1]
}

// sending is the fact that a client sends an attempt.
type sending struct {
	operation *scenarios.Operation
	request   *node.Request
}

// Digest implements sim.Fact.
func (s *sending) Digest() uint64 {
	return keyed.Mix(keyed.String(s.operation.ID), uint64(s.request.Attempt))
}

func (s *sending) String() string { return "sends " + s.request.String() }

// sends: a client keeps an operation's base, which is a chosen version, and
// admits to earlier attempts, for as long as one of them may take effect
// (rule 7).
func (o *oracle) sends(op *scenarios.Operation, r *node.Request) *scenarios.Violation {
	t := o.machine(r.Key)
	violation := func(class, format string, args ...any) *scenarios.Violation {
		v := o.violation("client", class, r.Key, "")
		v.Sentence = fmt.Sprintf("Client %d sends %v, ", op.Client, r) + fmt.Sprintf(format, args...)
		return v
	}
	if string(r.ID) != op.ID {
		return violation("other-id", "for operation %s", op.ID)
	}
	if r.Base > uint64(len(t.entries)) {
		return violation("base-not-chosen", "and version %d is the last that was chosen", len(t.entries))
	}
	for n := uint32(1); n < r.Attempt && r.Kind == node.Propose; n++ {
		switch was := t.trial(r.ID, n); {
		case was.rejected:
		case !r.Retry:
			return violation("retry-hidden", "as if for the first time, though attempt %d may take effect", n)
		case was.base != r.Base:
			return violation("base-restamped", "though attempt %d, which may take effect, has base %d", n, was.base)
		}
	}
	now := t.trial(r.ID, r.Attempt)
	now.base, now.retry = r.Base, r.Retry
	return nil
}

// arrived is the fact that a request has come to a node that is ready for it.
type arrived struct {
	life    int
	request *node.Request
}

// Digest implements sim.Fact.
func (a *arrived) Digest() uint64 {
	return keyed.Mix(keyed.String(string(a.request.ID)), uint64(a.request.Attempt)<<32|uint64(a.life))
}

func (a *arrived) String() string { return "takes " + a.request.String() }

// arrived notes what was chosen before a node could begin with a request.
func (o *oracle) arrived(life int, r *node.Request) {
	t := o.machine(r.Key)
	a := t.trial(r.ID, r.Attempt)
	a.node, a.life, a.version = o.id, life, uint64(len(t.entries))
	o.waiting = append(o.waiting, request{r.Key, r.ID, r.Attempt})
}

// unanswered: a node that stays up answers everything that it is asked. lives
// are those in which the nodes are.
func (o *oracle) unanswered(lives []int) *scenarios.Violation {
	for _, r := range o.waiting {
		if a := o.machine(r.key).trial(r.id, r.attempt); !a.answered && lives[a.node] == a.life {
			o.id = a.node
			return o.violation("liveness", "request-unanswered", r.key, "never answered attempt %d of %s", r.attempt, r.id)
		}
	}
	return nil
}

// adds: what a node adds to a value is what somebody waits for there who has had
// no answer (rule 7).
func (o *oracle) adds(f *node.Fact) *scenarios.Violation {
	t, v := o.machine(f.Key), f.Value
	first := v.Version - uint64(len(v.Recent)) + 1
	if base := t.values[f.Base]; base != nil && base.value != nil {
		first = max(first, base.value.Version+1)
	}
	for version := first; version <= v.Version; version++ {
		id := v.Recent[len(v.Recent)-1-int(v.Version-version)].ID
		var waiting []*trial
		for i := range t.trials[id] {
			if a := &t.trials[id][i]; a.node == o.id && !a.answered {
				waiting = append(waiting, a)
			}
		}
		switch len(waiting) {
		case 0:
			return o.violation("outcomes", "proposed-after-answer", f.Key, "proposes %s, for which nobody waits there", id)
		case 1: // of several, which one is carried out cannot be seen
			waiting[0].proposed = true
		}
	}
	return nil
}

// honest: an attempt that was proposed is not turned away as if it were not,
// a retry is never told that it had no effect, and what a client is told of is a
// chosen state that is not older than its request (rules 7 and 8).
func (o *oracle) honest(r *node.Reply) *scenarios.Violation {
	t := o.machine(r.Key)
	a := t.trial(r.ID, max(1, r.Attempt))
	a.answered = true
	if r.Outcome == node.Rejected && r.Kind == node.Propose {
		a.rejected = true
		never := r.Reason == node.UnknownDefinition || r.Reason == node.UnknownState
		judged := r.Reason == node.Illegal || r.Reason == node.Mismatch // by a later round that was chosen
		switch {
		case a.proposed && !judged:
			return o.violation("outcomes", "rejected-sent", r.Key, "answers %v, though it has proposed it", r)
		case a.retry && !never:
			return o.violation("outcomes", "rejected-retry", r.Key, "answers %v, though an earlier attempt may take effect", r)
		}
	}
	if r.State == "" || r.Kind == node.ReadLocal {
		return nil
	}
	if r.Version > uint64(len(t.entries)) || r.Version > 0 && t.entries[r.Version-1].To != r.State {
		return o.violation("outcomes", "unchosen", r.Key, "answers %v, which no chosen value shows", r)
	}
	if (r.Kind == node.Read || r.Outcome == node.Rejected) && r.Version < a.version {
		return o.violation("outcomes", "stale", r.Key, "answers %v, though version %d was chosen before the request arrived", r, a.version)
	}
	return nil
}
