package node

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A log proves its end by a mark that it keeps in another place, and has it cover
// all only when it is told that it rests (wal.Log.Rest). The node does so when it
// has appended nothing for restDelay, so that no append waits for the mark, and
// before it stops (the event Rest).

// restDelay is how long nothing is appended before the log rests.
const restDelay = 100 * time.Millisecond

const restToken = repairToken + 1 // of the timer

// lull is what the node knows of that.
type lull struct {
	waits bool    // the timer is set
	seen  wal.LSN // the end of the log when it was
	asked wal.LSN // the end of the log when it was last told
}

// tend has the log rest in a while, if there is something that it does not prove.
func (r *lull) tend(n *Node) {
	if end := n.log.End(); n.ready && !r.waits && end != r.asked {
		r.waits, r.seen = true, end
		n.out.Timers = append(n.out.Timers, SetTimer{restToken, restDelay})
	}
}

// wake takes the timer. What was appended meanwhile is looked after by the next.
func (r *lull) wake(n *Node) {
	r.waits = false
	if n.log.End() == r.seen {
		r.begin(n)
	}
}

// begin has the log rest.
func (r *lull) begin(n *Node) {
	r.asked = n.log.End()
	n.log.Rest()
}

// Rested reports whether the log proves all that it holds, or has failed: whether
// there is anything to wait for after the event Rest.
func (n *Node) Rested() bool { return n.err != nil || n.log.Rested() }

// Full is why the disk has no room for more of the log than its segment, or nil.
// The node goes on for as long as the segment has room.
func (n *Node) Full() error {
	if n.log == nil {
		return nil
	}
	return n.log.Full()
}
