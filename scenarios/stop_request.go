package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// StopRequest is the message with which an operator has a node stop: it takes no more
// requests of clients (Drain), and later ends. The node reports StoppedCleanly when its
// process may end. Nodes of a System that Stops get it as invocations.
type StopRequest struct {
	Life  int  // of the node; a later one ignores it
	Drain bool // the first request of two
}

// FateKey implements sim.Message. Requests to stop do not cross the network.
func (r *StopRequest) FateKey() uint64 { return sim.FateKey(r.FateName(), "", "") }

// FateName implements sim.Message.
func (r *StopRequest) FateName() string {
	if r.Drain {
		return "drain"
	}
	return "stop"
}

// Digest implements sim.Message.
func (r *StopRequest) Digest() uint64 { return keyed.Mix(r.FateKey(), uint64(r.Life)) }

func (r *StopRequest) String() string { return fmt.Sprintf("%s life %d", r.FateName(), r.Life) }

// StoppedCleanly is the observation that a node has stopped as requested.
type StoppedCleanly struct{ Life int }

// Digest implements sim.Observation.
func (s *StoppedCleanly) Digest() uint64 {
	return keyed.Mix(keyed.String("stopped cleanly"), uint64(s.Life))
}

func (s *StoppedCleanly) String() string {
	return fmt.Sprintf("life %d has stopped as requested", s.Life)
}
