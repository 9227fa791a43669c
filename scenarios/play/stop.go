package play

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// stopper has a node drain, stop after f.Drain, and start again when it has stopped and
// f is over. Nodes of a system that cannot stop so are ended at once.
func (s *runner) stopper(f *scenarios.Fault) func(sim.ID) {
	return func(id sim.ID) {
		n := &s.nodes[id]
		life := n.life
		switch {
		case !s.world.Up(id) || n.stoppingLife == life:
			return
		case !s.stops:
			s.endNode(id, f)
			return
		}
		n.stoppingLife, n.stop = life, f
		s.world.Invoke(s.world.Now(), id, &scenarios.StopRequest{Life: life, Drain: true})
		s.world.Schedule(s.world.Now()+f.Drain, fmt.Sprintf("node %d is to stop", id), func() {
			if s.isStopping(id) && n.life == life {
				s.world.Invoke(s.world.Now(), id, &scenarios.StopRequest{Life: life})
			}
		})
	}
}

// isStopping reports whether a node that is up was asked to stop.
func (s *runner) isStopping(id sim.ID) bool {
	return s.world.Up(id) && s.nodes[id].life > 0 && s.nodes[id].stoppingLife == s.nodes[id].life
}

// onStoppedCleanly ends the process of a node that has stopped.
func (s *runner) onStoppedCleanly(at scenarios.Duration, id sim.ID, life int) {
	s.world.Schedule(at, fmt.Sprintf("node %d has stopped as requested", id), func() {
		if s.isStopping(id) && s.nodes[id].life == life {
			s.endNode(id, s.nodes[id].stop)
		}
	})
}

// endNode ends the process of a node until f, a stop, is over.
func (s *runner) endNode(id sim.ID, f *scenarios.Fault) {
	s.hits[scenarios.Stops]++
	s.crashProcess(id)
	s.world.Schedule(max(s.world.Now(), f.At+f.For), fmt.Sprintf("start node %d again", id), func() {
		if !s.healed {
			s.start(id)
		}
	})
}

// endStopping ends a node that is still stopping when everything is healed.
func (s *runner) endStopping(id sim.ID) {
	if s.isStopping(id) {
		s.world.CrashProcess(id)
	}
}
