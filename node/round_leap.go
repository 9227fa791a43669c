package node

import "time"

// A round number has an end, maxRound, and a promise is for good: a member that sends
// ballots with huge rounds could use a machine's rounds up. So a message may be ahead of
// what the receiver knows of the machine by Config.RoundLeap rounds, and once in
// leapPause by a great leap. Whatever is further ahead is dropped as if it were lost, so
// that nothing is promised; its sender repeats it, and each great leap takes the receiver
// nearer. Rule 13 of docs/PROTOCOL.md argues why no honest node is kept out, and how long
// a liar needs.

// DefaultRoundLeap is for half a day at a hundred rounds of one machine a second.
const DefaultRoundLeap = 1 << 22

// greatLeap is the size of a great leap: by default 2⁴⁰ rounds.
const greatLeap = 1 << 18 // times RoundLeap

// leapPause is the least time between two great leaps to which one member's messages
// take this node. An honest proposer sends a round again about as often.
func (n *Node) leapPause() time.Duration { return 10 * n.cfg.ResendTimeout }

// knownRound is the highest round of m that this node has used, promised, accepted or
// been told of, from where counting begins.
func (n *Node) knownRound(m *machine) uint64 {
	return max(m.highestRound, m.promised.Round, m.accepted.Round, m.chosenAt.Round, max(n.cfg.FirstRound, 1)-1)
}

// reaches reports whether a member's message about a round of m may be handled. If not,
// it is too far ahead, and is to be dropped.
func (n *Node) reaches(from ID, m *machine, round uint64) bool {
	known := n.knownRound(m)
	if round <= known || round-known <= n.cfg.RoundLeap {
		return true
	}
	last := &n.lastLeap[n.member(from)]
	if *last != 0 && n.now-*last < n.leapPause() {
		n.mark(MarkRoundTooFar)
		n.discardUnjudged()
		return false
	}
	n.mark(MarkGreatLeap)
	*last = max(n.now, 1)
	if furthest := known + n.cfg.RoundLeap*greatLeap; round > furthest {
		m.highestRound = furthest
		n.discardUnjudged()
		return false
	}
	return true
}
