package play

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// scheduleFaults schedules the faults of the plan. The heal phase ends the
// remaining ones.
func (s *runner) scheduleFaults() {
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		begin, end := s.actions(f)
		begin, end = s.countHits(f, begin, end)
		until := f.At + f.For
		if f.Kind == scenarios.DiskCrash && f.At == 0 {
			begin() // before the first requests
			continue
		}
		if f.Every == 0 {
			s.scheduleFault(f.At, i, "begin: ", begin)
			s.scheduleFault(until, i, "end: ", end)
			continue
		}
		for at := f.At; at < until; at += 2 * f.Every {
			s.scheduleFault(at, i, "begin: ", begin)
			s.scheduleFault(min(at+f.Every, until), i, "end: ", end)
		}
	}
}

// scheduleFault schedules the begin or the end of the i-th fault; healing cancels
// it.
func (s *runner) scheduleFault(at scenarios.Duration, i int, what string, do func()) {
	words := func() string { return what + s.plan.Faults[i].String() }
	s.world.ScheduleLazy(at, keyed.Mix(uint64(i), uint64(len(what))), words, func() {
		if !s.healed {
			do()
		}
	})
}

// actions returns the actions at the begin and the end of f.
func (s *runner) actions(f *scenarios.Fault) (begin, end func()) {
	net := s.world.Network()
	same := func(g *scenarios.Fault) bool { return g == f }
	switch f.Kind {
	case scenarios.PowerLoss:
		return func() { each(f.Nodes, s.losePower) }, func() { each(f.Nodes, s.start) }
	case scenarios.ProcessCrash:
		return func() { each(f.Nodes, s.crashProcess) }, func() { each(f.Nodes, s.start) }
	case scenarios.Stop:
		return func() { each(f.Nodes, s.stopper(f)) }, func() {} // they start again when they have stopped
	case scenarios.Members:
		return func() { each(f.Nodes, s.changer(f)) }, func() {}
	case scenarios.Wipe:
		return func() { each(f.Nodes, s.wipe) }, func() { each(f.Nodes, s.start) }
	case scenarios.Rollback:
		copies := map[sim.ID]disk.Copy{}
		return func() { each(f.Nodes, s.copyDisk(f.Live, copies)) }, func() { each(f.Nodes, s.restoreDisk(copies)) }
	case scenarios.DiskFailure:
		return func() { s.beginDiskFault(f) }, func() {} // it ends by itself
	case scenarios.DiskCrash:
		return func() { each(f.Nodes, s.crasherAtDisk(f)) }, func() {} // it ends by itself
	case scenarios.Pause:
		return func() { each(f.Nodes, s.pauser(f)) }, func() { each(f.Nodes, s.resumer(f)) }
	case scenarios.Freeze:
		return func() { each(f.Nodes, s.world.StopClock) }, func() { each(f.Nodes, s.world.StartClock) }
	case scenarios.Slow:
		return func() { s.slowFaults = append(s.slowFaults, f); s.applySlowness(f) },
			func() { s.slowFaults = slices.DeleteFunc(s.slowFaults, same); s.applySlowness(f) }
	case scenarios.ProfileOverride:
		return func() { s.profileOverrides = append(s.profileOverrides, f); s.applyProfiles() },
			func() { s.profileOverrides = slices.DeleteFunc(s.profileOverrides, same); s.applyProfiles() }
	case scenarios.Clog:
		links := s.linksOf(f)
		return func() { each(links, s.world.Clog) }, func() { each(links, s.world.Unclog) }
	case scenarios.Refuse:
		links := s.linksOf(f)
		return func() { each(links, net.Refuse) }, func() { each(links, net.Unrefuse) }
	case scenarios.Partition, scenarios.OneWay, scenarios.Cut:
		cuts := f.Cuts()
		return func() { each(cuts, net.Cut) }, func() { each(cuts, net.Uncut) }
	}
	panic(fmt.Sprintf("play: a fault of the kind %q has no effect", f.Kind))
}

// changer has an operator ask a node that is up for a change of members.
func (s *runner) changer(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		if s.world.Up(id) && s.changesMembers {
			s.hits[scenarios.MemberChanges]++
			s.world.Invoke(s.world.Now(), id, &scenarios.ChangeRequest{Fault: f})
		}
	}
}

