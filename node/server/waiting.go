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

// asked is one request of a client. It has its place until the node has
// answered, also if the client has gone: what a client leaves behind in the
// node's queues counts as long as it is there.
type asked struct {
	answer chan *node.Reply // has room for one
	handed bool             // the node has it; good once the loop is over
}

// waiting is the requests that the node has not answered, a bounded number.
type waiting struct {
	limit int

	mu       sync.Mutex
	requests map[node.ID]*asked
	last     node.ID // given away
	refused  uint64  // for want of room
}

func newWaiting(limit int) *waiting {
	return &waiting{limit: limit, requests: map[node.ID]*asked{}, last: lastClient}
}

// join gives a request an id that no other has.
func (w *waiting) join() (node.ID, *asked, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) >= w.limit {
		w.refused++
		return 0, nil, fmt.Errorf("%w: %d operations wait for this node: try another, or later", ErrBusy, w.limit)
	}
	for {
		if w.last++; w.last < firstClient { // it wraps round
			w.last = firstClient
		}
		if w.requests[w.last] == nil {
			a := &asked{answer: make(chan *node.Reply, 1)}
			w.requests[w.last] = a
			return w.last, a, nil
		}
	}
}

// leave gives up the place of a request that the node will not get.
func (w *waiting) leave(id node.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.requests, id)
}

// hand takes note of the requests that the node is about to be given.
func (w *waiting) hand(batch []node.Event) {
	for i := range batch {
		if batch[i].From < firstClient {
			continue
		}
		w.mu.Lock()
		if a := w.requests[batch[i].From]; a != nil {
			a.handed = true
		}
		w.mu.Unlock()
	}
}

// reply gives a client its answer.
func (w *waiting) reply(id node.ID, r *node.Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.requests[id]; a != nil {
		a.answer <- r
		delete(w.requests, id)
	}
}

// count is how many wait, and how many were turned away.
func (w *waiting) count() (now int, refused uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests), w.refused
}
