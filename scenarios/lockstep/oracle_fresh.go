package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// checkFreshCosts: a node asks for a promise of a machine that nobody has accepted a value
// of only for an operation that may make an entry. A read, or a first attempt that is
// illegal in the initial state, is answered without one, and so leaves nothing on any
// disk.
func (o *oracle) checkFreshCosts(t *machineTruth, p *node.Proposal) *scenarios.Violation {
	w := &t.waiting[o.id]
	if t.everAccepted || p.Key == configuration.Key || p.Phase != node.Prepare || slices.ContainsFunc(w.list, func(w waitingRequest) bool { return w.entry || o.isProposed(t, w) }) {
		return nil
	}
	if w.lastAnswered.entry && w.answeredAt == o.now { // in the step in which its service stops, after its node has taken it
		return nil
	}
	return o.violation("bounds", "fresh-costs", p.Key, "sends %v, though nobody has accepted a value of the machine, and no operation waits that may make an entry", p)
}

// isProposed reports whether the current node has sent an accept with a request's entry,
// which was legal after the entry of another: it may be accepted yet.
func (o *oracle) isProposed(t *machineTruth, w waitingRequest) bool {
	return slices.Contains(t.proposed[o.id], proposedAttempt{w.id, w.client, w.attempt})
}

// mayMakeEntry reports whether a request may make an entry in the initial state of its
// machine: a transition, or the abort tombstone of a retry. Of what another node has
// forwarded, that node knows more.
func (o *oracle) mayMakeEntry(f *requestArrived) bool {
	r := f.request
	if !scenarios.IsClient(f.client) {
		return true
	}
	watermark, err := r.ID.Watermark(r.Key)
	if r.Kind != node.Propose || err != nil || max(watermark, r.Watermark) > o.plan.Knobs.FirstSerial || r.Expects && r.Expect > 0 {
		return false
	}
	d, known := o.definition(r.Key)
	if !known || !d.Has(d.Initial) || d.Legal(d.Initial, r.To) {
		return true
	}
	return r.Retry && !r.Expects && !d.Ends(d.Initial)
}
