package campaign

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// life is what the stage knows of a node.
type life struct {
	number int  // of the current life
	held   int  // crashes and kills that hold it down
	idle   bool // it has stopped by itself and waits for its operator
	lost   bool // it refuses its disk, or its peers it, for good
	wiped  bool // its disk has lost what it promised
	told   int  // the life in which it has learnt so
}

// crash, kill and start count, as cuts do: a node that two faults hold down is
// up again after both.
func (s *stage) crash(id sim.ID) {
	s.lives[id].held++
	s.world.LosePower(id)
}

func (s *stage) kill(id sim.ID) {
	s.lives[id].held++
	if s.world.Up(id) {
		s.world.CrashProcess(id)
	}
}

// wipe takes a node's power and empties its disk.
func (s *stage) wipe(id sim.ID) {
	s.crash(id)
	if !s.lives[id].lost {
		s.world.Wipe(id)
		s.forgets(id)
	}
}

// copier copies the disks of nodes, which restart unless they are copied live.
func (s *stage) copier(live bool, copies map[sim.ID]sim.DiskCopy) func(sim.ID) {
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
		s.crash(id)
		copies[id] = s.world.CopyDisk(id)
		f.DiskCopied(id)
		s.start(id)
	}
}

// restorer has a node restart with a copy in the place of its disk, if the others
// can tell.
func (s *stage) restorer(copies map[sim.ID]sim.DiskCopy) func(sim.ID) {
	return func(id sim.ID) {
		f, ok := s.run.(scenarios.DiskLossObserver)
		if l := &s.lives[id]; !ok || l.lost || l.wiped || !f.MayRestore(id) {
			return
		}
		s.crash(id)
		s.world.RestoreDisk(id, copies[id])
		s.forgets(id)
		s.start(id)
	}
}

// forgets notes that a node's disk has lost what the node promised.
func (s *stage) forgets(id sim.ID) {
	s.lives[id].wiped = true
	if f, ok := s.run.(scenarios.DiskLossObserver); ok {
		f.DiskLost(id)
	}
}

// disowned takes what a node has learnt from a majority of its peers: that it has
// lost what it promised. It stops for good.
func (s *stage) disowned(at scenarios.Duration, id sim.ID) {
	l := &s.lives[id]
	if !l.wiped {
		s.violate(&scenarios.Violation{
			Property: "availability", Class: "incarnation-rejected", At: at,
			Sentence: fmt.Sprintf("Node %d ends because of what it lost, and its disk has lost nothing", id),
		})
		return
	}
	if l.told == l.number {
		return
	}
	l.told = l.number
	number := l.number
	s.world.Schedule(at, fmt.Sprintf("node %d ends: it has lost what it promised", id), func() {
		if !s.lives[id].lost && s.world.Up(id) && s.lives[id].number == number {
			s.kill(id)
			s.lives[id].lost = true
		}
	})
}

func (s *stage) start(id sim.ID) {
	if s.lives[id].held--; s.lives[id].held == 0 && !s.lives[id].lost {
		s.world.Start(id)
	}
}

// badDisk begins a fault of disks. Those of lost nodes are left alone.
func (s *stage) badDisk(f *scenarios.Fault) {
	for _, id := range f.Nodes {
		if !s.lives[id].lost {
			s.world.InjectDiskFault(id, f.What, s.over(f))
		}
	}
}

// over is when f ends: with the storm at the latest.
func (s *stage) over(f *scenarios.Fault) scenarios.Duration { return min(f.At+f.For, s.plan.Heal.At) }

// pause is how long it takes until somebody starts a node again whose disk is
// in order.
const pause = 10 * netmodel.Millisecond

// stopped takes a node that has stopped by itself. Its own disk must be the
// reason, and then this is right: the node is honest.
//
// An error of the disk passes, and the node is started again. A node that
// refuses what its disk holds, which was damaged, is lost.
func (s *stage) stopped(at scenarios.Duration, id sim.ID, f *scenarios.Stopped) {
	passes := s.world.DiskFailed(id) && (errors.Is(f.Err, sim.ErrIO) || errors.Is(f.Err, sim.ErrFull))
	if !passes && !(f.RefusedToStart && s.world.DiskDamaged(id)) {
		if s.violation == nil {
			s.violation = &scenarios.Violation{
				Property: "availability", Class: "node-stopped", At: at,
				Sentence: fmt.Sprintf("Node %d stopped, and nothing was wrong with its disk: %v", id, f.Err),
			}
		}
		return
	}
	number := s.lives[id].number
	s.world.Schedule(at, fmt.Sprintf("node %d has stopped", id), func() { s.leave(id, number, passes) })
}

// leave ends the process of a node that has stopped, if nothing else has.
func (s *stage) leave(id sim.ID, number int, passes bool) {
	if !s.world.Up(id) || s.lives[id].number != number {
		return
	}
	s.kill(id)
	if !passes {
		s.lives[id].lost = true
		s.disks.Refusals++
		return
	}
	s.disks.Stops++
	s.lives[id].idle = true
	s.world.Schedule(s.mended(id)+pause, fmt.Sprintf("restart node %d", id), func() {
		if s.lives[id].idle && s.lives[id].number == number {
			s.lives[id].idle = false
			s.start(id)
		}
	})
}

// mended is when all faults of a node's disk that go on now are over.
func (s *stage) mended(id sim.ID) scenarios.Duration {
	now := s.world.Now()
	until := now
	for i := range s.plan.Faults {
		if f := &s.plan.Faults[i]; f.AffectsDiskOf(id) && f.At <= now {
			until = max(until, s.over(f))
		}
	}
	return until
}

// losses reports whether a node is down for good, or a stranger. The others then
// go on to look for it now and then.
func (s *stage) losses() bool {
	return slices.ContainsFunc(s.lives, func(l life) bool { return l.lost || l.wiped })
}
