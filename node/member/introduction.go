package member

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// Introduction is the message in which a member shows its identity and its lives,
// with its testimonies. It is sent anew in every life, when the sender's boot and
// life are durable, and again until the receiver is known to have it.
type Introduction struct {
	Incarnation [16]byte
	Boot, Life  uint64
	Position    uint64 // up to which the sender's log is durable

	Stage   Stage
	Cluster [16]byte
	Members []Identity // all, by id; without incarnations if Stage is Empty; nil between members of a formed cluster

	Past     []Life      // the last lives, and the ones that the receiver remembers, by boot
	Known    []Testimony // the sender's about all, and the others' about the receiver
	Answer   bool        // it answers an introduction, and needs no answer
	Abstains bool        // the sender abstains

	More []byte // fields of later versions; ignored
}

// Testimony is the memory that the member By has of the member Of.
type Testimony struct {
	Of, By node.ID
	Memory Memory
}

// Limits of the lists of an Introduction.
const (
	MaxPast  = 32
	MaxKnown = 2 * node.MaxMembers
	MaxMore  = 10 << 10 // room for the text of a configuration
)

// log returns the sender's log as the introduction shows it.
func (i *Introduction) log() Log {
	return Log{Incarnation: i.Incarnation, Boot: i.Boot, Life: i.Life, Past: i.Past}
}

// sentBefore reports whether the introduction was sent before another one of the
// same log: within a life, stages and positions never decrease.
func (i *Introduction) sentBefore(o *Introduction) bool {
	return i.Incarnation == o.Incarnation &&
		(i.Boot < o.Boot || i.Life == o.Life && (i.Stage < o.Stage || i.Position < o.Position))
}

// About implements node.Message. An introduction concerns no machine.
func (i *Introduction) About() (key string, first node.OpID) { return "(member)", "(introduction)" }

// String implements node.Message.
func (i *Introduction) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "introduction %x boot %d life %016x position %d, %v", i.Incarnation[:4], i.Boot, i.Life, i.Position, i.Stage)
	if i.Stage != Empty {
		fmt.Fprintf(&b, " %x", i.Cluster[:4])
	}
	if i.Answer {
		b.WriteString(", answer")
	}
	if i.Abstains {
		b.WriteString(", abstains")
	}
	for _, t := range i.Known {
		fmt.Fprintf(&b, "; %d remembers of %d: %v", t.By, t.Of, t.Memory)
	}
	return b.String()
}
