package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// ObservationKind says which fields of a Fact count.
type ObservationKind uint8

// The kinds of facts.
const (
	Introduced ObservationKind = iota + 1 // the member may introduce itself: Log, Position, Cluster
	Joined                                // its log, durable to Position, says that it is of a cluster: Cluster
	Remembered                            // it remembers a peer, not durably before Position: Peer, Memory
	Admitted                              // it hears a peer's life from now on: Peer, Memory
	Abstaining                            // it takes no part, since a peer disputes its log: Peer, Memory, Charge, Firsthand
)

// Observation is one thing that a member has done.
type Observation struct {
	Kind        ObservationKind
	Peer        node.ID
	Memory      Memory
	Discrepancy Discrepancy
	Firsthand   bool // Peer has said so itself
	Cluster     Cluster
	Log         Log
	Position    uint64
}

func (f Observation) String() string {
	switch f.Kind {
	case Introduced:
		return fmt.Sprintf("introduces itself in boot %d as life %016x, log durable to %d", f.Log.Boot, f.Log.Life, f.Position)
	case Joined:
		return fmt.Sprintf("is %v to cluster %x", f.Cluster.Stage, f.Cluster.ID[:4])
	case Remembered:
		return fmt.Sprintf("remembers of %d: %v, durable at %d", f.Peer, f.Memory, f.Position)
	case Admitted:
		return fmt.Sprintf("admits %d: %v", f.Peer, f.Memory)
	case Abstaining:
		return fmt.Sprintf("abstains: %d remembers of it %v: %v", f.Peer, f.Memory, f.Discrepancy)
	}
	return "?"
}

func (m *Member) observe(f Observation) {
	if m.cfg.Observe != nil {
		m.cfg.Observe(f)
	}
}
