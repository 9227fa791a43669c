package member

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Stage is a step in the formation of a node's cluster. The stages are in order;
// a log never goes back.
type Stage uint8

// The stages. Only a node of a formed cluster votes.
const (
	Empty  Stage = iota // the log is of no cluster yet
	Bound               // the node will be of this cluster or of none
	Formed              // all members were bound to it
)

func (s Stage) String() string { return [...]string{"empty", "bound", "formed"}[s] }

// Identity is a member and the log that it has.
type Identity struct {
	ID          node.ID
	Incarnation [16]byte // zero: unknown
}

// Cluster is the record of the cluster in a node's log.
type Cluster struct {
	Stage   Stage
	ID      [16]byte   // hash over the members' incarnations, which are random; see legacyCluster
	Members []Identity // by id
}

// newCluster returns the Bound cluster of members, ordered by id, with empty logs.
func newCluster(name [16]byte, members []Identity) Cluster {
	h := sha256.New()
	h.Write([]byte("lockstep members "))
	h.Write(name[:])
	for _, m := range members {
		h.Write(binary.LittleEndian.AppendUint16(nil, uint16(m.ID)))
		h.Write(m.Incarnation[:])
	}
	return Cluster{Bound, [16]byte(h.Sum(nil)), members}
}

// legacyCluster returns the cluster of a log of an early version, which recorded
// none: its id is a hash of the cluster's name and the members' ids. The
// incarnations of the others are unknown.
func legacyCluster(name [16]byte, own Identity, ids []node.ID) Cluster {
	h := sha256.New()
	h.Write([]byte("lockstep inherited "))
	h.Write(name[:])
	for _, id := range ids {
		h.Write(binary.LittleEndian.AppendUint16(nil, uint16(id)))
	}
	c := Cluster{Stage: Formed, ID: [16]byte(h.Sum(nil))}
	for _, id := range ids {
		m := Identity{ID: id}
		if id == own.ID {
			m = own
		}
		c.Members = append(c.Members, m)
	}
	return c
}

// incarnation returns a member's incarnation in the record; zero if unknown.
func (c *Cluster) incarnation(id node.ID) [16]byte {
	for _, m := range c.Members {
		if m.ID == id {
			return m.Incarnation
		}
	}
	return [16]byte{}
}

// has reports whether the record names this member with this log. The record of a
// legacy cluster has its own log alone, and an empty log does not count as
// another member's: its directory may have been wiped between the two versions.
func (c *Cluster) has(m Identity) bool { return slices.Contains(c.Members, m) }

func idsOf(members []Identity) []node.ID {
	ids := make([]node.ID, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}
