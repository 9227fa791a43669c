package scenarios

import "github.com/lockstep-dst/lockstep/sim"

// Dumper is a Run that can show all that a node holds, for people: a few lines,
// the same for the same state. It changes nothing. A node that is down shows
// what it held when it went down.
type Dumper interface {
	Dump(id sim.ID) string
}
