package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Any node accepts a transition, and all nodes serve the result.
func TestAnyNodeServes(t *testing.T) {
	for _, codecs := range [][]string{{"binary", "binary", "binary"}, {"cbor", "cbor", "cbor"}, {"json", "json", "json"}, {"json", "binary", "cbor"}} {
		t.Run(strings.Join(codecs, " "), func(t *testing.T) {
			c := startCluster(t, 3, func(cfg *server.Config) { cfg.Codec = codecs[cfg.Node.ID-1] })
			a := c.get(1, "lifecycle/web")
			require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Init"}, a.Machine)
			for i, to := range []string{"Running", "Stopped", "Init", "Running"} {
				by := node.ID(1 + i%3)
				want := watch.Machine{Key: "lifecycle/web", State: to, Version: uint64(i + 1), Serial: uint64(i + 1)}
				a := c.propose(by, "lifecycle/web", fmt.Sprintf(`{"to":%q}`, to))
				require.Equal(t, http.StatusOK, a.Status)
				require.Equal(t, want, a.Machine)
				for id := range c.nodes {
					require.Equal(t, want, c.get(id, "lifecycle/web").Machine, "node %d", id)
					require.Equal(t, want, c.request(id, "GET", "/v1/machines/lifecycle/web?consistency=linearizable", "").Machine)
					eventually(t, "a local read tells what was committed", func() bool {
						return c.request(id, "GET", "/v1/machines/lifecycle/web?consistency=local", "").Machine == want
					})
				}
			}
		})
	}
}

// A single node is a cluster, too.
func TestOneNode(t *testing.T) {
	c := startCluster(t, 1)
	require.Equal(t, uint64(1), c.propose(1, "lifecycle/web", `{"to":"Running"}`).Version)
	require.Equal(t, "Running", c.get(1, "lifecycle/web").State)
}

// An operation takes effect once, however often it is sent and to whichever node.
func TestOperationIsRepeated(t *testing.T) {
	c := startCluster(t, 3)
	first := c.propose(1, "lifecycle/web", `{"to":"Running","operation":"op-1"}`)
	require.Equal(t, uint64(1), first.Version)
	for id := range c.nodes {
		again := c.propose(id, "lifecycle/web", `{"to":"Running","operation":"op-1","attempt":2,"retry":true}`)
		require.Equal(t, first, again)
	}
	require.Equal(t, uint64(2), c.propose(2, "lifecycle/web", `{"to":"Stopped","operation":"op-2"}`).Version)
	again := c.propose(3, "lifecycle/web", `{"to":"Running","operation":"op-1","attempt":3,"retry":true}`)
	require.Equal(t, first, again, "what has happened since makes no difference")
	require.Equal(t, uint64(2), c.get(1, "lifecycle/web").Version)
}

// Without an id every request is an operation of its own.
func TestOperationWithoutID(t *testing.T) {
	c := startCluster(t, 1)
	c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	a := c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	require.Equal(t, http.StatusConflict, a.Status)
	require.Equal(t, "illegal", a.Error.Code)
}

func TestExpectedVersion(t *testing.T) {
	c := startCluster(t, 3)
	a := c.propose(1, "lifecycle/web", `{"to":"Running","expect_version":1}`)
	require.Equal(t, http.StatusConflict, a.Status)
	require.Equal(t, "mismatch", a.Error.Code)
	require.Equal(t, "rejected", a.Outcome)
	require.Equal(t, "lifecycle/web is at version 0, not 1", a.Error.Text)
	require.Equal(t, &watch.Machine{Key: "lifecycle/web", State: "Init"}, a.Current)

	require.Equal(t, uint64(1), c.propose(2, "lifecycle/web", `{"to":"Running","expect_version":0}`).Version)
	a = c.propose(3, "lifecycle/web", `{"to":"Stopped","expect_version":0}`)
	require.Equal(t, "mismatch", a.Error.Code)
	require.Equal(t, &watch.Machine{Key: "lifecycle/web", State: "Running", Version: 1, Serial: 1}, a.Current)
}

