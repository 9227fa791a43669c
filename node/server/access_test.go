package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// tokenOf returns the token of the client that the tests name as its role.
func tokenOf(role string) string { return access.Secret([]byte(strings.Repeat(role, 32)[:32])).Text() }

// tokenLines returns the lines of a file of tokens for roles.
func tokenLines(roles ...access.Role) string {
	var text strings.Builder
	for _, role := range roles {
		fmt.Fprintln(&text, access.TokenLine(role, "the-"+role.String(), tokenOf(role.String())))
	}
	return text.String()
}

// writeTokens writes a file of tokens of a reader, a writer and an admin.
func writeTokens(t testing.TB) string {
	name := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(name, []byte(tokenLines(access.Reader, access.Writer, access.Admin)), 0o600))
	return name
}

// send sends a request with headers, given as names and values in turn.
func (c *cluster) send(method, path, body string, header ...string) response {
	c.t.Helper()
	a, resp := c.sendRaw(method, path, body, header...)
	require.NotNil(c.t, resp)
	return a
}

func (c *cluster) sendRaw(method, path, body string, header ...string) (response, *http.Response) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url(1, path), strings.NewReader(body))
	require.NoError(c.t, err)
	if body != "" {
		req.Header.Set("Content-Type", mediaTypeOf(body))
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	a, err := decode(resp)
	require.NoError(c.t, err)
	return a, resp
}

func as(role string) []string { return []string{"Authorization", "Bearer " + tokenOf(role)} }

const lampYAML = "name: lamp\nstates: [off, on]\ninitial: off\ntransitions: [off -> on, on -> off]\n"

// Each client has the rights of its role, by whichever path it asks.
func TestRolesOverHTTP(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = writeTokens(t) })
	const web, retire = "/v1/machines/lifecycle/web", `{"to":"(retired)"}`
	readOnly := []struct{ method, path, body string }{
		{"GET", web, ""}, {"GET", web + "?consistency=local", ""}, {"GET", "/v1/machines", ""}, {"GET", "/v1/definitions", ""}, {"GET", "/v1/status", ""},
	}
	writes := []struct{ method, path, body string }{{"POST", web + "/transitions", `{"to":"Running"}`}, {"POST", web + "/operations", ""}}
	admins := []struct{ method, path, body string }{
		{"POST", "/v1/definitions", lampYAML},
		{"POST", "/v1/machines/definition/gate/transitions", `{"to":` + quoted(lampText) + `}`},
		{"POST", web + "/transitions", retire},
	}
	for _, q := range readOnly {
		require.Equal(t, 401, c.send(q.method, q.path, q.body).Status, q.path)
		for _, role := range []string{"reader", "writer", "admin"} {
			require.Equal(t, 200, c.send(q.method, q.path, q.body, as(role)...).Status, q.path)
		}
	}
	for _, q := range writes {
		require.Equal(t, 401, c.send(q.method, q.path, q.body).Status, q.path)
		a := c.send(q.method, q.path, q.body, as("reader")...)
		require.Equal(t, 403, a.Status, q.path)
		require.Equal(t, "to propose needs the role writer, and token the-reader has the role reader", a.Error.Text)
		require.Contains(t, []int{200, 201}, c.send(q.method, q.path, q.body, as("writer")...).Status, q.path)
	}
	for _, q := range admins {
		require.Equal(t, 401, c.send(q.method, q.path, q.body).Status, q.path)
		for _, role := range []string{"reader", "writer"} {
			a := c.send(q.method, q.path, q.body, as(role)...)
			require.Equal(t, 403, a.Status, "%s %s", role, q.path)
			require.Equal(t, "forbidden", a.Error.Code)
			require.Equal(t, "rejected", a.Outcome)
		}
	}
	require.Equal(t, "Running", c.send("GET", web, "", as("reader")...).State, "no refused request has had an effect")
	require.Equal(t, 200, c.send("POST", "/v1/definitions", lampYAML, as("admin")...).Status)
	require.Equal(t, fsm.Retired, c.send("POST", web+"/transitions", retire, as("admin")...).State)
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// A client that shows a token that is not valid is told so, and how to show one: it is
// not taken for a client without a name.
func TestInvalidTokens(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) {
		cfg.Access.Tokens, cfg.Access.Anonymous = writeTokens(t), "admin"
	})
	require.Equal(t, 200, c.send("GET", "/v1/status", "").Status)
	for _, header := range [][]string{
		{"Authorization", "Bearer " + tokenOf("nobody")}, {"Authorization", "Bearer"}, {"Authorization", "Basic YTpi"}, {"Authorization", tokenOf("admin")},
		{"Authorization", "Bearer " + tokenOf("admin"), "Authorization", "Bearer " + tokenOf("admin")},
	} {
		a, resp := c.sendRaw("GET", "/v1/status", "", header...)
		require.Equal(t, 401, resp.StatusCode, header)
		require.Equal(t, "unauthenticated", a.Error.Code)
		require.Equal(t, `Bearer realm="lockstep", error="invalid_token"`, resp.Header.Get("WWW-Authenticate"))
	}
}

