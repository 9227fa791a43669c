package scenarios

import "github.com/lockstep-dst/lockstep/sim"

// Dumper is a Run that can show the state of a node: a few lines for a person, the
// same for the same state. Dump changes nothing. A node that is down shows the
// state in which it went down.
type Dumper interface {
	Dump(id sim.ID) string
}
