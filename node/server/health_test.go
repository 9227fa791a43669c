package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
)

// probe asks a node a health question, and returns the status and the body.
func probe(t *testing.T, url string, asJSON bool) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	if asJSON {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// Probes answer with a line, with a line for each check, or in JSON.
func TestHealthIsTold(t *testing.T) {
	c := startCluster(t, 3)
	for _, id := range []node.ID{1, 2, 3} {
		eventually(t, "it is ready", func() bool { return c.nodes[id].Status().Ready })
	}
	status, text := probe(t, c.url(1, "/readyz"), false)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ready\n", text)
	_, text = probe(t, c.url(1, "/readyz?verbose"), false)
	require.Equal(t, "[+] log\n[+] membership\n[+] majority\n[+] stopping\nready\n", text)
	status, text = probe(t, c.url(1, "/livez?verbose"), false)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "[+] loop\nalive\n", text)

	c.stop(2)
	c.stop(3)
	eventually(t, "it notices", func() bool { return !c.nodes[1].Status().Ready })
	const why = "it reaches 1 of 3 members, itself included, and needs 2"
	status, text = probe(t, c.url(1, "/readyz?verbose"), false)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "[+] log\n[+] membership\n[-] majority: "+why+"\n[+] stopping\nnot ready: "+why+"\n", text)
	status, text = probe(t, c.url(1, "/readyz"), true)
	require.Equal(t, http.StatusServiceUnavailable, status)
	var h httpapi.Health
	require.NoError(t, json.Unmarshal([]byte(text), &h))
	require.Equal(t, httpapi.Health{Node: 1, Checks: []httpapi.HealthCheck{
		{Name: "log", OK: true}, {Name: "membership", OK: true}, {Name: "majority", Reason: why}, {Name: "stopping", OK: true},
	}}, h)
	status, _ = probe(t, c.url(1, "/livez"), false)
	require.Equal(t, http.StatusOK, status, "to start it again would not help")
}

// While a node drains, it is alive and not ready, and says so on its port. New operations
// are refused.
func TestHealthWhileDraining(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 5 * time.Second })
	c.stop(2)
	c.stop(3)
	go c.tryRequest(1, "GET", web, "") // which has to wait
	eventually(t, "an operation is under way", func() bool { return c.metrics(1)["lockstep_operations_waiting"] == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- c.nodes[1].Drain(ctx) }()
	eventually(t, "it is not ready", func() bool {
		_, text := probe(t, c.url(1, "/readyz?verbose"), false)
		return strings.Contains(text, "[-] stopping: it is stopping\n")
	})
	status, _ := probe(t, c.url(1, "/livez"), false)
	require.Equal(t, http.StatusOK, status)
	resp := c.propose(1, "lifecycle/other", `{"to":"Running"}`)
	require.Equal(t, http.StatusServiceUnavailable, resp.Status)
	cancel()
	require.ErrorContains(t, <-drained, "node 1: operations are under way: context canceled")
}

// A node with a loop that hangs is neither alive nor ready.
func TestHealthOfALoopThatHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for some seconds")
	}
	c := startCluster(t, 1)
	release := make(chan struct{})
	c.nodes[1].Hold(release)
	defer close(release)
	for _, path := range []string{"/livez", "/readyz"} {
		status, text := probe(t, c.url(1, path), false)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Contains(t, text, "its loop has taken no step for 5s")
	}
}
