package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// handsOver: a node hands over what a client waits for there, as the client asked for it,
// and not again before it has an answer; it says so if there may have been an earlier
// attempt, and gives a base to what has none.
func (o *oracle) handsOver(r *node.Request) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	a := o.handable(t, s, r)
	if a == nil {
		return o.violation("outcomes", "wrongly-forwarded", r.Key, "hands %v over, which no client that waits there asks for so", r)
	}
	a.handed, a.ticket = true, r.Attempt
	of, base := a.of, a.base
	there := s.trial(o.id, r.Attempt) // a is not valid any more
	there.of, there.base, there.retry = of, base, r.Retry
	return nil
}

// handable is an attempt that the node under way may hand over as r. If several wait
// there, it is one that says the same of earlier attempts.
func (o *oracle) handable(t *truth, s *operation, r *node.Request) (found *trial) {
	base, err := r.ID.Watermark(r.Key)
	for i := range s.trials {
		a := &s.trials[i]
		q := s.question(a.client, a.attempt)
		waits := a.node == o.id && !a.answered && !o.isNode(a.client)
		based := err == nil && a.base == base && !a.once || a.once && !r.ID.IsOnce() && base <= uint64(len(t.entries))
		same := based && q != nil && q.to == r.To && q.expects == r.Expects && q.expect == r.Expect
		switch first := !a.retry && !t.open(a) && !o.away(s, a); {
		case !waits || !same || a.handed && !s.trial(o.id, a.ticket).answered:
		case first != r.Retry:
			return a
		case r.Retry:
			found = a
		}
	}
	return found
}

// open reports whether what the attempt's node has proposed may take effect. It cannot
// where something was chosen at a higher ballot: nobody goes on from what is below.
func (t *truth) open(a *trial) bool {
	return !a.proposed.IsZero() && !below(a.proposed, t.chosen)
}

// away reports whether the node under way has handed the attempt over, and was not told
// that nothing will come of that.
func (o *oracle) away(s *operation, a *trial) bool {
	return a.handed && !s.trial(o.id, a.ticket).rejected
}

// isNode reports whether who asks is a node, and no client.
func (o *oracle) isNode(id sim.ID) bool { return id <= scenarios.NodeID(o.plan.Nodes) }
