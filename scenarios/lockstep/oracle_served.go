package lockstep

import "github.com/lockstep-dst/lockstep/scenarios"

// checkServed: when all has come to rest, no client of a running node waits, and the
// node counts no requests.
func (r *run) checkServed(at scenarios.Duration) *scenarios.Violation {
	for _, n := range r.running() {
		p, o := r.processes[n], r.oracle.forNode(at, scenarios.NodeID(n))
		if r.noOracle || p.stopped {
			continue
		}
		for i := range p.calls.open {
			if c := &p.calls.open[i]; !c.abandoned {
				return o.violation("liveness", "call-unanswered", c.request.Key, "has not replied to %v", c.request)
			}
		}
		for _, w := range p.observers.here {
			if w.ticket != 0 && w.life == p.life && !w.begun {
				return o.violation("liveness", "watch-unanswered", "", "has neither begun nor refused a watch")
			}
		}
		if l := &p.observers.listing; l.isOpen(p) && !l.goesOn(p) {
			return o.violation("liveness", "listing-unanswered", "", "has not answered a listing")
		}
		if n := p.service.Counters().Pending; n > 0 {
			return o.violation("bounds", "pending-leaked", "", "counts %d pending requests, though no client waits", n)
		}
	}
	return nil
}
