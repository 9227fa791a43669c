package client_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
)

// A client is of one cluster. When another one comes up at its addresses, as one that was
// restored from a backup, that one carries out none of its operations, and those that it
// may have sent before are unknown.
func TestAnotherClusterAtTheAddress(t *testing.T) { eachTransport(t, testAnotherClusterAtTheAddress) }

func testAnotherClusterAtTheAddress(t *testing.T, httpOnly bool) {
	first, second := startNode(t), startNode(t)
	var now atomic.Pointer[string]
	now.Store(&first)
	c := newClient(t, client.Config{Endpoints: []string{"127.0.0.1:1"}, HTTPOnly: httpOnly, Deadline: 2 * time.Second,
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", *now.Load())
		}})
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome)

	now.Store(&second)
	c.Close() // its connections end with the old nodes
	for range 10 {
		r, err = c.Propose(t.Context(), key, "Running")
		require.NoError(t, err)
		if r.Outcome != op.Unknown { // as on a busy host, where it was sent again before it was refused
			break
		}
	}
	require.Equal(t, op.Rejected, r.Outcome, r)
	require.Equal(t, op.OtherCluster, r.Reason, r)
	require.Contains(t, r.Text, "begin anew as a client of this cluster")
	r, err = c.Do(t.Context(), session.Operation{ID: "pay-1", Kind: op.Propose, Key: key, To: "Running"})
	require.NoError(t, err)
	require.Equal(t, op.Unknown, r.Outcome, "it may have been carried out there")
	require.Equal(t, op.OtherCluster, r.Reason, r)
	_, err = c.List(t.Context(), client.ListOptions{})
	require.ErrorIs(t, err, client.ErrUnreachable)
	require.ErrorContains(t, err, "other-cluster")
	st, err := c.Status(t.Context(), "127.0.0.1:1")
	require.NoError(t, err, "a status is of a node, whatever its cluster")
	require.NotEmpty(t, st.Formed)

	r, err = newClient(t, client.Config{Endpoints: []string{second}, HTTPOnly: httpOnly}).Get(t.Context(), key)
	require.NoError(t, err)
	require.EqualValues(t, 0, r.Version, "nothing was carried out")
}

// A response of another cluster that has not refused the request, since it is of a version
// that does not look, is no answer.
func TestResponseOfAnotherClusterIsNoAnswer(t *testing.T) {
	var cluster atomic.Pointer[string]
	a, b := "aaaa", "bbbb"
	cluster.Store(&a)
	named := make(chan string, 8)
	node := fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case named <- r.Header.Get(httpapi.ClusterHeader):
		default: // the proposal is sent again as often as time allows
		}
		w.Header().Set(httpapi.ClusterHeader, *cluster.Load())
		_, _ = w.Write([]byte(`{"key":"lifecycle/web","state":"Running","version":1,"serial":1}`))
	})
	c := newClient(t, client.Config{Endpoints: []string{node}, HTTPOnly: true, Deadline: 300 * time.Millisecond})
	r, err := c.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome)
	r, err = c.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome)
	require.Equal(t, "", <-named)
	require.Equal(t, "aaaa", <-named)
	cluster.Store(&b)
	r, err = c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	require.Equal(t, op.Unknown, r.Outcome, r)
	require.Contains(t, r.Text, "another cluster")
}

// The status of a node is told whatever cluster it is of, and of none yet; and a client
// is not bound by it.
func TestStatusIsOfAnyCluster(t *testing.T) {
	var named atomic.Int32 // requests that name a cluster
	var statuses atomic.Int32
	node := fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(httpapi.ClusterHeader) != "" {
			named.Add(1)
		}
		told := "bbbb"
		if r.URL.Path == "/v1/status" && statuses.Add(1) == 1 {
			told = "aaaa"
		}
		w.Header().Set(httpapi.ClusterHeader, told)
		_, _ = w.Write([]byte(`{"key":"lifecycle/web","state":"Running","version":1,"serial":1}`))
	})
	c := newClient(t, client.Config{Endpoints: []string{node}, HTTPOnly: true, Deadline: time.Second})
	_, err := c.Status(t.Context(), node)
	require.NoError(t, err)
	r, err := c.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, op.Committed, r.Outcome, "the client is of the cluster that answers its operation")
	_, err = c.Status(t.Context(), node)
	require.NoError(t, err)
	require.Zero(t, named.Load())
}

func TestBackupValues(t *testing.T) {
	c := newClient(t, client.Config{Endpoints: []string{startNode(t)}})
	_, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	v, err := c.BackupValues(t.Context(), []string{key, "lifecycle/none"})
	require.NoError(t, err)
	require.Len(t, v.Machines, 1, "a machine without an entry is left out")
	require.Equal(t, key, v.Machines[0].Key)
	require.NotEmpty(t, v.Machines[0].Value)
	_, err = c.BackupValues(t.Context(), []string{"web"})
	require.ErrorIs(t, err, client.ErrRefused)
	page, err := c.ListAt(t.Context(), "127.0.0.1:1", client.ListOptions{})
	require.Error(t, err)
	require.Empty(t, page.Machines)
}
