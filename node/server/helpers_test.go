package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// testTimeout is long for the sake of slow hosts; no test is expected to need it.
const testTimeout = 60 * time.Second

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(testTimeout); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(limit) {
			require.FailNow(t, "never happened: "+what)
		}
	}
}

// cluster is a few nodes in this process. A node is down until it is started.
type cluster struct {
	t       testing.TB
	configs map[node.ID]*server.Config
	nodes   map[node.ID]*server.Server
	http    *http.Client
}

// newCluster configures nodes 1 to n. At the end of the test none of their
// goroutines may be left.
func newCluster(t testing.TB, n int, change ...func(*server.Config)) *cluster {
	t.Helper()
	requireNoGoroutines(t)
	c := &cluster{
		t: t, configs: map[node.ID]*server.Config{}, nodes: map[node.ID]*server.Server{},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
	peers, dir := map[node.ID]string{}, t.TempDir()
	for id := node.ID(1); int(id) <= n; id++ {
		peers[id] = tcptest.Address(t)
		cfg := &server.Config{
			Node: node.Defaults(), Cluster: "test", Peers: peers, Codec: "binary", Queue: 1000,
			HTTP: "127.0.0.1:0", Data: filepath.Join(dir, fmt.Sprintf("node-%d", id)), Log: slog.New(slog.DiscardHandler),
		}
		cfg.Node.ID = id
		for _, f := range change {
			f(cfg)
		}
		c.configs[id] = cfg
	}
	t.Cleanup(func() {
		for id := range c.nodes {
			c.stop(id)
		}
		c.http.CloseIdleConnections()
	})
	return c
}

// startCluster starts nodes 1 to n and waits until each reaches all others.
func startCluster(t testing.TB, n int, change ...func(*server.Config)) *cluster {
	t.Helper()
	c := newCluster(t, n, change...)
	for id := range c.configs {
		c.start(id)
	}
	c.awaitAll()
	return c
}

// startThenStopOthers lets nodes 1 to n form a cluster, and then stops all but
// running.
func startThenStopOthers(t testing.TB, n int, running []node.ID, change ...func(*server.Config)) *cluster {
	t.Helper()
	c := startCluster(t, n, change...)
	for id := range c.configs {
		if !slices.Contains(running, id) {
			c.stop(id)
		}
	}
	for _, id := range running {
		eventually(t, fmt.Sprintf("node %d sees that the others are gone", id), func() bool {
			up := 1
			for _, p := range c.nodes[id].Status().Peers {
				if p.Up {
					up++
				}
			}
			return up == len(running)
		})
	}
	return c
}

func (c *cluster) start(id node.ID) *server.Server {
	c.t.Helper()
	s, err := server.Start(*c.configs[id])
	require.NoError(c.t, err)
	c.nodes[id] = s
	return s
}

func (c *cluster) stop(id node.ID) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	_ = c.nodes[id].Close(ctx) // tests call Err where it matters
	delete(c.nodes, id)
}

// awaitAll waits until every running node reaches every other.
func (c *cluster) awaitAll() {
	c.t.Helper()
	for id, s := range c.nodes {
		eventually(c.t, fmt.Sprintf("node %d reaches all", id), func() bool {
			st := s.Status()
			up := 1
			for _, p := range st.Peers {
				if p.Up {
					up++
				}
			}
			return st.Ready && up == len(c.nodes)
		})
	}
}

// url returns the URL of a path at a node.
func (c *cluster) url(id node.ID, path string) string {
	return fmt.Sprintf("http://%v%s", c.nodes[id].HTTPAddr(), path)
}

// response is a node's response over HTTP: a machine, or a failure.
type response struct {
	Status int `json:"-"`
	watch.Machine
	httpapi.Failure
}

// request sends a request to a node. If body is empty, the request has none.
func (c *cluster) request(id node.ID, method, path, body string) response {
	c.t.Helper()
	a, err := c.tryRequest(id, method, path, body)
	require.NoError(c.t, err)
	return a
}

func (c *cluster) tryRequest(id node.ID, method, path, body string) (response, error) {
	req, err := http.NewRequest(method, c.url(id, path), strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", mediaTypeOf(body))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	return decode(resp)
}

// decode returns the content of a response, if it is a node's.
func decode(resp *http.Response) (a response, err error) {
	a.Status = resp.StatusCode
	if kind := resp.Header.Get("Content-Type"); kind == httpapi.JSON || kind == httpapi.ProblemType {
		err = json.NewDecoder(resp.Body).Decode(&a)
	}
	return a, err
}

// mediaTypeOf returns the media type of a body, YAML or JSON.
func mediaTypeOf(body string) string {
	if strings.HasPrefix(body, "name:") {
		return httpapi.YAML
	}
	return httpapi.JSON
}

func (c *cluster) propose(id node.ID, machine, body string) response {
	c.t.Helper()
	return c.request(id, "POST", "/v1/machines/"+machine+"/transitions", body)
}

func (c *cluster) get(id node.ID, machine string) response {
	c.t.Helper()
	return c.request(id, "GET", "/v1/machines/"+machine, "")
}

// getText returns the status and the body of a page.
func (c *cluster) getText(id node.ID, path string) (int, string) {
	c.t.Helper()
	resp, err := c.http.Get(c.url(id, path))
	require.NoError(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, string(text)
}

// metrics returns the metrics of a node by name and labels, in the text format.
func (c *cluster) metrics(id node.ID) map[string]float64 {
	c.t.Helper()
	status, text := c.getText(id, "/metrics")
	require.Equal(c.t, http.StatusOK, status, text)
	found := map[string]float64{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line := s.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[end+1:], 64)
		require.NoError(c.t, err, line)
		require.NotContains(c.t, found, line[:end], "told twice")
		found[line[:end]] = value
	}
	return found
}

// startRefused starts a server that is to be refused, and returns why. One that is not is
// closed, so that its test fails at once.
func startRefused(t testing.TB, cfg server.Config) error {
	t.Helper()
	s, err := server.Start(cfg)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(ctx)
	}
	return err
}

// requireNoGoroutines checks, after all cleanups registered later, that no goroutine
// of a server is left.
func requireNoGoroutines(t testing.TB) {
	t.Helper()
	before := serverGoroutines()
	t.Cleanup(func() {
		var now []string
		for limit := time.Now().Add(testTimeout); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
			if now = serverGoroutines(); len(now) <= len(before) {
				return
			}
		}
		t.Errorf("goroutines are left:\n\n%s", strings.Join(now, "\n\n"))
	})
}

// serverGoroutines lists the goroutines that run code of a server's packages or of
// the HTTP server below it, or were created by it.
func serverGoroutines() (found []string) {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, g := range strings.Split(string(stacks), "\n\n") {
		for _, of := range []string{"/node/server.", "/node/tcp.", "/node/files.", "net/http.(*Server)", "net/http.(*conn)"} {
			if strings.Contains(g, of) {
				found = append(found, g)
				break
			}
		}
	}
	return found
}

// skipIfShort skips a test in which one thing happens after the other: with -short the race
// detector looks at the others.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one thing happens after the other")
	}
}
