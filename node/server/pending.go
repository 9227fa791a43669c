package server

import (
	"fmt"
	"sync"

	"github.com/lockstep-dst/lockstep/node"
)

// Ids of clients: the members' are far below.
const (
	firstClient = 1 << 10
	lastClient  = 1<<16 - 1
	clientIDs   = lastClient - firstClient + 1
)

// pendingRequest is one request of a client. It has its place until the node has
// answered, also if the client has gone: what a client leaves behind in the
// node's queues counts as long as it is there.
type pendingRequest struct {
	reply     chan *node.Reply // has room for one
	delivered bool             // the node has it; good once the loop is over
}

// pendingRequests is the requests that the node has not answered, a bounded number.
type pendingRequests struct {
	limit int

	mu       sync.Mutex
	requests map[node.ID]*pendingRequest
	lastID   node.ID // given away
	refused  uint64  // for want of room
}

func newPendingRequests(limit int) *pendingRequests {
	return &pendingRequests{limit: limit, requests: map[node.ID]*pendingRequest{}, lastID: lastClient}
}

// add gives a request an id that no other has.
func (w *pendingRequests) add() (node.ID, *pendingRequest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) >= w.limit {
		w.refused++
		return 0, nil, fmt.Errorf("%w: %d operations wait for this node: try another, or later", ErrBusy, w.limit)
	}
	for {
		if w.lastID++; w.lastID < firstClient { // it wraps round
			w.lastID = firstClient
		}
		if w.requests[w.lastID] == nil {
			a := &pendingRequest{reply: make(chan *node.Reply, 1)}
			w.requests[w.lastID] = a
			return w.lastID, a, nil
		}
	}
}

// remove gives up the place of a request that the node will not get.
func (w *pendingRequests) remove(id node.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.requests, id)
}

// markDelivered takes note of the requests that the node is about to be given.
func (w *pendingRequests) markDelivered(batch []node.Event) {
	for i := range batch {
		if batch[i].From < firstClient {
			continue
		}
		w.mu.Lock()
		if a := w.requests[batch[i].From]; a != nil {
			a.delivered = true
		}
		w.mu.Unlock()
	}
}

// complete gives a client its answer.
func (w *pendingRequests) complete(id node.ID, r *node.Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.requests[id]; a != nil {
		a.reply <- r
		delete(w.requests, id)
	}
}

// count is how many wait, and how many were turned away.
func (w *pendingRequests) count() (now int, refused uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests), w.refused
}
