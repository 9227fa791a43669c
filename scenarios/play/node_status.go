package play

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// nodeStatus is the runner's knowledge of a node.
type nodeStatus struct {
	life          int              // of the current life
	code          sim.Process      // of the current or last life
	downFaults    int              // power losses and process crashes that hold it down
	awaitsRestart bool             // it has stopped by itself and waits for its operator
	downForGood   bool             // it refuses its disk, or its peers reject it, for good
	lostPromises  bool             // its disk has lost its promises
	rejectedLife  int              // the life in which it has learnt so
	stoppingLife  int              // the life that was asked to stop; 0: none
	stop          *scenarios.Fault // for which it was asked
}

// losePower, crashProcess and start count, like cuts of links: a node that two
// faults hold down is up again after both.
func (s *runner) losePower(id sim.ID) {
	s.nodes[id].downFaults++
	s.world.LosePower(id)
}

func (s *runner) crashProcess(id sim.ID) {
	s.nodes[id].downFaults++
	if s.world.Up(id) {
		s.world.CrashProcess(id)
	}
}

// crasherAtDisk has a node crash, and restart at once, when its disk comes to the moment
// of f.
func (s *runner) crasherAtDisk(f *scenarios.Fault) func(sim.ID) {
	crash := s.losePower
	if f.Crash == scenarios.ProcessCrash {
		crash = s.crashProcess
	}
	number := keyed.Mix(uint64(f.At), keyed.String(string(f.Op)))
	return func(id sim.ID) {
		words := func() string { return fmt.Sprintf("node %d: %v", id, f) }
		s.world.WatchDisk(id, f.Moment(), s.faultEnd(f), keyed.Mix(number, uint64(id)), words, func() {
			if s.healed || s.nodes[id].downForGood {
				return
			}
			s.hits[scenarios.DiskCrashes]++
			crash(id)
			s.start(id)
		})
	}
}

// wipe cuts a node's power and empties its disk.
func (s *runner) wipe(id sim.ID) {
	s.losePower(id)
	if !s.nodes[id].downForGood && s.takeLoss(id, false) {
		s.world.Wipe(id)
		s.noteDiskLoss(id)
	}
}

// copyDisk copies the disks of nodes, which restart unless they are copied live.
func (s *runner) copyDisk(live bool, copies map[sim.ID]disk.Copy) func(sim.ID) {
	return func(id sim.ID) {
		f, ok := s.run.(scenarios.DiskLossObserver)
		switch {
		case !ok:
			return
		case live:
			copies[id] = s.world.CopyDisk(id)
			f.DiskCopied(id)
			return
		}
		s.losePower(id)
		copies[id] = s.world.CopyDisk(id)
		f.DiskCopied(id)
		s.start(id)
	}
}

// restoreDisk restarts a node with a copy in the place of its disk, if the others
// can detect it.
func (s *runner) restoreDisk(copies map[sim.ID]disk.Copy) func(sim.ID) {
	return func(id sim.ID) {
		f, ok := s.run.(scenarios.DiskLossObserver)
		if l := &s.nodes[id]; !ok || l.downForGood || l.lostPromises || !f.MayRestore(id) || !s.takeLoss(id, false) {
			return
		}
		s.losePower(id)
		s.world.RestoreDisk(id, copies[id])
		s.noteDiskLoss(id)
		s.start(id)
	}
}

// takeLoss reports whether a node's disk may be lost: if the members change, the run knows.
func (s *runner) takeLoss(id sim.ID, damaged bool) bool {
	run, ok := s.run.(scenarios.Reconfigurer)
	return !s.changesMembers || s.nodes[id].lostPromises || ok && run.TakeLoss(id, damaged)
}

// noteDiskLoss records that a node's disk has lost the node's promises.
func (s *runner) noteDiskLoss(id sim.ID) {
	s.nodes[id].lostPromises = true
	if f, ok := s.run.(scenarios.DiskLossObserver); ok {
		f.DiskLost(id)
	}
}

// onIncarnationRejected handles a node that has learnt from a majority of its peers
// that it has lost its promises. The node stops for good.
func (s *runner) onIncarnationRejected(at scenarios.Duration, id sim.ID) {
	l := &s.nodes[id]
	if !l.lostPromises {
		s.violate(&scenarios.Violation{
			Property: "availability", Class: "incarnation-rejected", At: at,
			Sentence: fmt.Sprintf("Node %d stops for lost promises, though its disk has lost nothing", id),
		})
		return
	}
	if l.rejectedLife == l.life {
		return
	}
	l.rejectedLife = l.life
	number := l.life
	s.world.Schedule(at, fmt.Sprintf("node %d ends: it has lost what it promised", id), func() {
		if !s.nodes[id].downForGood && s.world.Up(id) && s.nodes[id].life == number {
			s.crashProcess(id)
			s.nodes[id].downForGood = true
		}
	})
}

