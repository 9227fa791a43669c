package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
)

// maxResponse bounds the size of a response, in bytes.
const maxResponse = 64 << 10

// newHTTPClient returns the client that sends attempts. An attempt must be sent
// once only, or its First flag would be wrong. When a kept connection breaks,
// net/http sends a request again, but only if it has no effect, no byte of it was
// written, or it has an Idempotency-Key (Request.isReplayable). It follows
// redirects, after which an error does not tell whether the first request arrived;
// so redirects are off.
func newHTTPClient(dial func(ctx context.Context, network, address string) (net.Conn, error), cluster *clusterID) *http.Client {
	return &http.Client{
		Transport:     &clusterTransport{&http.Transport{DialContext: dial, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}, cluster},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// attempt sends one request to one node: on its stream, or by HTTP.
func (c *Client) attempt(p *pendingCall, to op.NodeID, r *op.Request, deadline time.Time) {
	x := &exchange{link: c.link(to), call: p, generation: p.generation, request: r, deadline: deadline}
	p.exchanges = append(p.exchanges, x)
	if c.cfg.HTTPOnly || !x.link.start(x) {
		x.overHTTP()
	}
}

// roundTrip sends a request and awaits the response until ctx ends: a late one
// counts, too.
func (c *Client) roundTrip(ctx context.Context, endpoint string, r *op.Request) attemptResult {
	req, err := newHTTPRequest(ctx, endpoint, r)
	if err != nil {
		return attemptResult{text: err.Error()}
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return attemptResult{Exchange: session.Exchange{NeverSent: neverSent(err)}, text: describeTLS(err).Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return attemptResult{text: fmt.Sprintf("%s: %v", endpoint, err)}
	}
	if speaksTLS(resp.StatusCode, body) {
		return attemptResult{Exchange: session.Exchange{NeverSent: true}, text: fmt.Sprintf("%s: %v", endpoint, ErrSpeaksTLS)}
	}
	a, err := httpapi.Decode(r, resp.StatusCode, body)
	if err != nil {
		return attemptResult{text: fmt.Sprintf("%s: %v", endpoint, err)}
	}
	return attemptResult{Exchange: session.Exchange{Reply: a.Reply}, text: a.Text, from: a.From}
}

func newHTTPRequest(ctx context.Context, endpoint string, r *op.Request) (*http.Request, error) {
	target := httpapi.TargetOf(r)
	url := "http://" + endpoint + target.String()
	if r.Kind != op.Propose {
		return http.NewRequestWithContext(ctx, target.Method, url, nil)
	}
	body, err := json.Marshal(httpapi.TransitionOf(r))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, target.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.GetBody = nil // see newHTTPClient
	return req, nil
}

// dialError is the error of a dial: there is no connection.
type dialError struct{ error }

// Unwrap returns the error of Config.Dial.
func (e dialError) Unwrap() error { return e.error }

// dialHTTP opens a connection for requests by HTTP. The end of a request does not end its
// dial, since net/http keeps the connection for the next one: so it has a time of its own.
func (c *Client) dialHTTP(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimings.connect)
	defer cancel()
	conn, err := c.cfg.Dial(ctx, address)
	if err != nil {
		return nil, dialError{err}
	}
	return conn, nil
}

// neverSent reports whether a request that failed with err cannot have reached a
// node: there was no connection, or the node has refused it in the TLS handshake.
func neverSent(err error) bool {
	var failed dialError
	return errors.As(err, &failed) || certificateRefused(err)
}
