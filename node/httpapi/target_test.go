package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

func TestTargets(t *testing.T) {
	for _, r := range []struct {
		request op.Request
		want    string
	}{
		{op.Request{Kind: op.Read, Key: "lifecycle/web-1"}, "GET /v1/machines/lifecycle/web-1"},
		{op.Request{Kind: op.ReadLocal, Key: "lifecycle/web-1"}, "GET /v1/machines/lifecycle/web-1?consistency=local"},
		{op.Request{Kind: op.Propose, Key: "lifecycle/web-1"}, "POST /v1/machines/lifecycle/web-1/transitions"},
		{op.Request{Kind: op.Read, Key: "../."}, "GET /v1/machines/%2E%2E/%2E"},
		{op.Request{Kind: op.Read, Key: ".../a.b"}, "GET /v1/machines/.../a.b"},
		{op.Request{Kind: op.Read, Key: "a/b/c"}, "GET /v1/machines/a/b%2Fc"},
	} {
		target := httpapi.TargetOf(&r.request)
		require.Equal(t, r.want, target.Method+" "+target.String())
	}
}

// A request reaches the handler of its machine and its kind, on the way of net/http: an
// URL is parsed, and a router takes paths apart that it considers clean.
func TestEveryTargetArrives(t *testing.T) {
	name := rapid.StringMatching(`[a-zA-Z0-9._-]{1,6}|\.|\.\.`)
	rapid.Check(t, func(t *rapid.T) {
		r := &op.Request{
			Kind: rapid.SampledFrom([]op.Kind{op.Propose, op.Read, op.ReadLocal}).Draw(t, "kind"),
			Key:  name.Draw(t, "definition") + "/" + name.Draw(t, "name"),
		}
		target := httpapi.TargetOf(r)
		arrived := route(t, target.Method, "http://node"+target.String())
		require.Equal(t, *r, arrived)
	})
}

// route returns the request that handlers make of a target.
func route(t require.TestingT, method, rawURL string) (r op.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/machines/{definition}/{name}", func(_ http.ResponseWriter, h *http.Request) {
		var err error
		r.Key, err = httpapi.KeyIn(h.URL.EscapedPath())
		require.NoError(t, err)
		require.Equal(t, h.PathValue("definition")+"/"+h.PathValue("name"), r.Key)
		r.Kind, err = httpapi.ReadKind(h.URL.RawQuery)
		require.NoError(t, err)
	})
	mux.HandleFunc("POST /v1/machines/{definition}/{name}/transitions", func(_ http.ResponseWriter, h *http.Request) {
		var err error
		r.Kind = op.Propose
		r.Key, err = httpapi.KeyIn(h.URL.EscapedPath())
		require.NoError(t, err)
	})
	parsed, err := url.Parse(rawURL)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, &http.Request{Method: method, URL: parsed, Host: "node"})
	require.Equal(t, http.StatusOK, w.Code, "%s %s: %s", method, rawURL, w.Body)
	return r
}

func TestReadKinds(t *testing.T) {
	for query, want := range map[string]op.Kind{
		"": op.Read, "consistency=": op.Read, "consistency=linearizable": op.Read,
		"consistency=local": op.ReadLocal, "consistenc%79=loc%61l": op.ReadLocal,
	} {
		got, err := httpapi.ReadKind(query)
		require.NoError(t, err, query)
		require.Equal(t, want, got, query)
	}
	for query, want := range map[string]string{ // a read is never weaker or stronger than was asked for, for want of understanding
		"consistency=eventual": `consistency "eventual": want local or linearizable`,
		"consistency=local%":   "query: invalid URL escape",
		"x=1":                  "x: no such parameter: want consistency",
		"Consistency=local":    "Consistency: no such parameter",
		"consistency=local&consistency=linearizable": "consistency: given twice",
		"consistency=local&":                         ": no such parameter",
		"consistency=local;x=1":                      "write a semicolon as %3B",
		"consistency":                                "",
	} {
		_, err := httpapi.ReadKind(query)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want, query)
	}
}

// Definitions come in pages that follow each other without gaps or repetition, and that
// are bounded in bytes. (In number by the node: node/service.TestPagesOfDefinitions.)
func TestPagesOfDefinitions(t *testing.T) {
	var all []fsm.Definition
	for i := range 300 {
		d := fsm.Definition{Name: fmt.Sprintf("d%03d", i), States: []string{"a"}, Initial: "a", Transitions: []fsm.Transition{{From: "a", To: "a"}}}
		for range i % 100 { // some are long
			d.States = append(d.States, strings.Repeat("x", 100))
		}
		all = append(all, d)
	}
	var got []fsm.Definition
	pages := 0
	for rest := all; ; pages++ {
		p := httpapi.PageOfDefinitions(rest)
		require.NotEmpty(t, p.Definitions)
		text, err := json.Marshal(p)
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), 160<<10)
		got, rest = append(got, p.Definitions...), rest[len(p.Definitions):]
		require.Equal(t, len(rest) == 0, p.Next == "")
		if len(rest) == 0 {
			break
		}
		require.Equal(t, got[len(got)-1].Name, p.Next)
	}
	require.Equal(t, all, got)
	require.Greater(t, pages, 5)
	require.Equal(t, httpapi.DefinitionsPage{Definitions: []fsm.Definition{}}, httpapi.PageOfDefinitions(nil))
}

// A path that names no machine is refused, and a key that comes out of one is valid.
func FuzzKeyIn(f *testing.F) {
	for _, path := range []string{
		"/v1/machines/lifecycle/a", "/v1/machines/lifecycle/a/transitions", "/v1/machines/%2E/%2e%2E", "/v1/machines/lifecycle",
		"/v1/machines/lifecycle/", "/v1/machines/a%2Fb/c", "/v1/machines/a/b%", "/v1/watch", "",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		key, err := httpapi.KeyIn(path)
		if err != nil {
			return
		}
		_, _, err = fsm.SplitKey(key)
		require.NoError(t, err)
		again, err := httpapi.KeyIn(httpapi.TargetOf(&op.Request{Kind: op.Read, Key: key}).Path)
		require.NoError(t, err)
		require.Equal(t, key, again)
		require.True(t, strings.HasPrefix(path, "/v1/machines/"))
	})
}

// Some failures are of the node that tells them, and some of all nodes.
func TestFailuresOfAllNodes(t *testing.T) {
	for _, r := range []struct {
		why op.Reason
		all bool
	}{{op.BadRequest, true}, {op.UnknownDefinition, true}, {op.Overloaded, false}, {op.Abstains, false}, {op.Stopping, false}, {op.Timeout, false}, {op.Unauthenticated, true}, {op.Forbidden, true}, {op.RateLimited, false}} {
		f, err := httpapi.DecodeFailure(httpapi.StatusOf(r.why), []byte(`{"error":{"code":"`+string(r.why)+`"}}`))
		require.NoError(t, err)
		require.Equal(t, r.all, httpapi.IsOfAll(op.Reason(f.Error.Code)), r.why)
	}
	_, err := httpapi.DecodeFailure(502, []byte("bad gateway"))
	require.ErrorIs(t, err, httpapi.ErrNoAnswer)
}
