package node

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A log proves its end by a mark that it keeps in another place, and has it cover
// all only when it is told that it rests (wal.Log.Rest). The node does so when it
// has appended nothing for restDelay, so that no append waits for the mark, and
// before it stops (the event Rest).

// syncMarkDelay is how long nothing is appended before the log rests.
const syncMarkDelay = 100 * time.Millisecond

const syncMarkToken = repairToken + 1 // of the timer

// syncMarkState is what the node knows of that.
type syncMarkState struct {
	timerSet     bool    // the timer is set
	endAtTimer   wal.LSN // the end of the log when it was
	requestedEnd wal.LSN // the end of the log when it was last told
}

// schedule has the log rest in a while, if there is something that it does not prove.
func (r *syncMarkState) schedule(n *Node) {
	if end := n.log.End(); n.ready && !r.timerSet && end != r.requestedEnd {
		r.timerSet, r.endAtTimer = true, end
		n.out.Timers = append(n.out.Timers, SetTimer{syncMarkToken, syncMarkDelay})
	}
}

// onTimer takes the timer. What was appended meanwhile is looked after by the next.
func (r *syncMarkState) onTimer(n *Node) {
	r.timerSet = false
	if n.log.End() == r.endAtTimer {
		r.request(n)
	}
}

// request has the log rest.
func (r *syncMarkState) request(n *Node) {
	r.requestedEnd = n.log.End()
	n.log.SyncMark()
}

// IsMarkSynced reports whether the log proves all that it holds, or has failed: whether
// there is anything to wait for after the event Rest.
func (n *Node) IsMarkSynced() bool { return n.err != nil || n.log.IsMarkSynced() }

// Full is why the disk has no room for more of the log than its segment, or nil.
// The node goes on for as long as the segment has room.
func (n *Node) Full() error {
	if n.log == nil {
		return nil
	}
	return n.log.Full()
}
