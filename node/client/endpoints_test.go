package client_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
)

// A client that is given other endpoints uses those, and no others, for what begins later.
func TestEndpointsAreReplaced(t *testing.T) {
	var first, second atomic.Int64
	count := func(n *atomic.Int64) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"key":%q,"state":"Running","version":1,"serial":1}`, key)
		}
	}
	one, two := fakeNode(t, count(&first)), fakeNode(t, count(&second))
	c := newClient(t, client.Config{Endpoints: []string{one}})
	get := func() {
		r, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, op.Committed, r.Outcome, r.Text)
	}
	get()
	require.NoError(t, c.SetEndpoints([]string{two}))
	get()
	require.NoError(t, c.SetEndpoints([]string{one, one})) // the same, twice, as before
	get()
	require.EqualValues(t, 2, first.Load())
	require.EqualValues(t, 1, second.Load())
	require.ErrorIs(t, c.SetEndpoints(nil), client.ErrConfig)
	require.ErrorIs(t, c.SetEndpoints([]string{"http://x"}), client.ErrConfig)
	get()
}

// A client that follows the members goes to the ones that serve, and not to one that was
// removed; as long as a member does not say where it serves, the endpoints that the client
// was made with stay in use.
func TestClientFollowsTheMembers(t *testing.T) {
	var members atomic.Value
	var asked [3]atomic.Int64
	var endpoints [3]string
	for i := range endpoints {
		endpoints[i] = fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/v1/members" {
				fmt.Fprint(w, members.Load())
				return
			}
			asked[i].Add(1)
			fmt.Fprintf(w, `{"key":%q,"state":"Running","version":1,"serial":1}`, key)
		})
	}
	list := func(text ...string) string {
		all := `{"node":1,"epoch":2,"voters":[1],"last_id":3,"members":[`
		for i, x := range text {
			all += map[bool]string{true: ","}[i > 0] + x
		}
		return all + "]}"
	}
	member := func(i int) string { return fmt.Sprintf(`{"node":%d,"role":"voter","endpoint":%q}`, i+1, endpoints[i]) }
	members.Store(list(member(1), member(2), `{"node":4,"role":"invited"}`))
	c := newClient(t, client.Config{Endpoints: endpoints[:1]})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Follow(ctx, time.Millisecond) }()
	uses := func(i int) func() bool {
		return func() bool {
			before := asked[i].Load()
			for n := range 20 {
				_, err := c.Get(t.Context(), fmt.Sprintf("lifecycle/m%d", n))
				require.NoError(t, err)
			}
			return asked[i].Load() > before
		}
	}
	require.Eventually(t, uses(1), 30*time.Second, time.Millisecond, "the second is used")
	require.Eventually(t, uses(2), 30*time.Second, time.Millisecond, "the third is used")
	require.Eventually(t, func() bool { return !uses(0)() }, 30*time.Second, time.Millisecond, "the first is not")
	members.Store(list(member(2), `{"node":1,"role":"voter"}`))
	require.Eventually(t, uses(0), 30*time.Second, time.Millisecond, "the first is used again, which may be the one that does not say")
	require.Eventually(t, func() bool { return !uses(1)() }, 30*time.Second, time.Millisecond, "the second is not")
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.ErrorIs(t, c.Follow(t.Context(), 0), client.ErrConfig)
}
