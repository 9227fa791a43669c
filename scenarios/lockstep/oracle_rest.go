package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// checkAtRest: at the end of a run no running node keeps more than its machines and its
// log need.
func (r *run) checkAtRest(at scenarios.Duration) *scenarios.Violation {
	running := r.running()
	for _, n := range running {
		o := r.oracle.forNode(at, sim.ID(n))
		p := r.processes[n]
		if p.traffic.disk == nil {
			continue // it has not booted
		}
		if v := r.checkServiceAtRest(o, p); v != nil {
			return v
		}
		if v := o.checkDiskAtRest(p); v != nil {
			return v
		}
		if v := r.checkLeftOver(o); v != nil {
			return v
		}
	}
	return nil
}

// checkLeftOver: a node at rest keeps no machine that does not exist, though clients may
// have read it.
func (r *run) checkLeftOver(o *oracle) *scenarios.Violation {
	if left := r.nodes[o.id].LeftOver(); left != "" && !r.noOracle {
		return o.violation("bounds", "left-over", "", "keeps %s, though it is at rest", left)
	}
	return nil
}

// checkServiceAtRest: no request is without a reply, and no listing but one that goes on; and there
// are no more watches than clients that watch, or have gone without the node's knowledge. A timer stays until it is due: there is one a machine, and three
// more.
func (r *run) checkServiceAtRest(o *oracle, p *process) *scenarios.Violation {
	open := len(p.observers.gone)
	for _, w := range slices.Concat(p.observers.watches, r.movers) {
		if w.ticket != 0 && w.node == p.id && w.life == p.life {
			open++
		}
	}
	listings := 0
	if p.observers.listing.goesOn(p) {
		listings = 1
	}
	u, c := p.service.Use(), p.service.Counters()
	if u.Requests > 0 || u.Listings > listings || u.Watches > open || c.Watchers > open || u.Watched > c.Watchers || u.Timers > p.node.MachineCount()+3 || u.Stale > u.Timers+64 {
		return o.violation("bounds", "left-over", "", "keeps, at the end of the run, %d requests, %d listings, %d timers and %d stale ones, and %d watches, of which %d have not ended and %d receive changes, for %d clients that watch",
			u.Requests, u.Listings, u.Timers, u.Stale, u.Watches, c.Watchers, u.Watched, open)
	}
	return nil
}

// checkDiskAtRest: the disk has no file that the log does not need or keep for reuse,
// and the log keeps no more than twice the length that it may have.
func (o *oracle) checkDiskAtRest(p *process) *scenarios.Violation {
	u := p.node.Use()
	files, err := p.traffic.disk.List()
	if err != nil {
		return nil // its disk has failed
	}
	if len(files) > u.LogFiles {
		return o.violation("bounds", "files", "", "has files %v at the end of the run, and needs %d", files, u.LogFiles)
	}
	live, segment := o.nodes[o.id].mostLive, max(o.nodes[o.id].mostSegment, uint64(p.traffic.node.Segment)) // a segment of an earlier life may still be needed
	if u.LogKept > 2*(live*5/2+6*segment)+2*p.traffic.mostBacklog {
		return o.violation("bounds", "log-kept", "", "keeps %d bytes of its log for records of %d, at most, in segments of %d", u.LogKept, live, segment)
	}
	return nil
}
