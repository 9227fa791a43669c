package node

import (
	"cmp"
	"fmt"
)

// ID names a process: a member, or whoever asks as a client.
type ID uint16

// Ballot orders rounds. It is never used for two values: the boot is durable
// before any ballot of it leaves the proposer, and within a boot no round
// number is used twice for a machine.
type Ballot struct {
	Round uint64
	Boot  uint64
	Epoch uint32 // of the membership
	Node  ID
}

// Compare orders ballots by epoch, round, node and boot. The zero Ballot is
// below all others.
func (b Ballot) Compare(c Ballot) int {
	return cmp.Or(
		cmp.Compare(b.Epoch, c.Epoch),
		cmp.Compare(b.Round, c.Round),
		cmp.Compare(b.Node, c.Node),
		cmp.Compare(b.Boot, c.Boot),
	)
}

// Less reports b < c.
func (b Ballot) Less(c Ballot) bool { return b.Compare(c) < 0 }

// IsZero reports whether b is no ballot at all.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// String is the text form, as in "7.2.1": round, node and boot, with the epoch
// in front if it is not the first.
func (b Ballot) String() string {
	switch {
	case b.IsZero():
		return "-"
	case b.Epoch != firstEpoch:
		return fmt.Sprintf("e%d:%d.%d.%d", b.Epoch, b.Round, b.Node, b.Boot)
	}
	return fmt.Sprintf("%d.%d.%d", b.Round, b.Node, b.Boot)
}

// maxRound bounds what a node believes: counting does not get there, and above
// it there would be no room for another round.
const maxRound = 1 << 62

// plausible reports whether b can be the ballot of a member's round.
func (n *Node) plausible(b Ballot) bool {
	return b.Epoch == firstEpoch && b.Round > 0 && b.Round <= maxRound && b.Boot > 0 && n.member(b.Node) >= 0
}

// firstEpoch is the only epoch so far: the members are fixed.
const firstEpoch = 1

func later(a, b Ballot) Ballot {
	if a.Less(b) {
		return b
	}
	return a
}
