// Package client is the Go client of a cluster: package session, which the
// simulator tests, over streams (package stream) or HTTP. Besides operations a Client
// lists machines and definitions, and watches machines.
package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid client configuration")

// Config is the configuration of a Client.
type Config struct {
	Endpoints      []string      // HTTP addresses, as in 127.0.0.1:8001, of all nodes in the order of their ids
	AttemptTimeout time.Duration // longest wait for a node before another is tried as well, which comes earlier if it usually responds much sooner; 0: 500 ms, or less if Deadline leaves no time to try all
	Deadline       time.Duration // of an operation; 0: 10 s

	// HTTPOnly sends each operation as an HTTP request. Otherwise all operations and
	// watches go over one stream to each node, unless a node speaks none.
	HTTPOnly bool

	// Token is shown to the nodes, which have its hash in a file of tokens; empty: none.
	Token string

	// Dial opens connections to endpoints; nil: TCP. Its error means that there is no
	// connection, so that nothing was sent.
	Dial func(ctx context.Context, endpoint string) (net.Conn, error)

	// TLS, if not nil, returns the TLS configuration of one more connection, on that of
	// Dial. It is called each time, so that certificates can change. An empty ServerName
	// stands for the endpoint's host.
	TLS func() *tls.Config
}

// minAttemptTimeout is the shortest wait for a node that usually responds much sooner,
// before another is tried as well. It is longer than a pause of a collector or a disk.
const minAttemptTimeout = 50 * time.Millisecond

// Client is a client of a cluster. It is safe for concurrent use.
type Client struct {
	cfg       Config
	http      *http.Client
	links     atomic.Pointer[[]*link] // to all nodes that ever were, in the order of their ids; the list is replaced, and only grows
	cluster   clusterID
	startTime time.Time

	mu      sync.Mutex // guards session
	session *session.Session

	pendingCalls sync.Pool // of *pendingCall
}

// Result is the outcome of an operation.
type Result struct {
	Operation op.ID // the id of the last attempt
	Outcome   op.Outcome
	Reason    op.Reason // if not committed
	Text      string    // text of the last response, for people
	State     string
	Version   uint64
	Known     bool      // State and Version are set
	Node      op.NodeID // of a local read: the node that responded
	Boot      uint64    // of a local read: the number of that node's start
}

// New makes a client. It connects with the first operation.
func New(cfg Config) (*Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, fmt.Errorf("%w: endpoints: want at least one", ErrConfig)
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 10 * time.Second
	}
	if cfg.AttemptTimeout == 0 {
		cfg.AttemptTimeout = min(500*time.Millisecond, cfg.Deadline/time.Duration(len(cfg.Endpoints)+1))
	}
	if err := checkToken(cfg.Token); err != nil {
		return nil, err
	}
	sc := session.Config{AttemptTimeout: cfg.AttemptTimeout, MinAttemptTimeout: min(minAttemptTimeout, cfg.AttemptTimeout), Deadline: cfg.Deadline, MaxPause: 100 * time.Millisecond}
	for i, e := range cfg.Endpoints {
		if err := CheckEndpoint(e); err != nil {
			return nil, err
		}
		sc.Nodes = append(sc.Nodes, op.NodeID(i+1))
	}
	var seed [8]byte
	rand.Read(seed[:])
	sc.Jitter = binary.LittleEndian.Uint64(seed[:])
	s, err := session.New(sc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, endpoint string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", endpoint)
		}
	}
	if cfg.TLS != nil {
		cfg.Dial = withTLS(cfg.Dial, cfg.TLS)
	}
	c := &Client{cfg: cfg, session: s, startTime: time.Now()}
	c.http = newHTTPClient(c.dialHTTP, &c.cluster)
	var links []*link
	for i, e := range cfg.Endpoints {
		links = append(links, newLink(c, op.NodeID(i+1), e))
	}
	c.links.Store(&links)
	return c, nil
}

// Close closes all connections. Operations and watches that are not over have lost
// their attempts; they and later ones connect again.
func (c *Client) Close() {
	for _, l := range *c.links.Load() {
		l.close()
	}
	c.http.CloseIdleConnections()
}