// onMemberRemoved ends a node that is no member any more, for good.
func (s *runner) onMemberRemoved(at scenarios.Duration, id sim.ID) {
	number := s.nodes[id].life
	s.world.Schedule(at, fmt.Sprintf("node %d ends: it is no member any more", id), func() {
		if s.world.Up(id) && s.nodes[id].life == number {
			s.crashProcess(id)
			s.nodes[id].downForGood = true
		}
	})
}

// leaveOut ends the nodes that are no members, for good, if the members may change.
func (s *runner) leaveOut() {
	out, ok := s.run.(scenarios.Outsider)
	if !ok || !s.changesMembers {
		return
	}
	for n := 1; n <= s.plan.Nodes; n++ {
		if id := scenarios.NodeID(n); out.LeaveOut(id) {
			s.world.LosePower(id)
			s.nodes[id].downForGood = true
		}
	}
}

func (s *runner) start(id sim.ID) {
	if s.nodes[id].downFaults--; s.nodes[id].downFaults == 0 && !s.nodes[id].downForGood {
		s.world.Start(id)
	}
}

// beginDiskFault begins a fault of disks. Disks of lost nodes are left alone.
func (s *runner) beginDiskFault(f *scenarios.Fault) {
	for _, id := range f.Nodes {
		if s.nodes[id].downForGood || f.What.Damages() && !s.takeLoss(id, true) {
			continue
		}
		if !s.damageTarget(id, f) {
			s.world.InjectDiskFault(id, f.What, s.faultEnd(f))
		}
	}
}

// damageTarget does the damage of f to the part of a node's log that is its target. It
// reports false if chance has to choose the place.
func (s *runner) damageTarget(id sim.ID, f *scenarios.Fault) bool {
	locator, ok := s.run.(scenarios.DamageLocator)
	if f.Target == scenarios.AnyBytes || !ok {
		return false
	}
	if at, found := locator.LocateDamage(s.world.CopyDisk(id), f.Target); found {
		s.world.DamageDisk(id, f.What, at)
	}
	return true
}

// faultEnd is the end of f: at the latest the end of the fault phase.
func (s *runner) faultEnd(f *scenarios.Fault) scenarios.Duration {
	return min(f.At+f.For, s.plan.Heal.At)
}

// restartDelay is the time until an operator restarts a node whose disk is in
// order.
const restartDelay = 10 * netmodel.Millisecond

// onStopped handles a node that has stopped by itself. Its own disk must be the
// reason; then stopping is correct.
//
// A transient error of the disk passes, and the node is started again. A node that
// refuses the contents of its damaged disk is lost.
func (s *runner) onStopped(at scenarios.Duration, id sim.ID, f *scenarios.Stopped) {
	transient := s.world.DiskFailed(id) && (errors.Is(f.Err, disk.ErrIO) || errors.Is(f.Err, disk.ErrFull))
	if !transient && !(f.RefusedToStart && s.world.DiskDamaged(id)) {
		if s.violation == nil {
			s.violation = &scenarios.Violation{
				Property: "availability", Class: "node-stopped", At: at,
				Sentence: fmt.Sprintf("Node %d stopped, and nothing was wrong with its disk: %v", id, f.Err),
			}
		}
		return
	}
	number := s.nodes[id].life
	s.world.Schedule(at, fmt.Sprintf("node %d has stopped", id), func() { s.endStopped(id, number, transient) })
}

// endStopped ends the process of a node that has stopped, if it is still up in that
// life.
func (s *runner) endStopped(id sim.ID, number int, transient bool) {
	if !s.world.Up(id) || s.nodes[id].life != number {
		return
	}
	s.crashProcess(id)
	if !transient {
		s.nodes[id].downForGood = true
		s.disks.Refusals++
		return
	}
	s.disks.Stops++
	s.nodes[id].awaitsRestart = true
	s.world.Schedule(s.diskFaultsEnd(id)+restartDelay, fmt.Sprintf("restart node %d", id), func() {
		if s.nodes[id].awaitsRestart && s.nodes[id].life == number {
			s.nodes[id].awaitsRestart = false
			s.start(id)
		}
	})
}

// diskFaultsEnd is the end of all current faults of a node's disk.
func (s *runner) diskFaultsEnd(id sim.ID) scenarios.Duration {
	now := s.world.Now()
	until := now
	for i := range s.plan.Faults {
		if f := &s.plan.Faults[i]; f.AffectsDiskOf(id) && f.At <= now {
			until = max(until, s.faultEnd(f))
		}
	}
	return until
}

// anyNodeLost reports whether a node is down for good, or has lost its promises.
// The others then keep looking for it at intervals.
func (s *runner) anyNodeLost() bool {
	return slices.ContainsFunc(s.nodes, func(l nodeStatus) bool { return l.downForGood || l.lostPromises })
}
