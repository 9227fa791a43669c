package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// checkForward: a node forwards an operation only while a client waits for it there, as
// the client requested it, and not again before the forward is answered. The forwarded
// request is a retry if an earlier attempt may take effect. An id of a single attempt
// gets a watermark.
func (o *oracle) checkForward(client sim.ID, r *node.Request) *scenarios.Violation {
	t := o.machine(r.Key)
	s := o.operation(t, r.ID)
	if client == 0 { // a read of the service itself
		remote := s.attempt(o.id, r.Attempt)
		remote.planOp, remote.retry = "read of the service", r.Retry
		return nil
	}
	a := o.forwardable(t, s, r)
	if a == nil {
		return o.violation("outcomes", "wrongly-forwarded", r.Key, "forwards %v, though no client that waits there has requested exactly that", r)
	}
	a.forwarded, a.forwardAttempt = true, r.Attempt
	planOp, watermark := a.planOp, a.watermark
	remote := s.attempt(o.id, r.Attempt) // this invalidates a
	remote.planOp, remote.watermark, remote.retry = planOp, watermark, r.Retry
	return nil
}

// checkForwardSent: a node sends the requests that it has observed itself to forward,
// and no other.
func (o *oracle) checkForwardSent(r *node.Request) *scenarios.Violation {
	if a := o.operation(o.machine(r.Key), r.ID).attempt(o.id, r.Attempt); a.planOp == "" || a.retry != r.Retry {
		return o.violation("outcomes", "unobserved-forward", r.Key, "sends %v, which is not as it was forwarded", r)
	}
	return nil
}

// forwardable returns the attempt that the current node may forward as r, or nil. If r is
// no retry, it is an attempt with no earlier one that may take effect. If r is a retry,
// an attempt with an earlier one is preferred.
func (o *oracle) forwardable(t *machineTruth, s *operation, r *node.Request) (found *attemptState) {
	watermark, err := r.ID.Watermark(r.Key)
	for i := range s.attempts {
		a := &s.attempts[i]
		q := s.invocation(a.client, a.number)
		waits := a.waitsAt(o.id) && scenarios.IsClient(a.client)
		watermarkOK := err == nil && a.watermark == watermark && !a.singleAttempt || a.singleAttempt && !r.ID.IsOnce() && watermark <= uint64(len(t.entries))
		same := watermarkOK && q != nil && q.to == r.To && q.expects == r.Expects && q.expect == r.Expect
		switch first := !a.retry && !a.mayTakeEffect() && !o.forwardPending(s, a); {
		case !waits || !same || a.forwarded && !s.attempt(o.id, a.forwardAttempt).answered:
		case first != r.Retry:
			return a
		case r.Retry:
			found = a
		}
	}
	return found
}

// forwardPending reports whether the current node has forwarded the attempt and has not
// received a rejection of it.
func (o *oracle) forwardPending(s *operation, a *attemptState) bool {
	return a.forwarded && !s.attempt(o.id, a.forwardAttempt).rejected
}
