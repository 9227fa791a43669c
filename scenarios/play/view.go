package play

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// View shows the nodes of a run in progress: see Options.AfterEvent.
type View struct{ s *runner }

// Event is the number of events so far.
func (v View) Event() uint64 { return v.s.world.Stats().Events }

// Now is the time of the last event.
func (v View) Now() scenarios.Duration { return v.s.world.Now() }

// Up reports whether a node is up.
func (v View) Up(id sim.ID) bool { return v.s.world.Up(id) }

// Dump is the state of a node, as its system shows it. ok is false if the system is no
// scenarios.Dumper.
func (v View) Dump(id sim.ID) (text string, ok bool) {
	d, ok := v.s.run.(scenarios.Dumper)
	if !ok {
		return "", false
	}
	return d.Dump(id), true
}

// Process is the process of a node's current or last life. It must not be changed.
func (v View) Process(id sim.ID) sim.Process { return v.s.nodes[id].code }
