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

// httpWatch is a watch by HTTP.
type httpWatch struct {
	resp   *http.Response
	in     *bufio.Scanner
	lineAt time.Time // of the last line; zero: there was none
	silent atomic.Bool
	alarm  *time.Timer // ends the request
	cancel context.CancelFunc
}

// openHTTPWatch begins a watch by HTTP.
func (c *Client) openHTTPWatch(ctx context.Context, endpoint string, s watch.Selection) (eventSource, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/v1/watch?"+watchQuery(s), nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer cancel()
		defer resp.Body.Close()
		return nil, responseError(resp)
	}
	w := &httpWatch{resp: resp, in: bufio.NewScanner(resp.Body), cancel: cancel}
	w.alarm = time.AfterFunc(watchIdleTimeout, func() { w.silent.Store(true); cancel() })
	return w, nil
}

// watchQuery returns the parameters of a watch.
func watchQuery(s watch.Selection) string {
	q := url.Values{}
	if s.Single {
		q.Set("key", s.Prefix)
	} else {
		q.Set("prefix", s.Prefix)
	}
	if s.Resume {
		q.Set("from", strconv.FormatUint(s.From, 10))
	}
	return q.Encode()
}

// next implements eventSource.
func (w *httpWatch) next() (e watch.Event, err error) {
	if !w.in.Scan() {
		if w.silent.Load() {
			return e, fmt.Errorf("nothing was received for %v", watchIdleTimeout)
		}
		return e, errors.New("the connection has ended")
	}
	w.alarm.Reset(watchIdleTimeout)
	if err := json.Unmarshal(w.in.Bytes(), &e); err != nil {
		return e, fmt.Errorf("not the line of a node: %.100q", w.in.Bytes())
	}
	if e != (watch.Event{}) { // an event of a later version, or the line of another server, proves no node
		w.lineAt = time.Now()
	}
	return e, nil
}

// heard implements eventSource.
func (w *httpWatch) heard() time.Time { return w.lineAt }

// close implements eventSource.
func (w *httpWatch) close() {
	w.alarm.Stop()
	w.cancel()
	_ = w.resp.Body.Close()
}