// A transition that is refused may repeat one that was carried out before the client lost
// its role: then its outcome is unknown.
func TestOutcomeOfRefusedTransition(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = writeTokens(t) })
	for body, want := range map[string]string{
		`{"to":"Running"}`: "rejected",
		`{"to":"Running","operation":"pay-1","first":true}`: "rejected",
		`{"to":"Running","operation":"pay-1"}`:              "unknown",
		`not JSON`:                                          "rejected",
	} {
		for _, header := range [][]string{nil, as("reader"), {"Host", "evil.example.org"}, {"Sec-Fetch-Site", "cross-site"}} {
			require.Equal(t, want, c.send("POST", "/v1/machines/lifecycle/web/transitions", body, header...).Outcome, "%s %v", body, header)
		}
	}
}

// openStreamAs opens a stream with a token.
func (c *cluster) openStreamAs(role string) *streamClient {
	return c.openStreamWith(1, "Authorization: Bearer "+tokenOf(role)+"\r\n")
}

// A stream has the role with which it began, and each of its requests is judged.
func TestRolesOnStreams(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = writeTokens(t) })
	require.Equal(t, 401, c.send("GET", "/v1/stream", "", "Connection", "Upgrade", "Upgrade", "lockstep").Status)
	for i, x := range []struct {
		role    string
		request op.Request
		want    op.Reason
	}{
		{"reader", op.Request{Kind: op.Read, Key: "lifecycle/web"}, ""},
		{"reader", op.Request{Kind: op.Propose, Key: "lifecycle/web", To: "Running"}, op.Forbidden},
		{"writer", op.Request{Kind: op.Propose, Key: "lifecycle/web", To: "Running"}, ""},
		{"writer", op.Request{Kind: op.Propose, Key: "lifecycle/web", To: fsm.Retired}, op.Forbidden},
		{"writer", op.Request{Kind: op.Propose, Key: "definition/lamp", To: lampText}, op.Forbidden},
		{"admin", op.Request{Kind: op.Propose, Key: "definition/lamp", To: lampText}, ""},
		{"admin", op.Request{Kind: op.Propose, Key: "lifecycle/web", To: fsm.Retired}, ""},
	} {
		s := c.openStreamAs(x.role)
		x.request.ID = op.ID(fmt.Sprintf("op-%d", i))
		reply, text := s.request(&x.request)
		require.Equal(t, x.want, reply.Reason, "%s %v: %s", x.role, &x.request, text)
		require.Equal(t, x.want == op.Forbidden, reply.Outcome == op.Rejected)
		if x.want == op.Forbidden {
			require.Contains(t, text, "and token the-"+x.role+" has the role "+x.role)
			retry := x.request
			retry.ID, retry.Retry = "pay-1", true
			reply, _ := s.request(&retry)
			require.Equal(t, op.Unknown, reply.Outcome, "an earlier attempt may have been carried out")
		}
		_ = s.conn.Close()
	}
}

// Tokens that are taken back end the streams and count for nothing. A file that is wrong
// changes nothing.
func TestTokensAreReadAgain(t *testing.T) {
	var logged lockedBuffer
	c := startCluster(t, 1, func(cfg *server.Config) {
		cfg.Access.Tokens, cfg.Heartbeat = writeTokens(t), 50*time.Millisecond
		cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	})
	file := c.configs[1].Access.Tokens
	s := c.openStreamAs("writer")
	w, err := s.end.Watch(watch.Selection{Single: true, Prefix: "lifecycle/web"}, 10)
	require.NoError(t, err)
	s.send()
	require.Equal(t, stream.WatchBegun, s.next().Kind)
	overHTTP := c.watch(1, "key=lifecycle/web", "Authorization", "Bearer "+tokenOf("writer"))
	require.NoError(t, os.WriteFile(file, []byte("writer\n"), 0o600))
	eventually(t, "the wrong file is noticed", func() bool { return strings.Contains(logged.String(), "the tokens stay as they were") })
	require.Equal(t, 200, c.send("GET", "/v1/status", "", as("writer")...).Status)
	require.Contains(t, logged.String(), "1 words: want ROLE NAME sha256:HEX")

	require.NoError(t, os.WriteFile(file, []byte(tokenLines(access.Reader)), 0o600))
	eventually(t, "the token is taken back", func() bool {
		return c.send("GET", "/v1/status", "", as("writer")...).Status == 401
	})
	require.Equal(t, 200, c.send("GET", "/v1/status", "", as("reader")...).Status)
	var end watch.Event
	for end.End == nil {
		end = overHTTP.next()
	}
	require.Equal(t, string(op.Forbidden), end.End.Code)
	e := s.next()
	for e.Kind == stream.WatchChanged { // where the machine was
		e = s.next()
	}
	require.Equal(t, stream.WatchEnded, e.Kind)
	require.Equal(t, w, e.ID)
	require.Equal(t, op.Forbidden, e.Code)
	s.requireEnd(stream.Idle, "the token of the client has been taken back")
	require.NotContains(t, logged.String(), "lockstep_")
}