// NewName returns a random name for an operation: unique in the cluster, and
// unpredictable from other names.
func (c *Client) NewName() string {
	var random [op.RandomBytes]byte
	rand.Read(random[:])
	return op.RandomName(random)
}

// Get is a linearizable read of a machine.
func (c *Client) Get(ctx context.Context, key string) (Result, error) {
	return c.Do(ctx, session.Operation{Name: c.NewName(), Kind: op.Read, Key: key})
}

// GetLocal reads the state that the first node to respond has learnt; it may be
// stale.
func (c *Client) GetLocal(ctx context.Context, key string) (Result, error) {
	return c.Do(ctx, session.Operation{Name: c.NewName(), Kind: op.ReadLocal, Key: key})
}

// Propose requests a transition.
func (c *Client) Propose(ctx context.Context, key, to string) (Result, error) {
	return c.Do(ctx, session.Operation{Name: c.NewName(), Kind: op.Propose, Key: key, To: to})
}

// ProposeAt requests a transition of a machine that is at the given version.
func (c *Client) ProposeAt(ctx context.Context, key, to string, version uint64) (Result, error) {
	return c.Do(ctx, session.Operation{Name: c.NewName(), Kind: op.Propose, Key: key, To: to, Expects: true, Expect: version})
}

// attemptResult is the end of one attempt.
type attemptResult struct {
	session.Exchange
	text string            // an explanation for people
	from httpapi.Responder // of a local read
}

// Do carries out an operation. The error is ctx's; the cluster's is in the result.
// When ctx ends early the outcome is unknown.
func (c *Client) Do(ctx context.Context, o session.Operation) (Result, error) {
	p := c.newPendingCall(ctx)
	defer c.release(p)
	deadline := time.Now().Add(c.cfg.Deadline)
	var call *session.Call
	var action session.Action
	c.withSession(func(now time.Duration) { call, action = c.session.Begin(now, o) })
	var last attemptResult
	for {
		if action.Request != nil {
			c.attempt(p, action.To, action.Request, deadline)
		}
		if action.Wake > 0 {
			p.timer.Reset(action.Wake)
		}
		if action.Done {
			return result(o, action.Result, last), nil
		}
		action = session.Action{}
		select {
		case <-ctx.Done():
			return Result{Operation: call.ID(), Outcome: op.Unknown, Reason: op.Timeout, Text: last.text}, ctx.Err()
		case <-p.timer.C:
			c.withSession(func(now time.Duration) { action = c.reuse(call, call.Tick(now)) })
		case <-p.ready:
			if a, ok := p.next(); ok {
				last = a
				c.withSession(func(now time.Duration) { action = c.reuse(call, call.EndExchange(now, a.Exchange)) })
			}
		}
	}
}

// reuse gives a call that is over back to the session.
func (c *Client) reuse(call *session.Call, a session.Action) session.Action {
	if a.Done {
		c.session.Reuse(call)
	}
	return a
}

// withSession calls f with the local time, and with exclusive use of the session.
func (c *Client) withSession(f func(now time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(time.Since(c.startTime))
}

// link returns the link to a node.
func (c *Client) link(id op.NodeID) *link { return (*c.links.Load())[id-1] }

// endpoint returns the address of a node.
func (c *Client) endpoint(id op.NodeID) string { return c.link(id).endpoint }

// Unavailable reports whether the operation was not carried out, and never will be,
// only because no node, or no majority, could do so in time.
func (r Result) Unavailable() bool {
	return session.Result{Outcome: r.Outcome, Reason: r.Reason}.Unavailable()
}

func result(o session.Operation, r session.Result, last attemptResult) Result {
	out := Result{
		Operation: r.ID, Outcome: r.Outcome, Reason: r.Reason,
		State: r.State, Version: r.Version, Known: r.State != "",
	}
	if r.Outcome != op.Committed {
		out.Text = last.text
		if out.Text == "" && r.Reason == op.Timeout {
			out.Text = "no node has answered in time"
		}
	}
	out.Node, out.Boot = last.from.Node, last.from.Boot
	return out
}
