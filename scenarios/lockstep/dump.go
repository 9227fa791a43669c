package lockstep

import "github.com/lockstep-dst/lockstep/sim"

// Dump implements scenarios.Dumper.
func (r *run) Dump(id sim.ID) string { return r.members[id].Dump() }
