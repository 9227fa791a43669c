package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// exchangeRaw writes bytes to the clients' port, and returns all that comes back until
// the node closes the connection.
func (c *cluster) exchangeRaw(text string) string {
	c.t.Helper()
	conn := c.dialRaw(1, text)
	defer conn.Close()
	require.NoError(c.t, conn.SetReadDeadline(time.Now().Add(testTimeout)))
	got, _ := io.ReadAll(conn) // a reset is an end, too
	return string(got)
}

// What a browser sends for a page of a foreign site has no effect, also where anybody may
// do all: not as a form, not after the site's name has begun to stand for this address,
// and not as a read that would take the room of a watch.
func TestWebPagesOfOthersAreRefused(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Hosts = []string{"node1.example.org"} })
	const body = `{"to":"(retired)"}`
	post := func(headers ...string) string {
		return c.exchangeRaw(fmt.Sprintf("POST /v1/machines/lifecycle/web/transitions HTTP/1.1\r\n%s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", strings.Join(headers, "\r\n"), len(body), body))
	}
	get := func(path string, headers ...string) string {
		return c.exchangeRaw(fmt.Sprintf("GET %s HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n", path, strings.Join(headers, "\r\n")))
	}
	const own, kind = "Host: 127.0.0.1:8001", "Content-Type: application/json"
	for _, x := range []struct{ got, status, code string }{
		{post(own, "Origin: http://evil.example.org", "Sec-Fetch-Site: cross-site", "Content-Type: text/plain"), "403", "cross-origin"},
		{post(own, "Origin: http://evil.example.org", kind), "403", "cross-origin"},
		{post(own, "Origin: null", kind), "403", "cross-origin"},
		{post(own, "Origin: http://127.0.0.1:9999", kind), "403", "cross-origin"},
		{post(own, "Sec-Fetch-Site: same-site", kind), "403", "cross-origin"},
		{post(own, "Content-Type: text/plain"), "415", "unsupported-media-type"},
		{post(own, "Content-Type: application/x-www-form-urlencoded"), "415", "unsupported-media-type"},
		{post(own, "X-None: x"), "415", "unsupported-media-type"},
		{post("Host: evil.example.org:8001", "Origin: http://evil.example.org:8001", "Sec-Fetch-Site: same-origin", kind), "421", "wrong-host"},
		{post("Host: 127.0.0.1.evil.example.org", kind), "421", "wrong-host"},
		{get("/v1/status", "Host: rebind.evil.example.org:8001"), "421", "wrong-host"},
		{get("http://evil.example.org/v1/status", own), "421", "wrong-host"},
		{get("/metrics", "Host: evil.example.org"), "421", "wrong-host"},
		{get("/v1/watch?prefix=", own, "Origin: http://evil.example.org"), "403", "cross-origin"},
		{get("/v1/machines?consistency=linearizable", own, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), "403", "cross-origin"},
		{get("/v1/stream", own, "Sec-Fetch-Site: cross-site", "Upgrade: lockstep"), "403", "cross-origin"},
	} {
		require.Contains(t, x.got, "HTTP/1.1 "+x.status, x.code)
		require.Contains(t, x.got, `"code":"`+x.code+`"`)
		require.NotContains(t, x.got, "Access-Control-")
	}
	require.Contains(t, get("/v1/status", "Host: evil.example.org"), "--http-host")
	require.Equal(t, "Init", c.get(1, "lifecycle/web").State, "nothing had an effect")
	require.Zero(t, c.metrics(1)["lockstep_watchers"])

	require.Contains(t, get("/v1/status", "Host: node1.example.org:8001", "Sec-Fetch-Site: none"), "HTTP/1.1 200", "a name of the configuration, typed by a user")
	require.Contains(t, post(own, "Origin: http://127.0.0.1:8001", "Sec-Fetch-Site: same-origin", kind), "HTTP/1.1 200", "no page is of this origin, but one could be")
}

// longDefinition returns a definition with a text of nearly fsm.MaxText bytes.
func longDefinition(name string) string {
	states, steps := make([]string, 220), make([]string, 220)
	for i := range states {
		states[i] = fmt.Sprintf("a-long-name-%04d", i)
	}
	for i := range steps {
		steps[i] = fmt.Sprintf(`{"from":%q,"to":%q}`, states[i], states[(i+1)%len(states)])
	}
	list, _ := json.Marshal(states)
	return fmt.Sprintf(`{"name":%q,"states":%s,"initial":%q,"transitions":[%s]}`, name, list, states[0], strings.Join(steps, ","))
}

