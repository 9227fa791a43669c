package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/watch"
)

const key = "lifecycle/web"

// configOfOne is the configuration of a cluster of one.
func configOfOne(t *testing.T) server.Config {
	cfg := server.Config{
		Node: node.Defaults(), Cluster: "test", Codec: "binary", Listen: "127.0.0.1:0", HTTP: "127.0.0.1:0",
		Peers: map[op.NodeID]string{1: "127.0.0.1:1"}, Data: t.TempDir(),
	}
	cfg.Node.ID = 1
	return cfg
}

// startNode starts a cluster of one and returns its endpoint.
func startNode(t *testing.T, change ...func(*server.Config)) (endpoint string) {
	t.Helper()
	cfg := configOfOne(t)
	for _, f := range change {
		f(&cfg)
	}
	s, err := server.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	return s.HTTPAddr().String()
}

// fakeNode starts a server with the given handler. It speaks no streams.
func fakeNode(t *testing.T, answer http.HandlerFunc) (endpoint string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/stream" {
			http.NotFound(w, r)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// fakeStreams starts a server that answers requests for streams.
func fakeStreams(t *testing.T, answer http.HandlerFunc) (endpoint string) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// switchProtocols begins a stream with the given bytes, and then says nothing.
func switchProtocols(first string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lockstep\r\n\r\n"+first)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// neverAnswer takes a request and never responds.
func neverAnswer(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice that the client disconnects
	<-r.Context().Done()
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// eachTransport runs a test over streams and over HTTP.
func eachTransport(t *testing.T, test func(t *testing.T, httpOnly bool)) {
	t.Run("stream", func(t *testing.T) { test(t, false) })
	t.Run("http", func(t *testing.T) { test(t, true) })
}

func TestOutcomes(t *testing.T) { eachTransport(t, testOutcomes) }

func testOutcomes(t *testing.T, httpOnly bool) {
	c := newClient(t, client.Config{Endpoints: []string{startNode(t)}, HTTPOnly: httpOnly})
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, client.Result{Operation: r.Operation, Outcome: op.Committed, State: "Running", Version: 1, Known: true}, r)
	require.NotEmpty(t, r.Operation)

	r, err = c.Propose(t.Context(), key, "Init")
	require.NoError(t, err)
	require.Equal(t, op.Rejected, r.Outcome)
	require.Equal(t, op.Illegal, r.Reason)
	require.True(t, r.Known)
	require.Equal(t, "Running", r.State, "what made it illegal")
	require.Contains(t, r.Text, "from which Init cannot be reached")

	r, err = c.ProposeAt(t.Context(), key, "Stopped", 7)
	require.NoError(t, err)
	require.Equal(t, op.VersionMismatch, r.Reason)
	require.Equal(t, uint64(1), r.Version)
	r, err = c.ProposeAt(t.Context(), key, "Stopped", 1)
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Version)

	for _, read := range []func(context.Context, string) (client.Result, error){c.Get, c.GetLocal} {
		r, err = read(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, op.Committed, r.Outcome)
		require.Equal(t, "Stopped", r.State)
		require.Equal(t, uint64(2), r.Version)
	}
	r, err = c.GetLocal(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 1}, []uint64{uint64(r.Node), r.Boot}, "what is told locally is told by one life of one node")
	r, err = c.Get(t.Context(), "nothing/web")
	require.NoError(t, err)
	require.Equal(t, op.UnknownDefinition, r.Reason)
}

// An operation is the same in another client that knows its id.
func TestRepeatedByAnotherClient(t *testing.T) { eachTransport(t, testRepeatedByAnotherClient) }

func testRepeatedByAnotherClient(t *testing.T, httpOnly bool) {
	endpoint := startNode(t)
	first := newClient(t, client.Config{Endpoints: []string{endpoint}, HTTPOnly: httpOnly})
	was, err := first.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	second := newClient(t, client.Config{Endpoints: []string{endpoint}, HTTPOnly: httpOnly})
	require.NotEqual(t, was.Operation.Name(), second.NewName())
	now, err := second.Do(t.Context(), session.Operation{ID: was.Operation, Kind: op.Propose, Key: key, To: "Running"})
	require.NoError(t, err)
	require.Equal(t, was, now)
}

// Nodes that are down, or are not nodes, are skipped.
func TestFailover(t *testing.T) { eachTransport(t, testFailover) }

func testFailover(t *testing.T, httpOnly bool) {
	for name, bad := range map[string]string{
		"down":                 tcptest.Address(t),
		"not a node":           fakeNode(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }),
		"broken proxy":         fakeNode(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) }),
		"hangs up":             fakeNode(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"endless nothing":      fakeNode(t, neverAnswer),
		"hangs up on a stream": fakeStreams(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"hangs on a stream":    fakeStreams(t, neverAnswer),
		"no hello":             fakeStreams(t, switchProtocols("")),
		"not a hello":          fakeStreams(t, switchProtocols("hello, hello, hello")),
	} {
		t.Run(name, func(t *testing.T) {
			good := startNode(t)
			c := newClient(t, client.Config{Endpoints: []string{bad, good, bad}, HTTPOnly: httpOnly, AttemptTimeout: 300 * time.Millisecond, Deadline: time.Minute})
			for i, to := range []string{"Running", "Stopped", "Init"} {
				r, err := c.Propose(t.Context(), key, to)
				require.NoError(t, err)
				require.Equal(t, op.Committed, r.Outcome, r.Text)
				require.Equal(t, uint64(i+1), r.Version)
			}
		})
	}
}

