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

// silence is how long a watch may be without any line before its connection
// counts as dead: some heartbeats.
const silence = 45 * time.Second

// Watching says what to watch: one machine by its Key, or all with a Prefix.
type Watching struct {
	Key    string
	Prefix string // if Key is empty

	Resume bool   // begin after version From of each machine, not at the present
	From   uint64 //

	// Lost, if not nil, is told when a node was left for the next, and why.
	Lost func(endpoint string, err error)
}

// Watch tells of the chosen transitions of a machine, or of all with a prefix,
// until ctx ends or tell returns an error, which is then its own. See
// server.Event for what comes in which order. When a node fails, or does
// not keep up, it goes on at another: what that one cannot tell any more is a Gap,
// and nothing is told twice. It remembers the version of every machine that it has
// told of. It gives up with ErrUnreachable when no node can be watched for the
// client's Deadline.
func (c *Client) Watch(ctx context.Context, w Watching, tell func(server.Event) error) error {
	s := sight{asked: w, seen: map[string]uint64{}, behind: map[string]bool{}, tell: tell, heard: time.Now()}
	for {
		f, err := search(ctx, c, question[*http.Response]{lost: w.Lost, ask: func(ctx context.Context, endpoint string) (*http.Response, error) {
			return c.open(ctx, endpoint, s.query())
		}})
		if err != nil {
			return err
		}
		err = s.follow(f)
		switch {
		case s.broken != nil:
			return s.broken
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(s.heard) > c.cfg.Deadline:
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		c.decide(func(now time.Duration) { c.session.Left(now, f.from) })
		if w.Lost != nil {
			w.Lost(c.endpoint(f.from), err)
		}
	}
}

// open begins a watch at one node.
func (c *Client) open(ctx context.Context, endpoint string, what url.Values) (*http.Response, error) {
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
		return nil, refusal(resp)
	}
	return resp, nil
}

// follow tells what one node tells, for as long as that goes well.
func (s *sight) follow(f found[*http.Response]) error {
	defer f.end()
	defer f.answer.Body.Close()
	s.begun = true
	var silent atomic.Bool
	alarm := time.AfterFunc(silence, func() { silent.Store(true); f.end() })
	defer alarm.Stop()
	for in := bufio.NewScanner(f.answer.Body); in.Scan(); alarm.Reset(silence) {
		var e server.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return fmt.Errorf("not the line of a node: %.100q", in.Bytes())
		}
		s.heard = time.Now()
		if err := s.take(e); err != nil {
			return err
		}
	}
	if silent.Load() {
		return fmt.Errorf("nothing was heard for %v", silence)
	}
	return errors.New("the connection has ended")
}

// sight is what has been told of a watch, from whichever nodes.
type sight struct {
	asked  Watching
	begun  bool              // a node has taken it
	seen   map[string]uint64 // the version that each machine was told to be at
	behind map[string]bool   // machines that were told not to have reached the version asked for
	tell   func(server.Event) error
	heard  time.Time // the last line
	broken error     // what tell has returned
}

// query is what to ask the next node. Of many machines all that it knows is
// asked for, and what has been told is left out here.
func (s *sight) query() url.Values {
	q, resume, from := url.Values{}, s.asked.Resume, s.asked.From
	if s.asked.Key != "" {
		q.Set("key", s.asked.Key)
		if seen, ok := s.seen[s.asked.Key]; ok {
			resume, from = true, seen
		}
	} else {
		q.Set("prefix", s.asked.Prefix)
		resume = resume || s.begun // a machine that it has not told of was not there
	}
	if resume {
		q.Set("from", strconv.FormatUint(from, 10))
	}
	return q
}

// take passes an event on, but for what has been told before.
func (s *sight) take(e server.Event) error {
	switch {
	case e.End != nil:
		return fmt.Errorf("%s: %s", e.End.Code, e.End.Text)
	case e.Heartbeat != nil:
		return nil
	case e.State != nil:
		if s.has(e.State.Key, e.State.Version) {
			return nil
		}
		s.seen[e.State.Key] = e.State.Version
	case e.Behind != nil:
		if _, ok := s.seen[e.Behind.Key]; ok || s.behind[e.Behind.Key] {
			return nil
		}
		s.behind[e.Behind.Key] = true
	case e.Transition != nil:
		if s.has(e.Transition.Key, e.Transition.Version) {
			return nil
		}
		s.seen[e.Transition.Key] = e.Transition.Version
	case e.Gap != nil:
		if s.has(e.Gap.Key, e.Gap.To) {
			return nil
		}
		if seen, ok := s.seen[e.Gap.Key]; ok {
			e.Gap.From = max(e.Gap.From, seen+1)
		}
		s.seen[e.Gap.Key] = e.Gap.To
	default:
		return nil // of a later release
	}
	s.broken = s.tell(e)
	return s.broken
}

func (s *sight) has(key string, version uint64) bool {
	seen, ok := s.seen[key]
	return ok && version <= seen
}
