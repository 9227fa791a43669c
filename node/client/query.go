package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
)

// queryResult is the response of one node, or the error instead of one.
type queryResult[T any] struct {
	index  int // of the request
	from   op.NodeID
	answer T
	err    error
	cancel context.CancelFunc // ends the request
}

// query is a request that each node can answer by itself.
type query[T any] struct {
	call      func(ctx context.Context, node op.NodeID) (T, error)
	onFailure func(endpoint string, err error) // called for each node that has failed; may be nil
}

// runQuery sends a query to one node after the other, as session.Query decides,
// until one responds or rejects it (ErrRefused), ctx ends, or the deadline passes
// (ErrUnreachable). Then it cancels the requests to the others; the one of the
// result goes on until the result's cancel is called.
func runQuery[T any](ctx context.Context, c *Client, q query[T]) (winner queryResult[T], err error) {
	answers := make(chan queryResult[T])
	var exchanges []context.CancelFunc
	winner.index = -1
	defer func() {
		for i, end := range exchanges {
			if i != winner.index {
				end()
			}
		}
	}()
	var s *session.Query
	var step session.QueryAction
	c.withSession(func(now time.Duration) { s, step = c.session.Query(now) })
	lastErr := errors.New("no answer in time")
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if step.To != 0 {
			ctx, end := context.WithCancel(ctx)
			go queryNode(ctx, queryResult[T]{index: len(exchanges), from: step.To, cancel: end}, q, answers)
			exchanges = append(exchanges, end)
		}
		if step.Done {
			return winner, fmt.Errorf("%w: %w", ErrUnreachable, lastErr)
		}
		timer.Reset(step.Wake)
		select {
		case <-ctx.Done():
			return winner, ctx.Err()
		case <-timer.C:
			c.withSession(func(now time.Duration) { step = s.Tick(now) })
		case f := <-answers:
			if f.err == nil || errors.Is(f.err, ErrRefused) {
				c.withSession(func(now time.Duration) { s.Heard(now, f.from) })
				return f, f.err
			}
			f.cancel()
			lastErr = f.err
			if q.onFailure != nil {
				q.onFailure(c.endpoint(f.from), f.err)
			}
			c.withSession(func(now time.Duration) { step = s.Failed(now, f.from) })
		}
	}
}

// queryNode sends a query to one node, and passes on the result unless ctx has
// ended.
func queryNode[T any](ctx context.Context, f queryResult[T], q query[T], answers chan<- queryResult[T]) {
	f.answer, f.err = q.call(ctx, f.from)
	select {
	case answers <- f:
	case <-ctx.Done():
	}
}
