package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/session"
)

// found is what one node has answered, or why it has not.
type found[T any] struct {
	number int // of the exchange
	from   node.ID
	answer T
	err    error
	end    context.CancelFunc // ends the exchange
}

// question is what any node can answer by itself.
type question[T any] struct {
	ask  func(ctx context.Context, endpoint string) (T, error)
	lost func(endpoint string, err error) // told of each node that has not answered; may be nil
}

// search asks one node after the other, as session.Search decides, until one
// answers or refuses (ErrRefused), ctx ends, or the time is up (ErrUnreachable).
// What the others were asked is cancelled; the exchange that was answered goes on
// until found.end is called.
func search[T any](ctx context.Context, c *Client, q question[T]) (winner found[T], err error) {
	answers := make(chan found[T])
	var exchanges []context.CancelFunc
	winner.number = -1
	defer func() {
		for i, end := range exchanges {
			if i != winner.number {
				end()
			}
		}
	}()
	var s *session.Search
	var step session.Step
	c.decide(func(now time.Duration) { s, step = c.session.Search(now) })
	why := errors.New("no answer in time")
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if step.To != 0 {
			ctx, end := context.WithCancel(ctx)
			go exchange(ctx, found[T]{number: len(exchanges), from: step.To, end: end}, c.endpoint(step.To), q, answers)
			exchanges = append(exchanges, end)
		}
		if step.Done {
			return winner, fmt.Errorf("%w: %w", ErrUnreachable, why)
		}
		timer.Reset(step.Wake)
		select {
		case <-ctx.Done():
			return winner, ctx.Err()
		case <-timer.C:
			c.decide(func(now time.Duration) { step = s.Tick(now) })
		case f := <-answers:
			if f.err == nil || errors.Is(f.err, ErrRefused) {
				c.decide(func(now time.Duration) { s.Heard(now, f.from) })
				return f, f.err
			}
			f.end()
			why = f.err
			if q.lost != nil {
				q.lost(c.endpoint(f.from), f.err)
			}
			c.decide(func(now time.Duration) { step = s.Failed(now, f.from) })
		}
	}
}

// exchange asks one node, and hands over what came of it while ctx lasts.
func exchange[T any](ctx context.Context, f found[T], endpoint string, q question[T], answers chan<- found[T]) {
	f.answer, f.err = q.ask(ctx, endpoint)
	select {
	case answers <- f:
	case <-ctx.Done():
	}
}
