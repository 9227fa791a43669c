package campaign

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// scheduleFaults puts the fault timeline into the world. The heal phase ends
// what is still going on.
func (s *stage) scheduleFaults() {
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		begin, end := s.actions(f)
		begin, end = s.counted(f, begin, end)
		over := f.At + f.For
		if f.Every == 0 {
			s.schedule(f.At, i, "begin: ", begin)
			s.schedule(over, i, "end: ", end)
			continue
		}
		for at := f.At; at < over; at += 2 * f.Every {
			s.schedule(at, i, "begin: ", begin)
			s.schedule(min(at+f.Every, over), i, "end: ", end)
		}
	}
}

// schedule has the i-th fault begin or end, unless all are over by then.
func (s *stage) schedule(at scenarios.Duration, i int, what string, do func()) {
	words := func() string { return what + s.plan.Faults[i].String() }
	s.world.ScheduleLazy(at, keyed.Mix(uint64(i), uint64(len(what))), words, func() {
		if !s.healed {
			do()
		}
	})
}

// actions says what f does when it begins and when it ends.
func (s *stage) actions(f *scenarios.Fault) (begin, end func()) {
	net := s.world.Network()
	same := func(g *scenarios.Fault) bool { return g == f }
	switch f.Kind {
	case scenarios.PowerLoss:
		return func() { each(f.Nodes, s.crash) }, func() { each(f.Nodes, s.start) }
	case scenarios.ProcessCrash:
		return func() { each(f.Nodes, s.kill) }, func() { each(f.Nodes, s.start) }
	case scenarios.Wipe:
		return func() { each(f.Nodes, s.wipe) }, func() { each(f.Nodes, s.start) }
	case scenarios.Rollback:
		copies := map[sim.ID]sim.DiskCopy{}
		return func() { each(f.Nodes, s.copier(f.Live, copies)) }, func() { each(f.Nodes, s.restorer(copies)) }
	case scenarios.DiskFailure:
		return func() { s.badDisk(f) }, func() {} // it ends by itself
	case scenarios.Pause:
		return func() { each(f.Nodes, s.pauser(f)) }, func() { each(f.Nodes, s.resumer(f)) }
	case scenarios.Freeze:
		return func() { each(f.Nodes, s.world.StopClock) }, func() { each(f.Nodes, s.world.StartClock) }
	case scenarios.Slow:
		return func() { s.slows = append(s.slows, f); s.slow(f) },
			func() { s.slows = slices.DeleteFunc(s.slows, same); s.slow(f) }
	case scenarios.ProfileOverride:
		return func() { s.storms = append(s.storms, f); s.weather() },
			func() { s.storms = slices.DeleteFunc(s.storms, same); s.weather() }
	case scenarios.Clog:
		links := s.links(f)
		return func() { each(links, s.world.Clog) }, func() { each(links, s.world.Unclog) }
	case scenarios.Refuse:
		links := s.links(f)
		return func() { each(links, net.Refuse) }, func() { each(links, net.Unrefuse) }
	}
	cuts := f.Cuts()
	return func() { each(cuts, net.Cut) }, func() { each(cuts, net.Uncut) }
}

// links are those of a fault that names some, or means all.
func (s *stage) links(f *scenarios.Fault) []netmodel.Link {
	if len(f.Links) > 0 {
		return f.Links
	}
	nodes := idsFrom(1, s.plan.Nodes)
	return slices.Concat(netmodel.OneWay(nodes, nodes), s.clientLinks)
}

func (s *stage) pauser(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		s.world.Pause(id)
		if f.Freeze {
			s.world.StopClock(id)
		}
	}
}

func (s *stage) resumer(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		if f.Freeze {
			s.world.StartClock(id)
		}
		s.world.Resume(id)
	}
}

// slow gives the nodes of a fault the pace that they have now: that of the last
// such fault that began and goes on.
func (s *stage) slow(f *scenarios.Fault) {
	for _, id := range f.Nodes {
		pace := scenarios.Duration(0)
		for _, g := range s.slows {
			if slices.Contains(g.Nodes, id) {
				pace = g.Pace
			}
		}
		s.world.Slow(id, pace)
	}
}

// counted counts what a fault that shuts links costs while it lasts: messages, of
// which two at the same time may claim the same. What the heal phase ends is not
// counted. Of restarts it counts each.
func (s *stage) counted(f *scenarios.Fault, begin, end func()) (func(), func()) {
	family := scenarios.Flaps
	switch f.Kind {
	case scenarios.Partition:
		family = scenarios.Partitions
	case scenarios.OneWay:
		family = scenarios.OneWays
	case scenarios.Cut:
		family = scenarios.Cuts
	case scenarios.Clog, scenarios.Refuse:
	case scenarios.PowerLoss, scenarios.ProcessCrash:
		if f.Every == 0 {
			return begin, end
		}
		return func() { s.hits[scenarios.Restarts]++; begin() }, end
	default:
		return begin, end
	}
	count := func() uint64 { h := s.world.Hits(); return h.Cut + h.Clog + h.Refuse }
	var since uint64
	return func() { since = count(); begin() }, func() {
		cost := count() - since
		if family != scenarios.Flaps {
			s.hits[family] += cost
		}
		if f.Every != 0 {
			s.hits[scenarios.Flaps] += cost
		}
		end()
	}
}

// allHits is what each family has done in the run.
func (s *stage) allHits() scenarios.FamilyHits {
	w, stats, h := s.world.Hits(), s.world.Stats(), s.hits
	h[scenarios.Drops], h[scenarios.Bursts], h[scenarios.Delays] = w.Drop, w.Burst, w.Delay
	h[scenarios.Duplicates], h[scenarios.Reorders] = w.Duplicate, w.Reorder
	h[scenarios.Corruption], h[scenarios.Resets], h[scenarios.Gaps] = w.Corrupt, w.Reset, w.Gap
	h[scenarios.Clogs], h[scenarios.Refusals] = w.Clog, w.Refuse
	h[scenarios.PowerLosses], h[scenarios.ProcessCrashes], h[scenarios.Wipes] = stats.PowerLosses, stats.ProcessCrashes, w.Wipe
	h[scenarios.Rollbacks] = w.Rollback
	h[scenarios.Pauses], h[scenarios.Slowness] = w.Pause, w.Slow
	h[scenarios.Freezes], h[scenarios.Drifts] = w.Freeze, w.Drift
	for f, n := range s.world.DiskHits() {
		if sim.DiskFault(f).Damages() {
			h[scenarios.DiskDamage] += n
		} else {
			h[scenarios.DiskErrors] += n
		}
	}
	return h
}

// weather gives every link the profile that it has now: the plan's, or that of
// the weather that began last on it.
func (s *stage) weather() {
	s.setProfile(nil, s.plan.Network)
	for _, f := range s.storms {
		s.setProfile(f.Links, *f.Profile)
	}
}

// setProfile changes the profile of some links, or of all. Clients speak over
// connections that deliver what they are given at most once and undamaged, so their
// links duplicate nothing and leave bytes alone.
func (s *stage) setProfile(links []netmodel.Link, p netmodel.Profile) {
	net := s.world.Network()
	once := p
	once.Duplicate, once.Corrupt = 0, 0
	if len(links) == 0 {
		net.SetAll(p)
		net.SetProfiles(s.clientLinks, once)
		return
	}
	for _, l := range links {
		if l.From > 100 || l.To > 100 {
			net.SetProfile(l, once)
		} else {
			net.SetProfile(l, p)
		}
	}
}