// An invalid request is rejected with a status, a code for programs and a text for
// people, and changes nothing.
func TestRefusals(t *testing.T) {
	c := startCluster(t, 1)
	c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	const post, get, web = "POST", "GET", "/v1/machines/lifecycle/web"
	for _, r := range []struct {
		method, path, body string
		status             int
		code, text         string
	}{
		{post, web + "/transitions", `{"to":"Init"}`, 409, "illegal", "lifecycle/web is in Running, from which Init cannot be reached"},
		{post, web + "/transitions", `{"to":"Flying"}`, 422, "unknown-state", `its definition has no state "Flying"`},
		{post, "/v1/machines/nothing/web/transitions", `{"to":"Running"}`, 404, "unknown-definition", "no node knows its definition"},
		{get, "/v1/machines/nothing/web", ``, 404, "unknown-definition", "no node knows its definition"},

		{get, "/v1/machines/lifecycle/a%20b", ``, 400, "bad-request", `machine name "a b"`},
		{get, "/v1/machines/lifecycle/a%2Fb", ``, 400, "bad-request", `machine name "a/b"`},
		{get, "/v1/machines/life%00cycle/a", ``, 400, "bad-request", `definition name "life\x00cycle"`},
		{get, "/v1/machines/lifecycle/" + strings.Repeat("x", 1000), ``, 400, "bad-request", "machine name"},
		{post, "/v1/machines/lifecycle/%C3%A9/transitions", `{"to":"Running"}`, 400, "bad-request", "only letters, digits"},
		{get, web + "?consistency=strong", ``, 400, "bad-request", `consistency "strong": want local or linearizable`},

		{post, web + "/transitions", ``, 415, "unsupported-media-type", "want application/json"},
		{post, web + "/transitions?expect_version=1", `{"to":"Stopped"}`, 400, "bad-request", "the request takes no parameters"},
		{post, web + "/operations", `{}`, 400, "bad-request", "the request takes no body"},
		{post, web + "/operations?to=Running", ``, 400, "bad-request", "and no parameters"},
		{get, web + "?consistency=local&consistency=linearizable", ``, 400, "bad-request", "consistency: given twice"},
		{get, web + "?consistent=local", ``, 400, "bad-request", "consistent: no such parameter: want consistency"},
		{get, web + "?%zz", ``, 400, "bad-request", "query: "},
		{get, web + "?consistency=local;x", ``, 400, "bad-request", "write a semicolon as %3B"},
		{post, web + "/transitions", `not JSON`, 400, "bad-request", `want {"to":STATE,...}`},
		{post, web + "/transitions", `[]`, 400, "bad-request", "body: "},
		{post, web + "/transitions", `{}`, 400, "bad-request", "to: missing"},
		{post, web + "/transitions", `{"to":"Stopped","too":1}`, 400, "bad-request", `unknown field "too"`},
		{post, web + "/transitions", `{"to":"Stopped"}{"to":"Init"}`, 400, "bad-request", "more than one value"},
		{post, web + "/transitions", `{"To":"Stopped"}`, 400, "bad-request", `unknown field "To": write it "to"`},
		{post, web + "/transitions", `{"to":"Stopped","expect_version":null}`, 400, "bad-request", "expect_version: null"},
		{post, web + "/transitions", `{"to":"Stopped","expect_version":-1}`, 400, "bad-request", "expect_version"},
		{post, web + "/transitions", `{"to":"Stopped","attempt":"second"}`, 400, "bad-request", "attempt"},
		{post, web + "/transitions", `{"to":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too-large", "the body is larger than 65536 bytes"},
		{post, web + "/transitions", `{"to":"Stopped","operation":"` + strings.Repeat("x", node.MaxOpID+1) + `"}`, 400, "bad-request", "operation: "},
	} {
		a := c.request(1, r.method, r.path, r.body)
		what := fmt.Sprintf("%s %.60s %.60s", r.method, r.path, r.body)
		require.Equal(t, r.status, a.Status, what)
		require.Equal(t, r.code, a.Error.Code, what)
		require.Contains(t, a.Error.Text, r.text, what)
		require.Equal(t, "rejected", a.Outcome, what)
	}
	require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Running", Version: 1, Serial: 1}, c.get(1, "lifecycle/web").Machine)

	for path, status := range map[string]int{
		"PUT " + web:                          http.StatusMethodNotAllowed,
		"DELETE " + web + "/transitions":      http.StatusMethodNotAllowed,
		"GET " + web + "/transitions":         http.StatusMethodNotAllowed,
		"POST /v1/status":                     http.StatusMethodNotAllowed,
		"GET /v1/machines/lifecycle":          http.StatusNotFound,
		"GET /v2/machines/lifecycle/web":      http.StatusNotFound,
		"GET /v1/machines/lifecycle/web/more": http.StatusNotFound,
		"GET /v1/machines/lifecycle/../web":   http.StatusBadRequest,
		"GET /v1//status":                     http.StatusBadRequest,
	} {
		method, path, _ := strings.Cut(path, " ")
		a := c.request(1, method, path, "")
		require.Equal(t, status, a.Status, path)
		require.Equal(t, "bad-request", a.Error.Code, path)
		require.Equal(t, "rejected", a.Outcome, path)
		require.Contains(t, a.Error.Text, map[int]string{
			http.StatusNotFound: path + ": no such path", http.StatusMethodNotAllowed: path + ": want ",
			http.StatusBadRequest: path + ": want a path without //, . and .. parts",
		}[status])
	}
	resp, err := http.Head(c.url(1, web+"/transitions"))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "POST", resp.Header.Get("Allow"))
}

// After a restart a node may hold a value without knowing whether it was chosen. A
// local read and a listing report the state as unknown, and not as initial.
func TestLocalReadAfterRestart(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.RepairDelay = 0 }) // otherwise it would soon learn the value
	c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	eventually(t, "node 2 has heard", func() bool {
		return c.request(2, "GET", "/v1/machines/lifecycle/web?consistency=local", "").State == "Running"
	})
	c.stop(2)
	c.start(2)
	c.awaitAll()
	_, text := c.getText(2, "/v1/machines/lifecycle/web?consistency=local")
	require.Equal(t, `{"key":"lifecycle/web","unknown":true,"node":2,"boot":2}`+"\n", text)
	_, text = c.getText(2, "/v1/machines")
	require.Contains(t, text, `{"key":"lifecycle/web","unknown":true}`)
	require.Equal(t, "Running", c.get(2, "lifecycle/web").State)
	_, text = c.getText(2, "/v1/machines/lifecycle/web?consistency=local")
	require.Contains(t, text, `"state":"Running","version":1`)
	_, text = c.getText(2, "/v1/machines/lifecycle/untouched?consistency=local")
	require.Contains(t, text, `"state":"Init","version":0`)
}

// A node that reaches no majority responds after the consensus timeout: a read had
// no effect, the outcome of a transition is unknown.
func TestNoMajority(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{2}, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 200 * time.Millisecond })
	a := c.propose(2, "lifecycle/web", `{"to":"Running"}`)
	require.Equal(t, http.StatusGatewayTimeout, a.Status)
	require.Equal(t, "timeout", a.Error.Code)
	require.Equal(t, "no majority of the nodes answered in time", a.Error.Text)
	a = c.get(2, "lifecycle/web")
	require.Equal(t, http.StatusGatewayTimeout, a.Status)
	require.Equal(t, "timeout", a.Error.Code)
	a = c.request(2, "GET", "/v1/machines/lifecycle/web?consistency=local", "")
	require.Equal(t, http.StatusOK, a.Status, "what a node knows itself it tells")
	require.Equal(t, "Init", a.State)

	status, text := c.getText(2, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "not ready: it reaches 1 of 3 members, itself included, and needs 2\n", text)
	status, text = c.getText(2, "/livez")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "alive\n", text)

	c.start(1)
	eventually(t, "node 2 gets ready", func() bool {
		status, text = c.getText(2, "/readyz")
		return status == http.StatusOK && text == "ready\n"
	})
	tries := 0
	eventually(t, "a majority answers, once it is introduced", func() bool {
		tries++
		return c.propose(2, fmt.Sprintf("lifecycle/api-%d", tries), `{"to":"Running"}`).Status == http.StatusOK
	})
}

// A request for a machine with a full queue is rejected at once.
func TestMachineQueueFull(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) {
		cfg.Node.ConsensusTimeout, cfg.Node.Queue = time.Second, 2
	})
	var all sync.WaitGroup
	answers := make(chan response, 10)
	for range cap(answers) {
		all.Go(func() {
			a, err := c.tryRequest(1, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		})
	}
	all.Wait()
	close(answers)
	codes := map[string]int{}
	for a := range answers {
		codes[a.Error.Code]++
		if a.Error.Code == "overloaded" {
			require.Equal(t, http.StatusServiceUnavailable, a.Status)
			require.Equal(t, "rejected", a.Outcome)
		}
	}
	require.Positive(t, codes["overloaded"], codes)
	require.Positive(t, codes["timeout"], codes)
	require.Len(t, codes, 2)
}

// The status page has the facts that operators need.
func TestStatus(t *testing.T) {
	c := startCluster(t, 3)
	c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	resp, err := c.http.Get(c.url(1, "/v1/status"))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))

	st := c.nodes[1].Status()
	require.Equal(t, node.ID(1), st.Node)
	require.Equal(t, "test", st.Cluster)
	require.Len(t, st.Incarnation, 8)
	require.Len(t, st.Life, 8)
	require.Equal(t, uint64(1), st.Boot)
	require.Equal(t, "formed", st.Stage)
	require.Len(t, st.Formed, 32)
	require.Equal(t, c.nodes[2].Status().Formed, st.Formed)
	require.NotEqual(t, c.nodes[2].Status().Life, st.Life)
	require.Equal(t, []node.ID{1, 2, 3}, st.Members)
	require.False(t, st.Abstains)
	require.True(t, st.Ready)
	require.Empty(t, st.Reason)
	require.Equal(t, 1, st.Machines)
	require.Equal(t, uint64(1), st.Commits)
	require.Equal(t, []httpapi.PeerStatus{
		{Node: 2, Address: c.configs[1].Peers[2], Up: true, Build: httpapi.UnknownBuild},
		{Node: 3, Address: c.configs[1].Peers[3], Up: true, Build: httpapi.UnknownBuild},
	}, st.Peers)

	c.stop(3)
	eventually(t, "node 1 sees that node 3 is gone", func() bool { return !c.nodes[1].Status().Peers[1].Up })
	st = c.nodes[1].Status()
	require.True(t, st.Ready, "two of three are enough")
	require.NotEmpty(t, st.Peers[1].Error)
}

// Members show each other the versions of their programs, cut to a length. The status has them, and the
// lowest: unknown as long as a member shows none, as one of an earlier version.
func TestStatusHasTheVersions(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) {
		cfg.Build = map[node.ID]string{1: "v1.3.0 one", 2: "v1.2.0 " + strings.Repeat("x", 500)}[cfg.Node.ID]
	})
	two := "v1.2.0 " + strings.Repeat("x", 128-len("v1.2.0 "))
	st := c.nodes[1].Status()
	require.Equal(t, "v1.3.0 one", st.Build)
	require.Equal(t, two, st.Peers[0].Build)
	require.Equal(t, httpapi.UnknownBuild, st.Peers[1].Build)
	require.Equal(t, httpapi.UnknownBuild, st.LowestBuild)

	c.stop(3)
	c.configs[3].Build = "v1.10.0 three"
	c.start(3)
	eventually(t, "node 1 is shown the version of the next life", func() bool { return c.nodes[1].Status().Peers[1].Build == "v1.10.0 three" })
	require.Equal(t, two, c.nodes[1].Status().LowestBuild)
}
