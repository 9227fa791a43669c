package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node/watch"
)

// watchIdleTimeout is the time without a line, several heartbeats, after which the
// connection of a watch is dead.
const watchIdleTimeout = 45 * time.Second

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
	s := watchState{options: w, resumer: watch.NewResumer(), handler: handler, lastLineAt: time.Now()}
	for {
		f, err := runQuery(ctx, c, query[*http.Response]{onFailure: w.OnNodeFailed, call: func(ctx context.Context, endpoint string) (*http.Response, error) {
			return c.openWatch(ctx, endpoint, s.nextQuery())
		}})
		if err != nil {
			return err
		}
		err = s.readEvents(f)
		switch {
		case s.handlerErr != nil:
			return s.handlerErr
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(s.lastLineAt) > c.cfg.Deadline:
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		c.withSession(func(now time.Duration) { c.session.Disconnected(now, f.from) })
		if w.OnNodeFailed != nil {
			w.OnNodeFailed(c.endpoint(f.from), err)
		}
	}
}

// openWatch begins a watch at one node.
func (c *Client) openWatch(ctx context.Context, endpoint string, what url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/v1/watch?"+what.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, responseError(resp)
	}
	return resp, nil
}

// readEvents handles the events of one node until its connection fails.
func (s *watchState) readEvents(f queryResult[*http.Response]) error {
	defer f.cancel()
	defer f.answer.Body.Close()
	s.resumer.Accepted()
	var silent atomic.Bool
	alarm := time.AfterFunc(watchIdleTimeout, func() { silent.Store(true); f.cancel() })
	defer alarm.Stop()
	for in := bufio.NewScanner(f.answer.Body); in.Scan(); alarm.Reset(watchIdleTimeout) {
		var e watch.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return fmt.Errorf("not the line of a node: %.100q", in.Bytes())
		}
		s.lastLineAt = time.Now()
		if err := s.handleEvent(e); err != nil {
			return err
		}
	}
	if silent.Load() {
		return fmt.Errorf("nothing was received for %v", watchIdleTimeout)
	}
	return errors.New("the connection has ended")
}

// watchState is the progress of a watch over all its nodes.
type watchState struct {
	options    WatchOptions
	resumer    *watch.Resumer
	handler    func(watch.Event) error
	lastLineAt time.Time // time of the last line
	handlerErr error     // error of handler
}

// nextQuery returns the parameters of the watch at the next node.
func (s *watchState) nextQuery() url.Values {
	first := watch.Selection{Prefix: s.options.Prefix, Resume: s.options.Resume, From: s.options.From}
	if s.options.Key != "" {
		first.Single, first.Prefix = true, s.options.Key
	}
	next, q := s.resumer.Next(first), url.Values{}
	if next.Single {
		q.Set("key", next.Prefix)
	} else {
		q.Set("prefix", next.Prefix)
	}
	if next.Resume {
		q.Set("from", strconv.FormatUint(next.From, 10))
	}
	return q
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
