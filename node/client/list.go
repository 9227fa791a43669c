package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
)

// ErrRefused is returned when a node understands the question and does not
// answer it: another node would not either.
var ErrRefused = errors.New("refused")

// ErrUnreachable is returned when no node has answered in time.
var ErrUnreachable = errors.New("no node answers")

// maxPage bounds what is read of a page: a thousand entries with the longest
// names.
const maxPage = 1 << 20

// Listing says which machines to list.
type Listing struct {
	Prefix       string // of their keys
	After        string // only keys above this one
	State        string // only machines in this state; empty: in any
	Limit        int    // of a page; 0: left to the node
	Linearizable bool   // read each machine; otherwise: what one node knows
}

func (l *Listing) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"prefix": l.Prefix, "after": l.After, "state": l.State} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if l.Limit != 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Linearizable {
		q.Set("consistency", "linearizable")
	}
	return q
}

// List gives a page of machines in the order of their keys, as the first node
// knows them that answers. A page may be shorter than its limit, even empty: the
// last is the one without Next, which is the After of the page that follows.
func (c *Client) List(ctx context.Context, l Listing) (page server.Page, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cancel()
	err = c.inTurn(ctx, func(endpoint string) error {
		ctx, cancel := context.WithTimeout(ctx, c.patience(l.Linearizable))
		defer cancel()
		page = server.Page{}
		return c.fetch(ctx, "http://"+endpoint+"/v1/machines?"+l.query().Encode(), &page)
	})
	return page, err
}

// patience is how long to wait for one node. Many reads take it longer.
func (c *Client) patience(many bool) time.Duration {
	if many {
		return c.cfg.Deadline
	}
	return c.cfg.Attempt
}

// inTurn asks one node after the other until one answers or refuses, or ctx
// ends.
func (c *Client) inTurn(ctx context.Context, ask func(endpoint string) error) error {
	for i := 0; ; i++ {
		err := ask(c.cfg.Endpoints[i%len(c.cfg.Endpoints)])
		if err == nil || errors.Is(err, ErrRefused) {
			return err
		}
		pause := time.Duration(0)
		if (i+1)%len(c.cfg.Endpoints) == 0 {
			pause = pauseOfRound
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		case <-time.After(pause):
		}
	}
}

// pauseOfRound is between asking all nodes and asking all nodes again.
const pauseOfRound = 200 * time.Millisecond

// fetch gets a JSON answer.
func (c *Client) fetch(ctx context.Context, url string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPage)).Decode(answer); err != nil {
		return fmt.Errorf("%s: not an answer of a node: %w", req.URL.Host, err)
	}
	return nil
}

// refusal is the error that a node has answered with.
func refusal(resp *http.Response) error {
	var f server.Failure
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil || f.Error.Code == "" {
		return fmt.Errorf("%s: not an answer of a node: status %d, %.100q", resp.Request.URL.Host, resp.StatusCode, body)
	}
	switch node.Reason(f.Error.Code) {
	case node.BadRequest, node.UnknownDefinition:
		return fmt.Errorf("%w: %s", ErrRefused, f.Error.Text)
	}
	return fmt.Errorf("%s: %s", f.Error.Code, f.Error.Text)
}
