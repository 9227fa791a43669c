package server

import (
	"fmt"
	"sync"

	"github.com/lockstep-dst/lockstep/node"
)

// The range of the ids of clients. The ids of members are far below it.
const (
	firstClient = 1 << 10
	lastClient  = 1<<16 - 1
	clientIDs   = lastClient - firstClient + 1
)

// pendingRequest is one request of a client. It keeps its place until the node has
// replied, also if the client has gone: a request that a client abandons in the
// node's queues counts as long as it is there.
type pendingRequest struct {
	reply     chan *node.Reply // has room for one
	delivered bool             // the node has received the request; valid after the loop has ended
}

// pendingRequests is the bounded set of requests without a reply from the node.
type pendingRequests struct {
	limit int

	mu       sync.Mutex
	requests map[node.ID]*pendingRequest
	lastID   node.ID // last id given out
	refused  uint64  // requests rejected for want of room
}

func newPendingRequests(limit int) *pendingRequests {
	return &pendingRequests{limit: limit, requests: map[node.ID]*pendingRequest{}, lastID: lastClient}
}

// add adds a request and gives it an unused id. It returns ErrBusy if there is no
// room.
func (p *pendingRequests) add() (node.ID, *pendingRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) >= p.limit {
		p.refused++
		return 0, nil, fmt.Errorf("%w: %d operations wait for this node: try another, or later", ErrBusy, p.limit)
	}
	for {
		if p.lastID++; p.lastID < firstClient { // it wraps round
			p.lastID = firstClient
		}
		if p.requests[p.lastID] == nil {
			a := &pendingRequest{reply: make(chan *node.Reply, 1)}
			p.requests[p.lastID] = a
			return p.lastID, a, nil
		}
	}
}

// remove removes a request that the node will not receive.
func (p *pendingRequests) remove(id node.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.requests, id)
}

// markDelivered marks the requests that are about to be delivered to the node.
func (p *pendingRequests) markDelivered(batch []node.Event) {
	for i := range batch {
		if batch[i].From < firstClient {
			continue
		}
		p.mu.Lock()
		if a := p.requests[batch[i].From]; a != nil {
			a.delivered = true
		}
		p.mu.Unlock()
	}
}

// complete sends a client the node's reply.
func (p *pendingRequests) complete(id node.ID, r *node.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.requests[id]; a != nil {
		a.reply <- r
		delete(p.requests, id)
	}
}

// count returns the number of pending requests, and of requests rejected so far.
func (p *pendingRequests) count() (now int, refused uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests), p.refused
}
