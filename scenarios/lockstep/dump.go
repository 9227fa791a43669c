package lockstep

import "github.com/lockstep-dst/lockstep/sim"

// Dump implements scenarios.Dumper. It returns the member's state as text.
func (r *run) Dump(id sim.ID) string { return r.members[id].Dump() }
