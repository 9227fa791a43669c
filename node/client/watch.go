package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// WatchOptions selects the machines to watch: one by its Key, or all with a Prefix.
type WatchOptions struct {
	Key    string
	Prefix string // if Key is empty

	Resume bool   // begin after version From of each machine, not with its current state
	From   uint64 //

	// OnNodeFailed, if not nil, is called before the watch moves from a failed node
	// to the next.
	OnNodeFailed func(endpoint string, err error)
}

// Watch passes the chosen transitions of a machine, or of all with a prefix, to
// handler, until ctx ends or handler returns an error, which Watch then returns.
// See watch.Event for the order of events. When a node fails, or does not keep
// up, the watch goes on at another. Transitions that this one has no more are a
// Gap, and no event is passed twice: Watch keeps the last version of every machine
// in memory. It gives up with ErrUnreachable when no node can be watched for the
// client's Deadline.
func (c *Client) Watch(ctx context.Context, w WatchOptions, handler func(watch.Event) error) error {
	s := watchState{options: w, resumer: watch.NewResumer(), handler: handler, lastHeard: time.Now()}
	for {
		next := s.next()
		f, err := runQuery(ctx, c, query[eventSource]{onFailure: w.OnNodeFailed, call: func(ctx context.Context, node op.NodeID) (eventSource, error) {
			return c.openWatch(ctx, node, next)
		}})
		if err != nil {
			return err
		}
		err = s.handleEvents(f.answer)
		f.cancel()
		switch {
		case s.handlerErr != nil:
			return s.handlerErr
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(s.lastHeard) > c.cfg.Deadline:
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		c.withSession(func(now time.Duration) { c.session.Disconnected(now, f.from) })
		if w.OnNodeFailed != nil {
			w.OnNodeFailed(c.endpoint(f.from), err)
		}
	}
}

// eventSource is a watch at one node. It ends with the context that it was opened with.
type eventSource interface {
	// next returns the next event, which may be a heartbeat.
	next() (watch.Event, error)
	// heard returns the time when the node was last known to serve the watch, after next
	// has returned an error.
	heard() time.Time
	close()
}

// openWatch begins a watch at one node: on its stream, or by HTTP.
func (c *Client) openWatch(ctx context.Context, node op.NodeID, s watch.Selection) (eventSource, error) {
	if !c.cfg.HTTPOnly {
		source, err := c.link(node).openWatch(ctx, s)
		if !errors.Is(err, errNoStreams) {
			return source, err
		}
	}
	return c.openHTTPWatch(ctx, c.endpoint(node), s)
}

// handleEvents handles the events of one node until its connection fails.
func (s *watchState) handleEvents(source eventSource) error {
	defer source.close()
	s.resumer.Accepted()
	for {
		e, err := source.next()
		if err != nil {
			if source.heard().After(s.lastHeard) { // it has served until now, as far as anyone knows
				s.lastHeard = time.Now()
			}
			return err
		}
		if err := s.handleEvent(e); err != nil {
			return err
		}
	}
}

// watchState is the progress of a watch over all its nodes.
type watchState struct {
	options    WatchOptions
	resumer    *watch.Resumer
	handler    func(watch.Event) error
	lastHeard  time.Time // when a node was last known to serve the watch
	handlerErr error     // error of handler
}

// next returns the selection for the next node.
func (s *watchState) next() watch.Selection {
	first := watch.Selection{Prefix: s.options.Prefix, Resume: s.options.Resume, From: s.options.From}
	if s.options.Key != "" {
		first.Single, first.Prefix = true, s.options.Key
	}
	return s.resumer.Next(first)
}

// handleEvent passes an event on, unless an earlier one covers it.
func (s *watchState) handleEvent(e watch.Event) error {
	switch {
	case e.End != nil:
		return fmt.Errorf("%s: %s", e.End.Code, e.End.Text)
	case !s.resumer.Pass(&e): // or it is a heartbeat, or an event of a later version
		return nil
	}
	s.handlerErr = s.handler(e)
	return s.handlerErr
}
