package node

import "strconv"

// Ballot is a totally ordered number of a round. It is never used for two values:
// the boot is durable before any of its ballots leaves the proposer, and within a
// boot no round number is used twice for a machine.
type Ballot struct {
	Round uint64
	Boot  uint64
	Epoch uint32 // of the membership
	Node  ID
}

// Compare orders ballots by epoch, round, node and boot: it returns -1, 0 or 1. The
// zero Ballot is below all others.
func (b Ballot) Compare(c Ballot) int {
	switch {
	case b.Less(c):
		return -1
	case c.Less(b):
		return 1
	}
	return 0
}

// Less reports whether b is below c.
func (b Ballot) Less(c Ballot) bool {
	if b.Epoch != c.Epoch {
		return b.Epoch < c.Epoch
	}
	if b.Round != c.Round {
		return b.Round < c.Round
	}
	if b.Node != c.Node {
		return b.Node < c.Node
	}
	return b.Boot < c.Boot
}

// IsZero reports whether b is the zero Ballot, which stands for no ballot.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// String formats the round, node and boot, as in "7.2.1", with the epoch in front
// if it is not the first. The zero Ballot is "-".
func (b Ballot) String() string {
	if b.IsZero() {
		return "-"
	}
	text := make([]byte, 0, 64)
	if b.Epoch != firstEpoch {
		text = append(strconv.AppendUint(append(text, 'e'), uint64(b.Epoch), 10), ':')
	}
	return string(appendDotted(text, b.Round, uint64(b.Node), b.Boot))
}

// appendDotted appends three numbers separated by dots. It avoids fmt because text
// codecs format ballots and read ids in every message.
func appendDotted(text []byte, a, b, c uint64) []byte {
	text = append(strconv.AppendUint(text, a, 10), '.')
	text = append(strconv.AppendUint(text, b, 10), '.')
	return strconv.AppendUint(text, c, 10)
}

// maxRound bounds the round numbers that a node accepts. Counting never reaches
// it, and a higher one would leave no room for another round.
const maxRound = 1 << 62

// validBallot reports whether b can be the ballot of a member's round, of this epoch or an
// earlier one: then of anyone who was a member.
func (n *Node) validBallot(b Ballot) bool {
	return b.Epoch >= firstEpoch && b.Epoch <= n.epoch && b.Round > 0 && b.Round <= maxRound && b.Boot > 0 &&
		b.Node > 0 && (b.Epoch < n.epoch || n.member(b.Node) >= 0)
}

func maxBallot(a, b Ballot) Ballot {
	if a.Less(b) {
		return b
	}
	return a
}
