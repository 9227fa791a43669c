package node

import "github.com/lockstep-dst/lockstep/node/fsm"

// Use is the room that a node uses, and the work that keeps it small. Sizes are in bytes.
type Use struct {
	Appended  uint64 // records appended to the log since boot, without copies, by the last step
	Pending   uint64 // notes appended since: the next step counts them, and copies for them
	Copied    uint64 // records copied forward since boot
	LastCopy  uint64 // the last of them
	Live      uint64 // full records of all machines, as they would be now
	LogLength uint64 // from the oldest record that is needed to the end of the log
	LogKept   uint64 // from the first record that is not trimmed to the end of the log
	Backlog   uint64 // at the end of the log, not durable yet
	LogFiles  int    // files of the log that are needed or kept for reuse
	Unsent    int    // messages that wait until their state is durable
	Discarded uint64 // malformed messages: see Counters
}

// Use returns the present use. It changes nothing.
func (n *Node) Use() Use {
	u := Use{Appended: n.appendedBytes, Pending: uint64(n.appended), Copied: n.copiedBytes, LastCopy: n.lastCopy, Live: n.liveRecords.bytes, Unsent: len(n.sendsAwaitingSync), Discarded: n.counts.Discarded - n.unjudged}
	if n.log != nil {
		u.LogFiles, u.LogKept, u.Backlog = n.log.Files(), uint64(n.log.Kept()), uint64(n.log.End()-n.log.Durable())
	}
	u.LogLength = n.neededLog()
	return u
}

// FirstSerial is the serial from which the node's cluster counts: 0, unless it was
// restored from a backup.
func (n *Node) FirstSerial() uint64 { return n.firstSerial }

// discardUnjudged counts a message that is dropped and may be sound: the definition of its
// machine is unknown, or the log falls behind.
func (n *Node) discardUnjudged() {
	n.counts.Discarded++
	n.unjudged++
}

// Waiting counts the operations of one machine at a node.
type Waiting struct {
	Queue      int // for a round, for the response of another node, or in a look
	Round      int // in a round
	ReadQueue  int // for a quorum read
	Reads      int // in a quorum read
	Definition int // for the definition of the machine
}

// Waiting returns the present counts of a machine.
func (n *Node) Waiting(key string) (w Waiting) {
	if m := n.machines.get(key); m != nil && m.atWork() {
		w = Waiting{Queue: m.waiting(), Round: len(m.round.batch), ReadQueue: len(m.readQueue), Reads: len(m.quorumRead.batch)}
	}
	if name, _, err := fsm.SplitKey(key); err == nil {
		w.Definition = n.definitions.waitingFor(name)
	}
	return w
}

// HasRoom reports whether the node has room for an operation of a machine now, and for the
// round that a read may need later: a reply with the reason Overloaded is right if not.
func (n *Node) HasRoom(k Kind, key string) bool {
	w, limit := n.Waiting(key), n.cfg.Queue
	switch {
	case n.logBacklogFull():
		return false
	case n.definitions.find(key) == nil:
		return w.Definition < limit
	case k == Read && w.ReadQueue >= limit:
		return false
	}
	return w.Queue < limit
}

// Knows reports whether the node knows the definition of a machine.
func (n *Node) Knows(key string) bool { return n.definitions.find(key) != nil }

// LeftOver names a machine that the node keeps without any state of it, and the
// machines' working memory beyond its limit; empty if there is neither. It is for a
// node at rest.
func (n *Node) LeftOver() string {
	for _, m := range n.byIndex {
		if m != nil && m.open != nil && m.promised.IsZero() && m.accepted.IsZero() && m.chosen == nil && m.highestRound == 0 {
			return "the machine " + m.key
		}
	}
	if len(n.workPool) > maxWorkPool {
		return "too much working memory"
	}
	return ""
}
