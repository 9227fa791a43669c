package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// ObservationKind is the kind of an Observation: it decides which fields are set.
type ObservationKind uint8

// The kinds of observations, with the fields that are set.
const (
	Introduced ObservationKind = iota + 1 // the member may introduce itself: Log, Position, Cluster
	Joined                                // its log, durable up to Position, records a cluster: Cluster
	Remembered                            // it remembers a peer, durably no earlier than at Position: Peer, Memory
	Admitted                              // it accepts messages of a peer's life from now on: Peer, Memory
	Adopted                               // it goes on in the epoch of a configuration, durable up to Position: Configuration
	Abstaining                            // it abstains, since a peer disputes its log: Peer, Memory, Discrepancy, Firsthand
)

// Observation is a report of one action of a member to the oracle.
type Observation struct {
	Kind          ObservationKind
	Peer          node.ID
	Memory        Memory
	Discrepancy   Discrepancy
	Firsthand     bool // Peer sent the dispute itself
	Cluster       Cluster
	Configuration *configuration.Configuration
	Log           Log
	Position      uint64
}

func (o Observation) String() string {
	switch o.Kind {
	case Introduced:
		return fmt.Sprintf("introduces itself in boot %d as life %016x, log durable to %d", o.Log.Boot, o.Log.Life, o.Position)
	case Joined:
		return fmt.Sprintf("is %v to cluster %x", o.Cluster.Stage, o.Cluster.ID[:4])
	case Remembered:
		return fmt.Sprintf("remembers of %d: %v, durable at %d", o.Peer, o.Memory, o.Position)
	case Admitted:
		return fmt.Sprintf("admits %d: %v", o.Peer, o.Memory)
	case Adopted:
		return fmt.Sprintf("adopts %v", o.Configuration)
	case Abstaining:
		return fmt.Sprintf("abstains: %d remembers of it %v: %v", o.Peer, o.Memory, o.Discrepancy)
	}
	return "?"
}

func (m *Member) observe(o Observation) {
	if m.cfg.Observe != nil {
		m.cfg.Observe(o)
	}
}
