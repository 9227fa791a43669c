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

	"github.com/lockstep-dst/lockstep/node/server"
)

// watchIdleTimeout is how long a watch may be without any line before its connection
// counts as dead: some heartbeats.
const watchIdleTimeout = 45 * time.Second

// WatchOptions says what to watch: one machine by its Key, or all with a Prefix.
type WatchOptions struct {
	Key    string
	Prefix string // if Key is empty

	Resume bool   // begin after version From of each machine, not at the present
	From   uint64 //

	// Lost, if not nil, is told when a node was left for the next, and why.
	OnNodeFailed func(endpoint string, err error)
}

// Watch tells of the chosen transitions of a machine, or of all with a prefix,
// until ctx ends or tell returns an error, which is then its own. See
// server.Event for what comes in which order. When a node fails, or does
// not keep up, it goes on at another: what that one cannot tell any more is a Gap,
// and nothing is told twice. It remembers the version of every machine that it has
// told of. It gives up with ErrUnreachable when no node can be watched for the
// client's Deadline.
func (c *Client) Watch(ctx context.Context, w WatchOptions, tell func(server.Event) error) error {
	s := watchState{options: w, versions: map[string]uint64{}, behind: map[string]bool{}, handler: tell, lastLineAt: time.Now()}
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

// readEvents tells what one node tells, for as long as that goes well.
func (s *watchState) readEvents(f queryResult[*http.Response]) error {
	defer f.cancel()
	defer f.answer.Body.Close()
	s.started = true
	var silent atomic.Bool
	alarm := time.AfterFunc(watchIdleTimeout, func() { silent.Store(true); f.cancel() })
	defer alarm.Stop()
	for in := bufio.NewScanner(f.answer.Body); in.Scan(); alarm.Reset(watchIdleTimeout) {
		var e server.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return fmt.Errorf("not the line of a node: %.100q", in.Bytes())
		}
		s.lastLineAt = time.Now()
		if err := s.handleEvent(e); err != nil {
			return err
		}
	}
	if silent.Load() {
		return fmt.Errorf("nothing was heard for %v", watchIdleTimeout)
	}
	return errors.New("the connection has ended")
}

// watchState is what has been told of a watch, from whichever nodes.
type watchState struct {
	options    WatchOptions
	started    bool              // a node has taken it
	versions   map[string]uint64 // the version that each machine was told to be at
	behind     map[string]bool   // machines that were told not to have reached the version asked for
	handler    func(server.Event) error
	lastLineAt time.Time // the last line
	handlerErr error     // what tell has returned
}

// nextQuery is what to ask the next node. Of many machines all that it knows is
// asked for, and what has been told is left out here.
func (s *watchState) nextQuery() url.Values {
	q, resume, from := url.Values{}, s.options.Resume, s.options.From
	if s.options.Key != "" {
		q.Set("key", s.options.Key)
		if seen, ok := s.versions[s.options.Key]; ok {
			resume, from = true, seen
		}
	} else {
		q.Set("prefix", s.options.Prefix)
		resume = resume || s.started // a machine that it has not told of was not there
	}
	if resume {
		q.Set("from", strconv.FormatUint(from, 10))
	}
	return q
}

// handleEvent passes an event on, but for what has been told before.
func (s *watchState) handleEvent(e server.Event) error {
	switch {
	case e.End != nil:
		return fmt.Errorf("%s: %s", e.End.Code, e.End.Text)
	case e.Heartbeat != nil:
		return nil
	case e.State != nil:
		if s.alreadySeen(e.State.Key, e.State.Version) {
			return nil
		}
		s.versions[e.State.Key] = e.State.Version
	case e.Behind != nil:
		if _, ok := s.versions[e.Behind.Key]; ok || s.behind[e.Behind.Key] {
			return nil
		}
		s.behind[e.Behind.Key] = true
	case e.Transition != nil:
		if s.alreadySeen(e.Transition.Key, e.Transition.Version) {
			return nil
		}
		s.versions[e.Transition.Key] = e.Transition.Version
	case e.Gap != nil:
		if s.alreadySeen(e.Gap.Key, e.Gap.To) {
			return nil
		}
		if seen, ok := s.versions[e.Gap.Key]; ok {
			e.Gap.From = max(e.Gap.From, seen+1)
		}
		s.versions[e.Gap.Key] = e.Gap.To
	default:
		return nil // of a later release
	}
	s.handlerErr = s.handler(e)
	return s.handlerErr
}

func (s *watchState) alreadySeen(key string, version uint64) bool {
	seen, ok := s.versions[key]
	return ok && version <= seen
}