// linksOf lists the links of a fault: the listed ones, or all.
func (s *runner) linksOf(f *scenarios.Fault) []netmodel.Link {
	if len(f.Links) > 0 {
		return f.Links
	}
	nodes := idsFrom(1, s.plan.Nodes)
	return slices.Concat(netmodel.OneWay(nodes, nodes), s.linksToClients, s.linksFromClients)
}

func (s *runner) pauser(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		s.world.Pause(id)
		if f.Freeze {
			s.world.StopClock(id)
		}
	}
}

func (s *runner) resumer(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		if f.Freeze {
			s.world.StartClock(id)
		}
		s.world.Resume(id)
	}
}

// applySlowness sets the current pace of a fault's nodes: the pace of the latest
// slow fault that is active.
func (s *runner) applySlowness(f *scenarios.Fault) {
	for _, id := range f.Nodes {
		pace := scenarios.Duration(0)
		for _, g := range s.slowFaults {
			if slices.Contains(g.Nodes, id) {
				pace = g.Pace
			}
		}
		s.world.Slow(id, pace)
	}
}

// countHits counts the messages that a fault of links affects while it lasts. Two
// faults at the same time may both count one message. A fault that the heal phase
// ends is not counted. Of restarts it counts each.
func (s *runner) countHits(f *scenarios.Fault, begin, end func()) (func(), func()) {
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

// allHits counts the hits of each family in the run.
func (s *runner) allHits() scenarios.FamilyHits {
	w, stats, h := s.world.Hits(), s.world.Stats(), s.hits
	h[scenarios.Drops], h[scenarios.Bursts], h[scenarios.Delays] = w.Drop, w.Burst, w.Delay
	h[scenarios.Duplicates], h[scenarios.Reorders] = w.Duplicate, w.Reorder
	h[scenarios.Corruption], h[scenarios.Resets], h[scenarios.Gaps] = w.Corrupt, w.Reset, w.Gap
	h[scenarios.Clogs], h[scenarios.Refusals] = w.Clog, w.Refuse
	h[scenarios.PowerLosses], h[scenarios.ProcessCrashes], h[scenarios.Wipes] = stats.PowerLosses, stats.ProcessCrashes, w.Wipe
	h[scenarios.Rollbacks] = w.Rollback
	h[scenarios.Pauses], h[scenarios.Slowness] = w.Pause, w.Slow
	h[scenarios.Batches], h[scenarios.StepTimes] = w.Batch, w.StepTime
	h[scenarios.Breaks] = w.Break
	h[scenarios.Freezes], h[scenarios.Drifts] = w.Freeze, w.Drift
	for f, n := range s.world.DiskHits() {
		if disk.Fault(f).Damages() {
			h[scenarios.DiskDamage] += n
		} else {
			h[scenarios.DiskErrors] += n
		}
	}
	return h
}

// applyProfiles gives every link its current profile: the plan's, or that of the
// latest profile override on it.
func (s *runner) applyProfiles() {
	s.setProfile(nil, s.plan.Network)
	for _, f := range s.profileOverrides {
		s.setProfile(f.Links, *f.Profile)
	}
}

// setProfile changes the profile of some links, or of all.
func (s *runner) setProfile(links []netmodel.Link, p netmodel.Profile) {
	net := s.world.Network()
	if len(links) == 0 {
		net.SetAll(betweenNodes(p))
		net.SetProfiles(s.linksToClients, toClients(p))
		net.SetProfiles(s.linksFromClients, fromClients(p))
		return
	}
	for _, l := range links {
		switch {
		case scenarios.IsClient(l.From):
			net.SetProfile(l, fromClients(p))
		case scenarios.IsClient(l.To):
			net.SetProfile(l, toClients(p))
		default:
			net.SetProfile(l, betweenNodes(p))
		}
	}
}

// betweenNodes is p for the links between nodes. Connections break behind a message
// only to and from clients.
func betweenNodes(p netmodel.Profile) netmodel.Profile {
	p.Break = 0
	return p
}

// fromClients is p for the links from clients. Clients use connections that deliver
// each message at most once and undamaged, so their links duplicate nothing and
// damage no bytes. A connection that breaks behind a request loses the answer.
func fromClients(p netmodel.Profile) netmodel.Profile {
	p.Duplicate, p.Corrupt = 0, 0
	return p
}

// toClients is p for the links to clients. A connection that breaks does so before
// the answer has arrived.
func toClients(p netmodel.Profile) netmodel.Profile {
	p.Duplicate, p.Corrupt = 0, 0
	p.Reset, p.Break = min(p.Reset+p.Break, netmodel.Always), 0
	return p
}
