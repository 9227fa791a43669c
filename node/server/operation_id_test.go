package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

// The node's request for a body and a header. Nothing is assumed of omitted fields:
// the client may have sent its id before.
func TestTransitionRequest(t *testing.T) {
	const key = "lifecycle/web"
	issued := string(node.Stamp(key, 17, "k7"))
	seven := uint64(7)
	for name, c := range map[string]struct {
		body   httpapi.Transition
		header string
		want   node.Request
	}{
		"an id of one's own may repeat": {
			httpapi.Transition{To: "Running", Operation: "pay-1"}, "",
			node.Request{ID: "pay-1", Retry: true},
		},
		"unless it is said that it does not": {
			httpapi.Transition{To: "Running", Operation: "pay-1", First: true}, "",
			node.Request{ID: "pay-1"},
		},
		"older clients say that it does": {
			httpapi.Transition{To: "Running", Operation: "pay-1", Attempt: 3, Base: 4, Retry: true}, "",
			node.Request{ID: "pay-1", Attempt: 3, Watermark: 4, Retry: true},
		},
		"an id that was handed out": {
			httpapi.Transition{To: "Running", Operation: issued, ExpectVersion: &seven}, "",
			node.Request{ID: node.OpID(issued), Retry: true, Expects: true, Expect: 7},
		},
		"an id in the head": {
			httpapi.Transition{To: "Running"}, "pay-1",
			node.Request{ID: "pay-1", Retry: true},
		},
		"a library may send again what has one, whatever the body says": {
			httpapi.Transition{To: "Running", Operation: "pay-1", First: true}, "pay-1",
			node.Request{ID: "pay-1", Retry: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.body.Request(key, c.header, server.RandomName)
			require.NoError(t, err)
			c.want.Kind, c.want.Key, c.want.To, c.want.Attempt = node.Propose, key, "Running", max(1, c.want.Attempt)
			require.Equal(t, &c.want, got)
		})
	}
	none, err := (&httpapi.Transition{To: "Running", Base: 4}).Request(key, "", server.RandomName)
	require.NoError(t, err)
	require.True(t, none.ID.IsOnce())
	require.False(t, none.Retry)
	require.Zero(t, none.Watermark, "of an id that nobody has given")
	other, err := (&httpapi.Transition{To: "Running"}).Request(key, "", server.RandomName)
	require.NoError(t, err)
	require.NotEqual(t, none.ID, other.ID)

	for want, c := range map[string]struct {
		body   httpapi.Transition
		header string
	}{
		"to: missing":                          {body: httpapi.Transition{Operation: "a"}},
		"first and retry":                      {body: httpapi.Transition{To: "Running", Operation: "a", First: true, Retry: true}},
		`the Idempotency-Key is "b"`:           {body: httpapi.Transition{To: "Running", Operation: "a"}, header: "b"},
		"ids that begin with - are made up":    {body: httpapi.Transition{To: "Running", Operation: "-a"}},
		"it was not issued for":                {body: httpapi.Transition{To: "Running", Operation: string(node.Stamp("lifecycle/db", 17, "k7"))}},
		"was not issued for lifecyc":           {body: httpapi.Transition{To: "Running", Operation: "18" + issued[2:]}},
		"operation: invalid operation id: 65 ": {body: httpapi.Transition{To: "Running", Operation: strings.Repeat("x", 65)}},
	} {
		_, err := c.body.Request(key, c.header, server.RandomName)
		require.ErrorContains(t, err, want)
	}
}

