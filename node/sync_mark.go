package node

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// The log's high-water mark, in a file of its own, proves where the log ends. It
// covers the whole log only after a request (wal.Log.SyncMark). The node makes the
// request once it has appended nothing for syncMarkDelay, so that no append waits for
// the mark, and before it stops (the event SyncMark).

// syncMarkDelay is the time without an append after which the mark is synced.
const syncMarkDelay = 100 * time.Millisecond

const syncMarkToken = repairToken + 1 // of the timer

// syncMarkState is the node's state of these requests.
type syncMarkState struct {
	timerSet     bool
	endAtTimer   wal.LSN // end of the log when the timer was set
	requestedEnd wal.LSN // end of the log at the last request
}

// schedule sets the timer if the log has records after the last request.
func (r *syncMarkState) schedule(n *Node) {
	if end := n.log.End(); n.ready && !r.timerSet && end != r.requestedEnd {
		r.timerSet, r.endAtTimer = true, end
		n.out.Timers = append(n.out.Timers, SetTimer{syncMarkToken, syncMarkDelay})
	}
}

// onTimer makes the request if nothing was appended meanwhile. Otherwise schedule sets
// the timer again.
func (r *syncMarkState) onTimer(n *Node) {
	invariant.Check(r.endAtTimer <= n.log.End(), "node: a mark is requested for a position within the log")
	r.timerSet = false
	if n.log.End() == r.endAtTimer {
		r.request(n)
	}
}

// request requests that the mark cover the whole log.
func (r *syncMarkState) request(n *Node) {
	r.requestedEnd = n.log.End()
	n.log.SyncMark()
}

// IsMarkSynced reports whether the mark durably covers the whole log, or the node has
// ended. After the event SyncMark an owner waits for it before it stops the
// node.
func (n *Node) IsMarkSynced() bool { return n.err != nil || n.log.IsMarkSynced() }

// Full returns the error for which the disk has no room for the next segment of the
// log, or nil. The node continues while the current segment has room.
func (n *Node) Full() error {
	if n.log == nil {
		return nil
	}
	return n.log.Full()
}
