package node

import (
	"slices"
	"time"
)

// A node that is about to stop hands over. It gives back the operations that other nodes
// have forwarded to it and that it has not proposed, with the reason Abstains, which
// every version of the protocol has: the others carry them out at once. Its commits have
// told the others that it is at work on machines, for a resend timeout each. Until that
// time is over it has to be there, since an operation that is forwarded to a node that
// has gone waits for a resend timeout.

// handOver begins the hand-over.
func (n *Node) handOver() {
	if n.draining {
		return
	}
	n.draining = true
	for _, m := range n.busyInOrder() {
		if m.work == nil { // it was released meanwhile
			continue
		}
		m.queue = slices.DeleteFunc(m.queue, n.handBack)
		n.releaseWork(m)
	}
}

// handBack gives an operation of another node back. It reports false if o is not from
// another node, or may take effect.
func (n *Node) handBack(o *operation) bool {
	if !n.isPeer(o.client) || o.acceptSent {
		return false
	}
	n.mark(MarkHandedBack)
	n.giveUp(o, Abstains)
	return true
}

// HandedOverAt returns the local time from which on, if nothing more is committed, no
// other node takes this one to be at work: a resend timeout after its last commit, and
// half of one for messages that are under way.
func (n *Node) HandedOverAt() time.Duration {
	if len(n.cfg.Members) == 1 || n.counts.Commits == 0 {
		return 0
	}
	return n.committedAt + n.cfg.ResendTimeout*3/2
}
