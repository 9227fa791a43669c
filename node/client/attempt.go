package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
)

// maxResponse bounds the size of a response, in bytes.
const maxResponse = 64 << 10

// newHTTPClient returns the client that sends attempts. An attempt must be sent
// once only, or its First flag would be wrong. When a kept connection breaks,
// net/http sends a request again, but only if it has no effect, no byte of it was
// written, or it has an Idempotency-Key (Request.isReplayable). It follows
// redirects, after which an error does not tell whether the first request arrived;
// so redirects are off.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// attempt sends one request to one node, and passes on the result.
func (c *Client) attempt(ctx context.Context, to node.ID, r *node.Request, answers chan<- attemptResult) {
	a := c.roundTrip(ctx, c.endpoint(to), r)
	a.attempt = r.Attempt
	select {
	case answers <- a:
	case <-ctx.Done():
	}
}

// roundTrip sends a request and awaits the response until ctx ends: a late one
// counts, too. The reply of the result is nil if the outcome is open.
func (c *Client) roundTrip(ctx context.Context, endpoint string, r *node.Request) attemptResult {
	req, err := newHTTPRequest(ctx, endpoint, r)
	if err != nil {
		return attemptResult{text: err.Error()}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if neverSent(err) {
			return attemptResult{reply: newReply(r, node.Rejected, node.Unreachable), text: err.Error()}
		}
		return attemptResult{text: err.Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return attemptResult{text: fmt.Sprintf("%s: %v", endpoint, err)}
	}
	return parseResponse(r, resp.StatusCode, body, endpoint)
}

func newHTTPRequest(ctx context.Context, endpoint string, r *node.Request) (*http.Request, error) {
	url := "http://" + endpoint + "/v1/machines/" + r.Key
	switch r.Kind {
	case node.Read:
		return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	case node.ReadLocal:
		return http.NewRequestWithContext(ctx, http.MethodGet, url+"?consistency=local", nil)
	}
	t := server.Transition{To: r.To, Operation: string(r.ID), First: !r.Retry}
	if r.ID.IsOnce() {
		t.Operation, t.First = "", false
	}
	if r.Expects {
		t.ExpectVersion = &r.Expect
	}
	body, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/transitions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.GetBody = nil // see newHTTPClient
	return req, nil
}

// neverSent reports whether a request that failed with err cannot have reached a
// node: there was no connection.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// parseResponse decodes a node's response.
func parseResponse(r *node.Request, status int, body []byte, endpoint string) attemptResult {
	if status == http.StatusOK {
		var m server.Local
		if err := json.Unmarshal(body, &m); err != nil || (m.State == "") != m.Unknown {
			return attemptResult{text: fmt.Sprintf("%s: not an answer of a node: %.100q", endpoint, body)}
		}
		if m.Unknown {
			return attemptResult{
				reply: newReply(r, node.Unknown, node.NotLearnt), node: m.Node, boot: m.Boot,
				text: fmt.Sprintf("node %d has not learnt its state in this life: request a linearizable read", m.Node),
			}
		}
		out := newReply(r, node.Committed, "")
		out.State, out.Version, out.Serial = m.State, m.Version, m.Serial
		return attemptResult{reply: out, node: m.Node, boot: m.Boot}
	}
	var f server.Failure
	if err := json.Unmarshal(body, &f); err != nil || f.Error.Code == "" {
		return attemptResult{text: fmt.Sprintf("%s: not an answer of a node: status %d, %.100q", endpoint, status, body)}
	}
	out := newReply(r, node.Unknown, node.Reason(f.Error.Code)) // unless the node is certain
	switch {
	case f.Outcome == node.Rejected.String():
		out.Outcome, out.Final = node.Rejected, f.Final
	case out.Reason == node.IDConflict:
		out.Outcome, out.Final = node.Rejected, true
	}
	if m := cmp.Or(f.Current, f.Recorded); m != nil {
		out.State, out.Version, out.Serial = m.State, m.Version, m.Serial
	}
	return attemptResult{reply: out, text: f.Error.Text}
}

func newReply(r *node.Request, o node.Outcome, why node.Reason) *node.Reply {
	return &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: o, Reason: why}
}
