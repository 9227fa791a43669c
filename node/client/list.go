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

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/server"
)

// ErrRefused is returned when a node understands the question and does not
// answer it: another node would not either.
var ErrRefused = errors.New("refused")

// ErrUnreachable is returned when no node has answered in time.
var ErrUnreachable = errors.New("no node answers")

// Bounds of what is read of an answer: a page of a thousand entries with the
// longest names, and as many definitions as there may be.
const (
	maxPage        = 1 << 20
	maxDefinitions = 64 << 20
)

// ListOptions says which machines to list.
type ListOptions struct {
	Prefix       string // of their keys
	After        string // only keys above this one
	State        string // only machines in this state; empty: in any
	Limit        int    // of a page; 0: left to the node
	Linearizable bool   // read each machine; otherwise: what one node knows
}

func (l *ListOptions) query() url.Values {
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
func (c *Client) List(ctx context.Context, l ListOptions) (server.Page, error) {
	return getFromAny[server.Page](ctx, c, "/v1/machines?"+l.query().Encode(), maxPage)
}

// Definitions lists those that the first node knows that answers.
func (c *Client) Definitions(ctx context.Context) ([]fsm.Definition, error) {
	return getFromAny[[]fsm.Definition](ctx, c, "/v1/definitions", maxDefinitions)
}

// Status is what the node at one of the client's endpoints says of itself.
func (c *Client) Status(ctx context.Context, endpoint string) (server.Status, error) {
	return getJSON[server.Status](ctx, c, "http://"+endpoint+"/v1/status", maxPage)
}

// getFromAny gives the answer of the first node that answers.
func getFromAny[T any](ctx context.Context, c *Client, path string, most int64) (T, error) {
	f, err := runQuery(ctx, c, query[T]{call: func(ctx context.Context, endpoint string) (T, error) {
		return getJSON[T](ctx, c, "http://"+endpoint+path, most)
	}})
	if err == nil {
		f.cancel()
	}
	return f.answer, err
}

// getJSON gets a JSON answer, of so many bytes at most.
func getJSON[T any](ctx context.Context, c *Client, url string, most int64) (answer T, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer, responseError(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(&answer); err != nil {
		return answer, fmt.Errorf("%s: not an answer of a node: %w", req.URL.Host, err)
	}
	return answer, nil
}

// responseError is the error that a node has answered with.
func responseError(resp *http.Response) error {
	var f server.Failure
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
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
