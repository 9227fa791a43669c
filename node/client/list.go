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

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrRefused is the error for a valid request that a node rejects, as every other
// node would.
var ErrRefused = errors.New("refused")

// ErrUnreachable is the error if no node responds in time.
var ErrUnreachable = errors.New("no node answers")

// maxPage bounds a response, in bytes: a page of a thousand entries with the longest
// names, or of definitions.
const maxPage = 1 << 20

// ListOptions selects the machines to list.
type ListOptions struct {
	Prefix       string // of their keys
	After        string // only keys above this one
	State        string // only machines in this state; empty: any
	Limit        int    // of a page; 0: the node's default
	Linearizable bool   // read each machine; otherwise: as known to one node
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

// List returns a page of machines in the order of their keys, as the first node to
// respond knows them. A page may be shorter than its limit, even empty: the last
// is the one without Next, which is the After of the following page.
func (c *Client) List(ctx context.Context, l ListOptions) (httpapi.Page, error) {
	return getFromAny[httpapi.Page](ctx, c, "/v1/machines?"+l.query().Encode(), maxPage)
}

// Definitions returns the definitions that the first node to respond knows, in the order
// of their names. It reads them page by page: if that node fails, the next one goes on.
func (c *Client) Definitions(ctx context.Context) (all []fsm.Definition, err error) {
	all = []fsm.Definition{}
	for after := ""; ; {
		page, err := c.definitionsPage(ctx, after)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Definitions...)
		if page.Next == "" {
			return all, nil
		}
		if page.Next <= after { // that node would send pages for ever
			return nil, fmt.Errorf("%w: a page of definitions after %q is followed by that after %q", ErrUnreachable, after, page.Next)
		}
		after = page.Next
	}
}

func (c *Client) definitionsPage(ctx context.Context, after string) (httpapi.DefinitionsPage, error) {
	q := url.Values{"limit": {"1000"}}
	if after != "" {
		q.Set("after", after)
	}
	return getFromAny[httpapi.DefinitionsPage](ctx, c, "/v1/definitions?"+q.Encode(), maxPage)
}

// Status returns the status of the node at one of the client's endpoints, of whatever
// cluster it is, and if it is of none yet.
func (c *Client) Status(ctx context.Context, endpoint string) (httpapi.Status, error) {
	return getJSON[httpapi.Status](context.WithValue(ctx, anyCluster{}, true), c, "http://"+endpoint+"/v1/status", maxPage)
}

// getFromAny returns the response of the first node that responds.
func getFromAny[T any](ctx context.Context, c *Client, path string, maxBytes int64) (T, error) {
	f, err := runQuery(ctx, c, query[T]{call: func(ctx context.Context, node op.NodeID) (T, error) {
		return getJSON[T](ctx, c, "http://"+c.endpoint(node)+path, maxBytes)
	}})
	if err == nil {
		f.cancel()
	}
	return f.answer, err
}

// getJSON gets a JSON response of at most maxBytes.
func getJSON[T any](ctx context.Context, c *Client, url string, maxBytes int64) (answer T, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return doJSON[T](c, req, maxBytes)
}

// doJSON sends a request, and returns its JSON response of at most maxBytes.
func doJSON[T any](c *Client, req *http.Request, maxBytes int64) (answer T, err error) {
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return answer, describeTLS(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return answer, responseError(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBytes)).Decode(&answer); err != nil {
		return answer, fmt.Errorf("%s: not an answer of a node: %w", req.URL.Host, err)
	}
	return answer, nil
}

// responseError returns the error in a node's response.
func responseError(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
	}
	if speaksTLS(resp.StatusCode, body) {
		return fmt.Errorf("%s: %w", resp.Request.URL.Host, ErrSpeaksTLS)
	}
	f, err := httpapi.DecodeFailure(resp.StatusCode, body)
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
	}
	return refusal(op.Reason(f.Error.Code), f.Error.Text)
}

// refusal returns the error for a request that a node refuses.
func refusal(code op.Reason, text string) error {
	if httpapi.IsOfAll(code) {
		return fmt.Errorf("%w: %s", ErrRefused, text)
	}
	return fmt.Errorf("%s: %s", code, text)
}