// An operation that cannot have reached any node is rejected, and not unknown.
func TestNoNodeListens(t *testing.T) {
	c := newClient(t, client.Config{Endpoints: []string{tcptest.Address(t), tcptest.Address(t)}, Deadline: 300 * time.Millisecond})
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Rejected, r.Outcome)
	require.Contains(t, r.Text, "connection refused")
	require.False(t, r.Known)
}

// An operation that may have reached a node is unknown.
func TestNoNodeAnswers(t *testing.T) {
	var attempts sync.Map
	var asked atomic.Int32
	endpoint := fakeNode(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		attempts.Store(r.RemoteAddr, true)
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, client.Config{Endpoints: []string{endpoint}, Deadline: 500 * time.Millisecond})
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Unknown, r.Outcome)
	require.Equal(t, op.Timeout, r.Reason)
	require.Greater(t, asked.Load(), int32(1), "it was tried again")
	connections := int32(0)
	attempts.Range(func(any, any) bool { connections++; return true })
	require.Equal(t, asked.Load(), connections, "each attempt is one request")
}

// An operation whose context ends early is unknown.
func TestContextEnds(t *testing.T) {
	endpoint := fakeNode(t, neverAnswer)
	c := newClient(t, client.Config{Endpoints: []string{endpoint}, AttemptTimeout: time.Hour, Deadline: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := c.Propose(ctx, key, "Running")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, op.Unknown, r.Outcome)
}

// A client is safe for concurrent use.
func TestConcurrentUse(t *testing.T) { eachTransport(t, testConcurrentUse) }

func testConcurrentUse(t *testing.T, httpOnly bool) {
	c := newClient(t, client.Config{Endpoints: []string{startNode(t)}, HTTPOnly: httpOnly})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 10 {
				r, err := c.Propose(t.Context(), fmt.Sprintf("lifecycle/m-%d", i), []string{"Running", "Stopped", "Init"}[j%3])
				if err != nil || r.Outcome != op.Committed || r.Version != uint64(j+1) {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	all.Wait()
}

func TestBadConfig(t *testing.T) {
	for _, endpoints := range [][]string{nil, {"127.0.0.1"}, {"127.0.0.1:8001", "http://127.0.0.1:8002"}} {
		_, err := client.New(client.Config{Endpoints: endpoints})
		require.ErrorIs(t, err, client.ErrConfig, "%q", endpoints)
		require.ErrorContains(t, err, "endpoint")
	}
	_, err := client.New(client.Config{Endpoints: []string{"127.0.0.1:8001"}, Deadline: -1})
	require.ErrorIs(t, err, client.ErrConfig)
	require.NotContains(t, err.Error(), "endpoints", "that is not what is wrong")
}

// A node that abstains is skipped, for every kind of request: the one to it has
// certainly had no effect.
func TestNodeThatAbstainsIsPassedOver(t *testing.T) {
	eachTransport(t, testNodeThatAbstainsIsPassedOver)
}

func testNodeThatAbstainsIsPassedOver(t *testing.T, httpOnly bool) {
	var asked atomic.Int64
	abstains := fakeNode(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"error":{"code":"abstains","text":"this node takes no part, and others may"},"outcome":"rejected"}`)
	})
	c := newClient(t, client.Config{Endpoints: []string{abstains, startNode(t)}, HTTPOnly: httpOnly})
	for range 2 { // in one of them it is tried, whichever node is the machine's home
		r, err := c.Propose(t.Context(), key, "Running")
		require.NoError(t, err)
		require.Contains(t, []op.Reason{"", op.Illegal}, r.Reason)
		r, err = c.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, uint64(1), r.Version)
	}
	page, err := c.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Machines, 1)
	enough := errors.New("enough")
	require.ErrorIs(t, c.Watch(t.Context(), client.WatchOptions{Key: key}, func(e watch.Event) error {
		require.Equal(t, uint64(1), e.State.Version)
		return enough
	}), enough)
	require.Positive(t, asked.Load(), "and avoided for a while")

	alone := newClient(t, client.Config{Endpoints: []string{abstains}, AttemptTimeout: 50 * time.Millisecond, Deadline: 200 * time.Millisecond})
	r, err := alone.Propose(t.Context(), key, "Stopped")
	require.NoError(t, err)
	require.Equal(t, op.Rejected, r.Outcome)
	require.Equal(t, op.Abstains, r.Reason)
	require.Equal(t, "this node takes no part, and others may", r.Text)
}