// Reload reads the file at once. Connections of tokens that it still lists go on, also
// when the file is wrong.
func TestReloadReadsTokens(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = writeTokens(t) })
	file := c.configs[1].Access.Tokens
	require.NoError(t, os.WriteFile(file, []byte(tokenLines(access.Writer)), 0o600))
	require.NoError(t, c.nodes[1].Reload())
	s := c.openStreamAs("writer")
	_, err := s.end.Watch(watch.Selection{Single: true, Prefix: "lifecycle/web"}, 10)
	require.NoError(t, err)
	s.send()
	require.Equal(t, stream.WatchBegun, s.next().Kind)
	require.Equal(t, 401, c.send("GET", "/v1/status", "", as("reader")...).Status)

	require.NoError(t, os.WriteFile(file, []byte(tokenLines(access.Writer, access.Reader)), 0o600))
	require.NoError(t, c.nodes[1].Reload())
	require.Equal(t, 200, c.send("GET", "/v1/status", "", as("reader")...).Status, "at once")
	require.NoError(t, os.WriteFile(file, []byte("writer\n"), 0o600))
	require.ErrorContains(t, c.nodes[1].Reload(), file)
	require.Equal(t, 200, c.send("GET", "/v1/status", "", as("reader")...).Status)

	require.Equal(t, 200, c.send("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`, as("writer")...).Status)
	e := s.next()
	for e.Kind == stream.WatchChanged && !slices.ContainsFunc(e.Changes, func(c watch.Event) bool { return c.Transition != nil }) {
		e = s.next() // where the machine was
	}
	require.Equal(t, stream.WatchChanged, e.Kind, "the stream that was open before")
}

// A file of tokens that is not private, not a file or not there keeps the node from its
// start, with the remedy.
func TestTokenFilesRefused(t *testing.T) {
	dir := t.TempDir()
	public, wrong := filepath.Join(dir, "public"), filepath.Join(dir, "wrong")
	require.NoError(t, os.WriteFile(public, []byte(tokenLines(access.Admin)), 0o600))
	require.NoError(t, os.Chmod(public, 0o640))
	require.NoError(t, os.WriteFile(wrong, []byte("admin boss sha256:00\n"), 0o600))
	for name, want := range map[string]string{
		public: "others than its owner may use it: chmod 600 " + public, dir: "want a regular file", filepath.Join(dir, "none"): "no such file",
		wrong: "wrong: line 1: not a file of tokens: the third word",
	} {
		c := newCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = name })
		err := startRefused(t, *c.configs[1])
		require.ErrorIs(t, err, server.ErrConfig)
		require.ErrorContains(t, err, want)
	}
	for field, change := range map[string]func(*server.Access){
		`role of anonymous clients: no such role: "root"`: func(a *server.Access) { a.Anonymous = "root" },
		`role for metrics: no such role: "peer"`:          func(a *server.Access) { a.Metrics = "peer" },
		`hosts: not the name of a host: "a:80"`:           func(a *server.Access) { a.Hosts = []string{"a:80"} },
	} {
		c := newCluster(t, 1, func(cfg *server.Config) { change(&cfg.Access) })
		err := startRefused(t, *c.configs[1])
		require.ErrorIs(t, err, server.ErrConfig)
		require.ErrorContains(t, err, field)
	}
}

// The audit has who has changed what only admins may, and who was refused. It has no
// secrets, and those who are refused cannot fill it.
func TestAudit(t *testing.T) {
	var logged lockedBuffer
	c := startCluster(t, 1, func(cfg *server.Config) {
		cfg.Access.Tokens = writeTokens(t)
		cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	})
	c.send("POST", "/v1/definitions", lampYAML, as("admin")...)
	c.send("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"(retired)"}`, as("admin")...)
	c.send("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`, as("writer")...)
	s := c.openStreamAs("admin")
	s.request(propose("lifecycle/api", fsm.Retired, "op-1"))
	text := logged.String()
	for _, want := range []string{
		`audit.action=define audit.what=definition/lamp audit.principal="token the-admin" audit.remote=127.0.0.1:`,
		`audit.action=retire audit.what=lifecycle/web audit.principal="token the-admin"`,
		`audit.action=retire audit.what=lifecycle/api audit.principal="token the-admin"`,
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 3, strings.Count(text, "audit."+"action="), text)
	for range 100 {
		c.send("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"(retired)"}`, "Authorization", "Bearer secret-of-somebody")
	}
	text = logged.String()
	require.Contains(t, text, `audit.principal=anonymous`)
	require.Contains(t, text, `audit.code=unauthenticated`)
	require.Less(t, strings.Count(text, "a client is refused"), 100, "some are counted")
	require.NotContains(t, text, "secret-of-somebody")
	require.NotContains(t, text, "lockstep_")
}

// lockedBuffer is a buffer of the log of a running node.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
