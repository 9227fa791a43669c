package lockstep

import (
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// requestRefused is the observation that the service of a node has answered a request
// by itself: it was not delivered to the node, or the node stops.
type requestRefused struct {
	life   int
	client sim.ID
	reply  *node.Reply
}

// Digest implements sim.Observation.
func (f *requestRefused) Digest() uint64 {
	return keyed.Mix(keyed.String(string(f.reply.ID)), uint64(f.reply.Attempt)<<8|uint64(f.reply.Outcome))
}

func (f *requestRefused) String() string { return "refuses with " + f.reply.String() }

// checkRefused: a request that was delivered to the node is not rejected by its service,
// since it may take effect. A retry that was not delivered is not rejected either, since
// an earlier attempt may. A request that a node had when it stopped stays without an
// answer of the node, which may still propose it while its log is marked.
func (o *oracle) checkRefused(f *requestRefused) *scenarios.Violation {
	r := f.reply
	a := o.operation(o.machine(r.Key), r.ID).attempt(f.client, max(1, r.Attempt))
	delivered := a.waitsAt(o.id) && a.life == f.life
	rejected, stopping := r.Outcome == node.Rejected, r.Reason == node.Stopping
	switch {
	case r.Outcome == node.Committed:
		return o.violation("outcomes", "refused-as-committed", r.Key, "answers %v, and the node has not", r)
	case rejected && delivered && r.Kind == node.Propose:
		return o.violation("outcomes", "refused-after-delivery", r.Key, "answers %v, though the node has the request and may carry it out", r)
	case rejected && a.retry && r.Kind == node.Propose:
		return o.violation("outcomes", "rejected-retry", r.Key, "answers %v, though an earlier attempt may take effect", r)
	}
	o.noteAnswer(o.machine(r.Key), f.client, r)
	a.answered, a.rejected = !delivered || !stopping, rejected
	return nil
}
