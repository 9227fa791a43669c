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
	s := sight{asked: w, seen: map[string]uint64{}, tell: tell}
	last := time.Now()
	for i := 0; ; i++ {
		endpoint := c.cfg.Endpoints[i%len(c.cfg.Endpoints)]
		heard, err := c.watchAt(ctx, endpoint, &s)
		if heard {
			last = time.Now()
		}
		switch {
		case s.broken != nil:
			return s.broken
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrRefused):
			return err
		case time.Since(last) > c.cfg.Deadline:
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if w.Lost != nil {
			w.Lost(endpoint, err)
		}
		if (i+1)%len(c.cfg.Endpoints) == 0 {
			sleep(ctx, pauseOfRound)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watchAt watches at one node for as long as that goes well, and reports whether
// it has told anything.
func (c *Client) watchAt(ctx context.Context, endpoint string, s *sight) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(c.cfg.Attempt, func() { cancel(fmt.Errorf("%s says nothing", endpoint)) })
	defer alarm.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/v1/watch?"+s.query().Encode(), nil)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, refusal(resp)
	}
	s.begun = true
	for in := bufio.NewScanner(resp.Body); ; heard = true {
		alarm.Reset(silence)
		if !in.Scan() {
			return heard, cause(ctx, or(in.Err(), errors.New("the connection has ended")))
		}
		var e server.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return heard, fmt.Errorf("%s: not the line of a node: %.100q", endpoint, in.Bytes())
		}
		if err := s.take(e); err != nil {
			return heard, err
		}
	}
}

// cause is why ctx was cancelled, if it was, or else err.
func cause(ctx context.Context, err error) error { return or(context.Cause(ctx), err) }

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// sight is what has been told of a watch, from whichever nodes.
type sight struct {
	asked  Watching
	begun  bool              // a node has taken it
	seen   map[string]uint64 // the version that each machine was told to be at
	tell   func(server.Event) error
	broken error // what tell has returned
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
	}
	s.broken = s.tell(e)
	return s.broken
}

func (s *sight) has(key string, version uint64) bool {
	seen, ok := s.seen[key]
	return ok && version <= seen
}
