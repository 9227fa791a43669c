package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// fakeWatch starts a server that responds to a watch with lines and hangs up. It
// keeps the parameters of the requests.
func fakeWatch(t *testing.T, asked *[]string, lines ...string) (endpoint string) {
	return fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.RawQuery)
		for _, l := range lines {
			fmt.Fprintln(w, l)
		}
	})
}

func state(key string, version int) string {
	return fmt.Sprintf(`{"state":{"key":%q,"state":"Init","version":%d}}`, key, version)
}

func transition(key string, version int) string {
	return fmt.Sprintf(`{"transition":{"key":%q,"version":%d,"from":"Init","to":"Running","operation":"x"}}`, key, version)
}

func gap(key string, from, to int) string {
	return fmt.Sprintf(`{"gap":{"key":%q,"from":%d,"to":%d}}`, key, from, to)
}

// collectEvents watches until it has n events.
func collectEvents(t *testing.T, n int, w client.WatchOptions, endpoints ...string) (events []string) {
	t.Helper()
	return collectFrom(t, newClient(t, client.Config{Endpoints: endpoints, Deadline: 5 * time.Second}), n, w)
}

func collectFrom(t *testing.T, c *client.Client, n int, w client.WatchOptions) (events []string) {
	t.Helper()
	enough := errors.New("enough")
	err := c.Watch(t.Context(), w, func(e watch.Event) error {
		switch {
		case e.State != nil:
			events = append(events, fmt.Sprintf("%s is v%d", e.State.Key, e.State.Version))
		case e.Transition != nil:
			events = append(events, fmt.Sprintf("%s v%d", e.Transition.Key, e.Transition.Version))
		case e.Gap != nil:
			events = append(events, fmt.Sprintf("%s gap %d-%d", e.Gap.Key, e.Gap.From, e.Gap.To))
		}
		if len(events) == n {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	return events
}

// When a connection ends the watch goes on at another node, from the last event;
// an event that both nodes send is passed once.
func TestWatchFailover(t *testing.T) {
	var first, second []string
	a := fakeWatch(t, &first, state(key, 3), transition(key, 4), `{"heartbeat":{}}`, transition(key, 5))
	b := fakeWatch(t, &second, state(key, 5), transition(key, 6))
	require.Equal(t, []string{key + " is v3", key + " v4", key + " v5", key + " v6"},
		collectEvents(t, 4, client.WatchOptions{Key: key}, tcptest.Address(t), a, b))
	require.Equal(t, []string{"key=lifecycle%2Fweb"}, first)
	require.Equal(t, []string{"from=5&key=lifecycle%2Fweb"}, second)
}

// A watch with a prefix requests from the next node all that it has.
func TestWatchOfManyFailover(t *testing.T) {
	var first, second []string
	a := fakeWatch(t, &first, state("a", 3), state("b", 1), transition("b", 2), `{"end":{"code":"slow","text":""}}`)
	b := fakeWatch(t, &second, gap("a", 1, 2), transition("a", 3), transition("a", 4), gap("b", 1, 5), transition("b", 6), state("c", 0), transition("c", 1))
	require.Equal(t, []string{"a is v3", "b is v1", "b v2", "a v4", "b gap 3-5", "b v6", "c is v0", "c v1"},
		collectEvents(t, 8, client.WatchOptions{Prefix: ""}, a, b))
	require.Equal(t, []string{"prefix="}, first)
	require.Equal(t, []string{"from=0&prefix="}, second)
}

// A real node sends the same events as the fakes above.
func TestWatchRealNode(t *testing.T) { eachTransport(t, testWatchRealNode) }

func testWatchRealNode(t *testing.T, httpOnly bool) {
	endpoint := startNode(t)
	c := newClient(t, client.Config{Endpoints: []string{endpoint}, HTTPOnly: httpOnly})
	go func() {
		for _, to := range []string{"Running", "Stopped", "Init"} {
			_, _ = c.Propose(context.Background(), key, to)
		}
	}()
	require.Equal(t, []string{key + " is v0", key + " v1", key + " v2", key + " v3"},
		collectFrom(t, c, 4, client.WatchOptions{Key: key, Resume: true}))
	page, err := c.List(t.Context(), client.ListOptions{Prefix: "lifecycle/w", State: "Init", Limit: 1, Linearizable: true})
	require.NoError(t, err)
	require.Equal(t, []httpapi.Listed{{Key: key, State: "Init", Version: 3}}, page.Machines)
}

// A request that one node rejects is not sent to others; without a reachable node
// the error is ErrUnreachable.
func TestWatchAndListFail(t *testing.T) { eachTransport(t, testWatchAndListFail) }

func testWatchAndListFail(t *testing.T, httpOnly bool) {
	down := tcptest.Address(t)
	c := newClient(t, client.Config{Endpoints: []string{down, startNode(t)}, HTTPOnly: httpOnly})
	err := c.Watch(t.Context(), client.WatchOptions{Key: "nothing/a"}, nil)
	require.ErrorIs(t, err, client.ErrRefused)
	require.ErrorContains(t, err, "no node knows its definition")
	_, err = c.List(t.Context(), client.ListOptions{Limit: 1_000_000})
	require.ErrorIs(t, err, client.ErrRefused)
	require.ErrorContains(t, err, "want 1 to 1000")

	c = newClient(t, client.Config{Endpoints: []string{down}, HTTPOnly: httpOnly, Deadline: 300 * time.Millisecond})
	lost := 0
	err = c.Watch(t.Context(), client.WatchOptions{OnNodeFailed: func(string, error) { lost++ }}, nil)
	require.ErrorIs(t, err, client.ErrUnreachable)
	require.ErrorContains(t, err, "connection refused")
	require.Positive(t, lost)
	_, err = c.List(t.Context(), client.ListOptions{})
	require.ErrorIs(t, err, client.ErrUnreachable)

	silent := newClient(t, client.Config{Endpoints: []string{fakeNode(t, neverAnswer)}, HTTPOnly: httpOnly, AttemptTimeout: 50 * time.Millisecond, Deadline: 200 * time.Millisecond})
	err = silent.Watch(t.Context(), client.WatchOptions{}, nil)
	require.ErrorIs(t, err, client.ErrUnreachable)
	require.ErrorContains(t, err, "no answer in time")

	mute := newClient(t, client.Config{Endpoints: []string{fakeNode(t, func(http.ResponseWriter, *http.Request) {})}, HTTPOnly: httpOnly, Deadline: 300 * time.Millisecond})
	require.ErrorIs(t, mute.Watch(t.Context(), client.WatchOptions{}, nil), client.ErrUnreachable, "a node that takes a watch and tells nothing")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Watch(ctx, client.WatchOptions{}, nil), context.Canceled)
}
