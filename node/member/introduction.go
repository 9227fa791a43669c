package member

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// Introduction says who a member is, in every life anew, and what it remembers
// of the one that it speaks to. It is sent when the sender's boot and life are
// durable, and again until it is known to be heard.
type Introduction struct {
	Incarnation [16]byte
	Boot, Life  uint64
	Position    uint64 // up to which the sender's log is durable

	Stage   Stage
	Cluster [16]byte
	Members []Identity // all, by id; of an empty log's without incarnations; none between members of a formed cluster

	Past     []Life      // the last lives, and those that the receiver remembers, by number
	Known    []Testimony // what the sender remembers of all, and what others have told it of the receiver
	Answer   bool        // it answers one, and wants no answer
	Abstains bool        // the sender takes no part

	More []byte // of later versions; passed over
}

// Testimony is a memory: By remembers it of Of.
type Testimony struct {
	Of, By node.ID
	Memory Memory
}

// The most that lists of an Introduction may hold.
const (
	MaxPast  = 32
	MaxKnown = 2 * node.MaxMembers
	MaxMore  = 1 << 10
)

// log is what the introduction says about its sender's log.
func (i *Introduction) log() Log {
	return Log{Incarnation: i.Incarnation, Boot: i.Boot, Life: i.Life, Past: i.Past}
}

// sentBefore reports whether the introduction was sent before another one of the same
// log: within a life, stages and positions only go on.
func (i *Introduction) sentBefore(o *Introduction) bool {
	return i.Incarnation == o.Incarnation &&
		(i.Boot < o.Boot || i.Life == o.Life && (i.Stage < o.Stage || i.Position < o.Position))
}

// About implements node.Message. An introduction is about no machine.
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
