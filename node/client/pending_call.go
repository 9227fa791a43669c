package client

import (
	"context"
	"sync"
	"time"
)

// pendingCall is an operation that waits for the ends of its attempts. It is used again
// for others: the generation tells them apart.
type pendingCall struct {
	timer *time.Timer
	ready chan struct{} // holds a token if there are results

	mu         sync.Mutex // guards the following
	generation uint64
	results    []attemptResult
	parent     context.Context    // the caller's
	http       context.Context    // of attempts by HTTP; nil: there were none
	endHTTP    context.CancelFunc //

	exchanges []*exchange // all so far; only for Client.Do
}

// newPendingCall returns a call without attempts.
func (c *Client) newPendingCall(ctx context.Context) *pendingCall {
	p, _ := c.pendingCalls.Get().(*pendingCall)
	if p == nil {
		p = &pendingCall{timer: time.NewTimer(time.Hour), ready: make(chan struct{}, 1)}
		p.timer.Stop()
	}
	p.mu.Lock()
	p.parent = ctx
	p.mu.Unlock()
	return p
}

// release ends all attempts of a call that are on their way, and gives the call back.
func (c *Client) release(p *pendingCall) {
	for _, x := range p.exchanges {
		x.link.cancel(x)
	}
	p.mu.Lock()
	p.generation++ // no more results are taken
	if p.endHTTP != nil {
		p.endHTTP()
	}
	clear(p.results)
	p.results, p.parent, p.http, p.endHTTP = p.results[:0], nil, nil, nil
	p.mu.Unlock()
	select {
	case <-p.ready:
	default:
	}
	p.timer.Stop()
	clear(p.exchanges)
	p.exchanges = p.exchanges[:0]
	c.pendingCalls.Put(p)
}

// deliver takes the end of an attempt, unless the call is over.
func (p *pendingCall) deliver(generation uint64, r attemptResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation != generation {
		return
	}
	p.results = append(p.results, r)
	p.signal()
}

func (p *pendingCall) signal() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// next returns the next end of an attempt. ok is false if there is none.
func (p *pendingCall) next() (r attemptResult, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.results) == 0 {
		return r, false
	}
	r = p.results[0]
	if p.results = append(p.results[:0], p.results[1:]...); len(p.results) > 0 {
		p.signal()
	}
	return r, true
}

// context returns the context of attempts by HTTP. ok is false if the call is over.
func (p *pendingCall) context(generation uint64) (ctx context.Context, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation != generation {
		return nil, false
	}
	if p.http == nil {
		p.http, p.endHTTP = context.WithCancel(p.parent)
	}
	return p.http, true
}
