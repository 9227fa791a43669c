package member

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Stage is how far a node's cluster has come into being.
type Stage uint8

// The stages. Only a node of a formed cluster votes.
const (
	Empty  Stage = iota // the log has held nothing yet
	Bound               // it will be of this cluster or of none
	Formed              // all members were bound to it
)

func (s Stage) String() string { return [...]string{"empty", "bound", "formed"}[s] }

// Identity is a member and its log.
type Identity struct {
	ID          node.ID
	Incarnation [16]byte // zero: unknown
}

// Cluster is the record that a node's log has of its cluster.
type Cluster struct {
	Stage   Stage
	ID      [16]byte   // random, since incarnations are: of all members' incarnations
	Members []Identity // by id
}

// newCluster is the cluster of some members, by id, whose logs are empty.
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

// legacyCluster is the cluster of a log of a version that recorded none: that of its
// name and members. Of the others' logs nothing is known.
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

// incarnation is that of a member as the record has it.
func (c *Cluster) incarnation(id node.ID) [16]byte {
	for _, m := range c.Members {
		if m.ID == id {
			return m.Incarnation
		}
	}
	return [16]byte{}
}

// has reports whether a log is a member's as the record has it. An inherited record
// knows no log but its own, and an empty one is not taken for another's: a
// directory may have been wiped between the two versions.
func (c *Cluster) has(m Identity) bool { return slices.Contains(c.Members, m) }

func idsOf(members []Identity) []node.ID {
	ids := make([]node.ID, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}