// The plain way: the client makes an id, and sends the request again unchanged.
func TestCallerChosenID(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.DedupWindow, cfg.Node.Batch = 4, 4 })
	const body = `{"to":"Running","operation":"pay-1"}`
	first := c.propose(1, "lifecycle/web", body)
	require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Running", Version: 1, Serial: 1}, first.Machine)
	for id := range c.nodes {
		require.Equal(t, first, c.propose(id, "lifecycle/web", body))
	}

	a := c.propose(2, "lifecycle/web", `{"to":"Stopped","operation":"pay-1"}`)
	require.Equal(t, http.StatusConflict, a.Status)
	require.Equal(t, "conflict", a.Error.Code)
	require.Equal(t, "conflict", a.Outcome)
	require.Equal(t, &first.Machine, a.Recorded)
	require.Contains(t, a.Error.Text, "the id pay-1 belongs to an operation that requested something else than Stopped, and after which lifecycle/web was in Running at version 1")

	for _, to := range []string{"Stopped", "Init", "Running", "Stopped"} {
		require.Equal(t, http.StatusOK, c.propose(3, "lifecycle/web", fmt.Sprintf(`{"to":%q}`, to)).Status)
	}
	before := c.get(1, "lifecycle/web").Machine
	for _, again := range []string{body, `{"to":"Init","operation":"new-1"}`, `{"to":"Init","operation":"new-1","base":5}`} {
		a = c.propose(1, "lifecycle/web", again)
		require.Equal(t, http.StatusConflict, a.Status)
		require.Equal(t, "forgotten", a.Error.Code)
		require.Equal(t, "unknown", a.Outcome, "nobody can tell a first request from an old one")
		require.Equal(t, &before, a.Current)
		require.Contains(t, a.Error.Text, "expect_version")
		require.Contains(t, a.Error.Text, "POST /v1/machines/lifecycle/web/operations")
	}
	a = c.propose(1, "lifecycle/web", `{"to":"Init","operation":"new-1","first":true}`)
	require.Equal(t, "forgotten", a.Error.Code)
	require.Equal(t, "rejected", a.Outcome, "whoever says so can tell")
	a = c.propose(1, "lifecycle/web", `{"to":"Init","operation":"new-1","base":9000000000,"retry":true}`)
	require.Equal(t, http.StatusConflict, a.Status)
	require.Equal(t, "base-ahead", a.Error.Code)
	require.Equal(t, "unknown", a.Outcome)
	require.Equal(t, before, c.get(2, "lifecycle/web").Machine)

	// Both remedies work, and work again.
	expecting := fmt.Sprintf(`{"to":"Init","operation":"new-1","expect_version":%d}`, before.Version)
	done := c.propose(1, "lifecycle/web", expecting)
	require.Equal(t, before.Version+1, done.Version, done.Error.Text)
	require.Equal(t, done, c.propose(2, "lifecycle/web", expecting))
	issued := c.issueID(2, "lifecycle/web")
	require.Equal(t, done.Serial, issued.Watermark)
	asked := fmt.Sprintf(`{"to":"Running","operation":%q}`, issued.Operation)
	done = c.propose(3, "lifecycle/web", asked)
	require.Equal(t, before.Version+2, done.Version, done.Error.Text)
	for id := range c.nodes {
		require.Equal(t, done, c.propose(id, "lifecycle/web", asked))
	}
}

// issueID lets a node issue an id.
func (c *cluster) issueID(id node.ID, machine string) httpapi.Issued {
	c.t.Helper()
	resp, err := c.http.Post(c.url(id, "/v1/machines/"+machine+"/operations"), "", nil)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	require.Equal(c.t, http.StatusCreated, resp.StatusCode)
	var i httpapi.Issued
	require.NoError(c.t, json.NewDecoder(resp.Body).Decode(&i))
	return i
}

// Other clients send rejected operations, each under an id of its own, without end.
// The results of earlier operations are kept all the same, since at most half of the
// dedup window is spent on tombstones.
func TestOthersDoNotFlushTheDedupWindow(t *testing.T) {
	c := startCluster(t, 1)
	const mine = `{"to":"Running","operation":"mine"}`
	first := c.propose(1, "lifecycle/web", mine)
	const strangers = 200
	outcomes := map[string]int{}
	for i := range strangers {
		a := c.propose(1, "lifecycle/web", fmt.Sprintf(`{"to":"Init","operation":"stranger-%d"}`, i))
		require.Equal(t, "illegal", a.Error.Code)
		outcomes[a.Outcome]++
	}
	ring := c.configs[1].Node.DedupWindow
	require.Equal(t, map[string]int{"rejected": ring / 2, "unknown": strangers - ring/2}, outcomes)
	require.Equal(t, first, c.propose(1, "lifecycle/web", mine))
	require.Equal(t, uint64(1+ring/2), c.get(1, "lifecycle/web").Serial)

	a := c.propose(1, "lifecycle/web", `{"to":"Init"}`)
	require.Equal(t, "rejected", a.Outcome, "who gives no id needs no entry")
	a = c.propose(1, "lifecycle/web", `{"to":"Init","operation":"careful","expect_version":1}`)
	require.Equal(t, "rejected", a.Outcome, "nor does who expects a version")
	require.True(t, a.Final)
}

// Responses that the server makes without the node follow the same rule: nothing is
// certain of a request that may repeat an earlier one.
func TestUnansweredRetryIsUnknown(t *testing.T) {
	c := newCluster(t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout, cfg.Limits.Pending = 2*time.Second, 1 })
	s := c.start(1)
	go c.tryRequest(1, "GET", "/v1/machines/lifecycle/web", "") // waits for a majority
	eventually(t, "the node is busy", func() bool { return c.metrics(1)["lockstep_operations_waiting"] == 1 })
	outcomes := func(code string) {
		for body, outcome := range map[string]string{
			`{"to":"Running"}`:                                    "rejected",
			`{"to":"Running","operation":"pay-1"}`:                "unknown",
			`{"to":"Running","operation":"pay-1","retry":true}`:   "unknown",
			`{"to":"Running","operation":"pay-1","first":true}`:   "rejected",
			`{"to":"Running","operation":"pay-1","attempt":1}`:    "unknown",
			`{"to":"Running","operation":"p","expect_version":0}`: "unknown",
		} {
			a := c.propose(1, "lifecycle/web", body)
			require.Equal(t, http.StatusServiceUnavailable, a.Status, body)
			require.Equal(t, code, a.Error.Code, body)
			require.Equal(t, outcome, a.Outcome, body)
		}
	}
	outcomes("overloaded")
	s.StartDraining()
	outcomes("stopping")
}