// A hundred and fifty clients of one address that ask for all definitions at once, and do
// not read, take bounded memory, and delay no others.
func TestManyDefinitionsForMany(t *testing.T) {
	skipIfShort(t)
	const definitions, clients = 60, 150
	c := startCluster(t, 1)
	for i := range definitions {
		require.Equal(t, http.StatusOK, c.request(1, "POST", "/v1/definitions", longDefinition(fmt.Sprintf("def-%02d", i))).Status)
	}
	_, page := c.getText(1, "/v1/definitions?limit=1000")
	require.LessOrEqual(t, len(page), 160<<10)
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := memory(), uint64(0)
	for range clients {
		conn := c.dialRaw(1, "GET /v1/definitions?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(1024))
	}
	for range 10 {
		eventually(t, "others are served, once there is room", func() bool { return c.get(1, "lifecycle/web").Status == http.StatusOK })
		most = max(most, memory())
	}
	grown := int64(most) - int64(before)
	t.Logf("a page of %d bytes; the heap grew by %d KB for %d clients", len(page), grown>>10, clients)
	require.Less(t, grown, int64(32<<20))
}

// Each client has its share of the node: beyond it requests are refused, and those of
// others are not.
func TestShareOfAClient(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) {
		cfg.Access.Tokens, cfg.Limits.ClientRate, cfg.Limits.ClientWatches = writeTokens(t), 20, 2
	})
	codes := map[string]int{}
	for range 60 {
		a, resp := c.sendRaw("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Init"}`, as("writer")...)
		codes[fmt.Sprintf("%d %s %s", a.Status, a.Error.Code, a.Outcome)]++
		if a.Status == http.StatusTooManyRequests {
			require.Equal(t, "1", resp.Header.Get("Retry-After"))
			require.Equal(t, "this client may have 20 requests a second at this node: try again later, or at another", a.Error.Text)
		}
	}
	require.GreaterOrEqual(t, codes["409 illegal rejected"], 20)
	require.Positive(t, codes["429 rate-limited unknown"], "its body is not read, so it may be a retry: %v", codes)
	require.Len(t, codes, 2)
	require.Equal(t, http.StatusOK, c.send("GET", "/v1/status", "", as("reader")...).Status, "another client")
	require.Positive(t, c.metrics(1)["lockstep_clients_limited_total"])

	for range 2 {
		c.watch(1, "prefix=", "Authorization", "Bearer "+tokenOf("reader"))
	}
	a := c.send("GET", "/v1/watch?prefix=", "", as("reader")...)
	require.Equal(t, http.StatusTooManyRequests, a.Status)
	require.Equal(t, "rejected", a.Outcome)
}

// A stream has the shares of HTTP. A request beyond them has a reply with a code, and the
// stream goes on.
func TestShareOfAStream(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.ClientRate, cfg.Limits.ClientWatches = 20, 1 })
	s := c.openStream(1)
	reasons := map[op.Reason]int{}
	for i := range 60 {
		reply, text := s.request(propose("lifecycle/web", "Init", op.ID(fmt.Sprintf("op-%d", i))))
		reasons[reply.Reason]++
		if reply.Reason == op.RateLimited {
			require.Equal(t, op.Rejected, reply.Outcome)
			require.Contains(t, text, "20 requests a second")
		}
	}
	require.Positive(t, reasons[op.RateLimited], reasons)
	require.Positive(t, reasons[op.Illegal], reasons)
	require.Len(t, reasons, 2)
	other := c.openStreamSoon()
	selection := watch.Selection{Prefix: "lifecycle/"}
	_, err := s.end.Watch(selection, 10)
	require.NoError(t, err)
	s.send()
	require.Equal(t, stream.WatchBegun, s.next().Kind)
	_, err = other.end.Watch(selection, 10)
	require.NoError(t, err)
	other.send()
	e := other.next()
	require.Equal(t, stream.WatchRefused, e.Kind)
	require.Equal(t, op.RateLimited, e.Code)
	require.Contains(t, e.Text, "this client may have 1 watches")

	_ = s.conn.Close()
	eventually(t, "its watch makes room", func() bool {
		_, err := other.end.Watch(selection, 10)
		require.NoError(t, err)
		other.send()
		return other.next().Kind == stream.WatchBegun
	})
}

// openStreamSoon opens a stream when the client's rate has room for it.
func (c *cluster) openStreamSoon() *streamClient {
	time.Sleep(time.Second)
	return c.openStream(1)
}

// Unfinished requests count until they are answered, over HTTP and on streams together.
func TestUnfinishedRequestsOfAClient(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) {
		cfg.Limits.ClientRequests, cfg.Node.ConsensusTimeout = 5, 2*time.Second
	})
	s := c.openStream(1)
	for i := range 5 {
		s.start(propose(fmt.Sprintf("lifecycle/m-%d", i), "Running", op.ID(fmt.Sprintf("op-%d", i))))
	}
	s.send()
	eventually(t, "all wait", func() bool { return c.metrics(1)["lockstep_operations_waiting"] == 5 })
	a := c.get(1, "lifecycle/web")
	require.Equal(t, http.StatusTooManyRequests, a.Status)
	require.Contains(t, a.Error.Text, "5 unfinished requests")
	for range 5 {
		require.Equal(t, op.Timeout, s.next().Reply.Reason)
	}
	require.NotEqual(t, http.StatusTooManyRequests, c.request(1, "GET", "/v1/machines/lifecycle/web?consistency=local", "").Status)
}

// Bytes that are no request are refused or left, and the node goes on.
func TestGarbageAtTheClientsPort(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.IOTimeout = 500 * time.Millisecond })
	huge := "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Large: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"
	require.Contains(t, c.exchangeRaw(huge), "HTTP/1.1 431")
	many := "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("A: b\r\n", 16<<10) + "\r\n"
	require.Contains(t, c.exchangeRaw(many), "HTTP/1.1 431")
	require.Contains(t, c.exchangeRaw("GET /"+strings.Repeat("x", 64<<10)+" HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 431")
	for _, text := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HTTP/9.9\r\n\r\n", "GET /v1/status HTTP/1.1\r\n\r\n", "GET /v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"POST /v1/definitions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"POST /v1/definitions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/definitions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
	} {
		got := c.exchangeRaw(text)
		require.True(t, got == "" || strings.HasPrefix(got, "HTTP/1.1 4") || strings.HasPrefix(got, "HTTP/1.1 5"), "%q: %q", text, got)
	}

	// Pipelined after a good request, garbage ends the connection, and nothing of it counts.
	const good = "POST /v1/machines/lifecycle/web/transitions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + `{"to":"Running"}`
	got := c.exchangeRaw(good + strings.Repeat("garbage\r\n\r\n", 100) + good)
	require.Equal(t, 1, strings.Count(got, "HTTP/1.1 200"), got)
	require.Equal(t, uint64(1), c.get(1, "lifecycle/web").Version)

	// A body that is longer than it says is no second request.
	smuggled := "POST /v1/machines/lifecycle/web/transitions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + good
	_ = c.exchangeRaw(smuggled)
	require.Equal(t, uint64(1), c.get(1, "lifecycle/web").Version)
}

// The words of clients come back as text: what HTML has a meaning for is escaped, and no
// browser guesses another type.
func TestTextOfClientsIsEscaped(t *testing.T) {
	c := startCluster(t, 1)
	const script = `<script>alert(1)</script>`
	for _, q := range []struct{ method, path, body string }{
		{"POST", "/v1/machines/lifecycle/web/transitions", `{"to":"` + script + `"}`},
		{"GET", "/v1/machines?" + script + "=1", ""},
		{"GET", "/v1/machines/lifecycle/" + script, ""},
		{"GET", "/" + script, ""},
		{"GET", "/v1/watch?key=" + script, ""},
		{"POST", "/v1/definitions", `{"name":"` + script + `"}`},
	} {
		_, resp := c.sendRaw(q.method, strings.NewReplacer("<", "%3C", ">", "%3E").Replace(q.path), q.body)
		require.GreaterOrEqual(t, resp.StatusCode, 400)
		require.Equal(t, httpapi.ProblemType, resp.Header.Get("Content-Type"))
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	}
	conn := c.dialRaw(1, "GET /v1/machines/lifecycle/%3Cscript%3E HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	text, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	require.NotContains(t, string(text), "<script>")
	require.Contains(t, string(text), `\u003cscript\u003e`)
}
