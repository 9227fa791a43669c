package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

const openAPI = "../../docs/openapi.yaml"

func readOpenAPI(t *testing.T) *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromFile(openAPI)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	return doc
}

// Every route of the server is in the document, and no other is.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	c := startCluster(t, 1)
	var documented []string
	for path, item := range readOpenAPI(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(documented)
	require.Equal(t, c.nodes[1].Routes(), documented)
}

// Every schema has the fields of the Go type that is sent, and requires the fields
// that are always present.
func TestOpenAPIHasTheFields(t *testing.T) {
	schemas := readOpenAPI(t).Components.Schemas
	types := map[string]any{
		"Transition": httpapi.Transition{}, "Issued": httpapi.Issued{}, "Machine": watch.Machine{}, "Local": httpapi.Local{},
		"Failure": httpapi.Failure{}, "Page": httpapi.Page{}, "DefinitionsPage": httpapi.DefinitionsPage{}, "Listed": httpapi.Listed{}, "Definition": fsm.Definition{},
		"Event": watch.Event{}, "Step": watch.Transition{}, "Gap": watch.Gap{}, "Behind": watch.Behind{}, "Unlearnt": httpapi.Unlearnt{}, "End": watch.End{},
		"Members": httpapi.Members{}, "Member": httpapi.Member{}, "CarryOver": httpapi.CarryOver{}, "MemberChange": httpapi.MemberChange{}, "MembersAccepted": httpapi.MembersAccepted{},
		"BackupQuery": httpapi.BackupQuery{}, "BackupValues": httpapi.BackupValues{}, "BackupValue": httpapi.BackupValue{},
		"Status": httpapi.Status{}, "Health": httpapi.Health{}, "HealthCheck": httpapi.HealthCheck{}, "PeerStatus": httpapi.PeerStatus{},
	}
	named := slices.Sorted(maps.Keys(schemas))
	require.Equal(t, named, slices.Sorted(maps.Keys(withName(types))), "the schemas, and the types here")
	for name, of := range types {
		fields, always := fieldsOf(reflect.TypeOf(of))
		s := schemas[name].Value
		require.Equal(t, fields, slices.Sorted(maps.Keys(s.Properties)), name)
		slices.Sort(s.Required)
		require.Equal(t, always, append([]string{}, s.Required...), name+" requires")
		require.NotNil(t, s.AdditionalProperties.Has, name)
		require.False(t, *s.AdditionalProperties.Has, name)
	}
}

// withName adds the one schema without a Go type.
func withName(types map[string]any) map[string]any {
	all := maps.Clone(types)
	all["Name"] = ""
	return all
}

// fieldsOf lists the names of a type's fields in JSON, and the names of the fields
// that are always present.
func fieldsOf(t reflect.Type) (all, always []string) {
	all, always = []string{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous && !f.IsExported() {
			continue // JSON has none of it
		}
		if f.Anonymous {
			inner, required := fieldsOf(f.Type)
			all, always = append(all, inner...), append(always, required...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if all = append(all, name); options != "omitempty" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

// Every code of a failure is documented with its status, and no other is.
func TestOpenAPIHasTheCodes(t *testing.T) {
	code := readOpenAPI(t).Components.Schemas["Failure"].Value.Properties["error"].Value.Properties["code"].Value
	said := []node.Reason{
		node.Illegal, node.VersionMismatch, node.WindowExpired, node.WatermarkAhead, node.IDConflict, node.UnknownState,
		node.UnknownDefinition, node.BadRequest, node.QuotaReached, node.Overloaded, node.Timeout, node.Abstains, node.Stopping, node.OtherCluster,
		op.Unauthenticated, op.Forbidden, op.RateLimited,
		httpapi.TooLarge, httpapi.TooSlow, httpapi.UnsupportedMedia, httpapi.WrongHost, httpapi.CrossOrigin, httpapi.MembersChange,
	}
	var documented []string
	for _, c := range code.Enum {
		documented = append(documented, c.(string))
	}
	var all []string
	for _, why := range said {
		all = append(all, string(why))
		require.Regexp(t, fmt.Sprintf("`%s` \\([0-9, ]*%d", why, httpapi.StatusOf(why)), code.Description)
	}
	require.ElementsMatch(t, all, documented)
}

// apiTest sends requests to nodes, and compares requests and responses with the
// document.
type apiTest struct {
	t      *testing.T
	c      *cluster
	router routers.Router
	named  string          // the cluster that requests name; empty: none
	met    map[string]bool // method, path of the document, status
}

// request sends a request, and checks it and the response against the document. A
// request that is wrong on purpose is not checked.
func (a *apiTest) request(id node.ID, method, path, body string, wrong bool) (int, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.c.url(id, path), strings.NewReader(body))
	require.NoError(a.t, err)
	if body != "" {
		req.Header.Set("Content-Type", mediaTypeOf(body))
	}
	if a.named != "" {
		req.Header.Set(httpapi.ClusterHeader, a.named)
	}
	return a.do(req, body, wrong)
}

// do is request of one that is made already.
func (a *apiTest) do(req *http.Request, body string, wrong bool) (int, string) {
	a.t.Helper()
	plain := req.Clone(a.t.Context())
	plain.URL.Host, plain.URL.Scheme, plain.Body = "", "", io.NopCloser(strings.NewReader(body))
	route, params, err := a.router.FindRoute(plain)
	require.NoError(a.t, err, req.URL)
	in := &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	what := fmt.Sprintf("%s %s %.200s", req.Method, req.URL, body)
	if !wrong {
		require.NoError(a.t, openapi3filter.ValidateRequest(a.t.Context(), in), what)
	}
	resp, err := a.c.http.Do(req)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	var text []byte
	if route.Path == "/v1/watch" && resp.StatusCode == http.StatusOK { // the stream has no end
		line := make([]byte, 4096)
		n, err := resp.Body.Read(line)
		require.NoError(a.t, err)
		text, _, _ = bytes.Cut(line[:n], []byte("\n"))
	} else {
		text, err = io.ReadAll(resp.Body)
		require.NoError(a.t, err)
	}
	a.check(in, resp, text)
	return resp.StatusCode, string(text)
}

// check compares a response with the document. The members of a problem that say the
// same twice agree.
func (a *apiTest) check(in *openapi3filter.RequestValidationInput, resp *http.Response, text []byte) {
	a.t.Helper()
	a.met[fmt.Sprintf("%s %s %d", in.Request.Method, in.Route.Path, resp.StatusCode)] = true
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	out.SetBodyBytes(text)
	require.NoError(a.t, openapi3filter.ValidateResponse(a.t.Context(), out), "%s %s: %s", in.Request.Method, in.Request.URL, text)
	require.Equal(a.t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	if resp.Header.Get("Content-Type") != httpapi.ProblemType {
		return
	}
	var f httpapi.Failure
	require.NoError(a.t, json.Unmarshal(text, &f))
	require.Equal(a.t, resp.StatusCode, f.Status)
	require.Equal(a.t, f.Error.Text, f.Detail)
	require.True(a.t, strings.HasSuffix(f.Type, "#"+f.Error.Code), f.Type)
}

// All responses of nodes are documented, and all documented responses occur.
func TestOpenAPIMatchesResponses(t *testing.T) {
	skipIfShort(t)
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.JSONBodyDecoder)
	doc := readOpenAPI(t)
	router, err := legacy.NewRouter(doc)
	require.NoError(t, err)
	a := &apiTest{t: t, router: router, met: map[string]bool{}}
	a.useCluster()
	a.useLoneNode()
	a.useBusyNode()
	a.useGuardedNode()
	a.useSlowly()
	var missing []string
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if key := fmt.Sprintf("%s %s %s", method, path, status); !a.met[key] {
					missing = append(missing, key)
				}
			}
		}
	}
	// A 503 without a cause occurs only at a node that stopped by itself, in the second
	// in which it reports the reason; stream_test.go begins streams; health_test.go has a
	// loop that hangs. Backups have the guards of the other paths.
	require.ElementsMatch(t, []string{"POST /v1/backup 401", "POST /v1/backup 403", "POST /v1/backup 408", "POST /v1/backup 413", "POST /v1/backup 415", "POST /v1/backup 429",
		"GET /livez 503", "GET /v1/definitions 503", "POST /v1/members 503", "GET /v1/stream 101", "GET /v1/stream 503"}, missing, "documented, and not seen here")
}

const web = "/v1/machines/lifecycle/web"

// useCluster sends requests to a node of a working cluster.
func (a *apiTest) useCluster() {
	a.c = startCluster(a.t, 1)
	for _, q := range []struct {
		method, path, body string
		wrong              bool
	}{
		{"POST", web + "/transitions", `{"to":"Running"}`, false},
		{"POST", web + "/transitions", `{"to":"Stopped","operation":"pay-1","expect_version":1}`, false},
		{"POST", web + "/transitions", `{"to":"Init","operation":"pay-1"}`, false},
		{"POST", web + "/transitions", `{"to":"Flying"}`, false},
		{"POST", web + "/transitions", `{"to":7}`, true},
		{"POST", "/v1/machines/nothing/web/transitions", `{"to":"Running"}`, false},
		{"POST", web + "/operations", ``, false},
		{"POST", "/v1/machines/nothing/web/operations", ``, false},
		{"POST", "/v1/machines/lifecycle/a%20b/operations", ``, true},
		{"GET", web, ``, false},
		{"GET", web + "?consistency=local", ``, false},
		{"GET", web + "?consistency=strong", ``, true},
		{"GET", "/v1/machines/nothing/web", ``, false},
		{"GET", "/v1/machines?prefix=lifecycle/&limit=1&state=Stopped&consistency=linearizable", ``, false},
		{"GET", "/v1/machines?limit=0", ``, true},
		{"POST", "/v1/backup", `{"keys":["lifecycle/web","lifecycle/none"]}`, false},
		{"POST", "/v1/backup", `{"keys":[]}`, true},
		{"POST", "/v1/backup", `{"keys":["nothing/web"]}`, false},
		{"GET", "/v1/definitions?limit=1&after=a", ``, false},
		{"GET", "/v1/definitions?limit=0", ``, true},
		{"POST", web + "/transitions", `{"to":"` + strings.Repeat("x", 1<<20) + `"}`, true},
		{"POST", "/v1/definitions", "name: gate\nstates: [open, shut]\ninitial: shut\ntransitions: [shut -> open]\n", false},
		{"POST", "/v1/definitions", `{"name":"door","states":["open","shut"],"initial":"shut","transitions":[{"from":"shut","to":"open"}]}`, false},
		{"POST", "/v1/definitions", `{"name":"door","states":["open","shut"],"initial":"open","transitions":[{"from":"open","to":"shut"}]}`, false},
		{"POST", "/v1/definitions", `{"name":"door"}`, false},
		{"POST", "/v1/definitions", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, false},
		{"GET", "/v1/watch?key=lifecycle/web&from=0", ``, false},
		{"GET", "/v1/watch", ``, false},
		{"GET", "/v1/watch?key=nothing/web", ``, false},
		{"GET", "/v1/stream", ``, true},
		{"GET", "/v1/members", ``, false},
		{"GET", "/v1/members?all", ``, true},
		{"POST", "/v1/members", `{"change":"remove","node":1}`, false},
		{"POST", "/v1/members", `{"change":"grow"}`, true},
		{"POST", "/v1/members", `{"change":"add","node":2,"address":"` + strings.Repeat("x", 1<<20) + `"}`, true},
		{"POST", "/v1/members", `{"change":"add","node":2,"address":"127.0.0.1:1","learner":true}`, false},
		{"GET", "/v1/status", ``, false},
		{"GET", "/metrics", ``, false},
		{"GET", "/livez", ``, false},
		{"GET", "/readyz", ``, false},
		{"GET", "/readyz?verbose", ``, false},
	} {
		a.request(1, q.method, q.path, q.body, q.wrong)
	}
	a.named = "00000000000000000000000000000000"
	a.request(1, "GET", web, ``, false)
	a.request(1, "POST", web+"/transitions", `{"to":"Running"}`, false)
	a.request(1, "POST", "/v1/backup", `{"keys":["lifecycle/web"]}`, false)
	a.named = ""
}

// useLoneNode sends requests to a node that has lost the others, about a machine
// that it knows.
func (a *apiTest) useLoneNode() {
	a.c = startCluster(a.t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 500 * time.Millisecond })
	eventually(a.t, "a machine is there", func() bool {
		return a.c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status == http.StatusOK
	})
	a.c.stop(2)
	a.c.stop(3)
	a.request(1, "POST", web+"/transitions", `{"to":"Stopped"}`, false)
	a.request(1, "GET", "/v1/machines?consistency=linearizable", ``, false)
	a.request(1, "POST", "/v1/backup", `{"keys":["lifecycle/web"]}`, false)
	a.request(1, "GET", web, ``, false)
	a.request(1, "POST", web+"/operations", ``, false)
	a.request(1, "POST", "/v1/definitions", `{"name":"door","states":["open","shut"],"initial":"open","transitions":[{"from":"open","to":"shut"}]}`, false)
	eventually(a.t, "it notices", func() bool {
		status, _ := a.request(1, "GET", "/readyz", ``, false)
		return status == http.StatusServiceUnavailable
	})
}

// useBusyNode sends requests to a node without room for another operation or
// watcher.
func (a *apiTest) useBusyNode() {
	a.c = startCluster(a.t, 3, func(cfg *server.Config) {
		cfg.Node.ConsensusTimeout, cfg.Limits.Pending, cfg.Limits.Watchers = 3*time.Second, 1, 1
	})
	require.Equal(a.t, http.StatusOK, a.c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	a.c.stop(2)
	a.c.stop(3)
	var waits sync.WaitGroup
	defer waits.Wait()
	waits.Go(func() { a.c.tryRequest(1, "GET", web, "") }) // until the consensus timeout
	eventually(a.t, "the node is busy", func() bool { return a.c.metrics(1)["lockstep_operations_waiting"] == 1 })
	a.request(1, "GET", web, ``, false)
	a.request(1, "GET", "/v1/machines?consistency=linearizable", ``, false)
	a.request(1, "POST", web+"/transitions", `{"to":"Running"}`, false)
	a.request(1, "POST", web+"/operations", ``, false)
	a.request(1, "POST", "/v1/backup", `{"keys":["lifecycle/web"]}`, false)
	a.request(1, "GET", "/v1/watch?key=lifecycle/web", ``, false)
	a.request(1, "POST", "/v1/definitions", `{"name":"door","states":["open","shut"],"initial":"open","transitions":[{"from":"open","to":"shut"}]}`, false)
}

// operations lists a valid request of each operation of the document.
func (a *apiTest) operations() map[string]string {
	const door = `{"name":"door","states":["open","shut"],"initial":"shut","transitions":[{"from":"shut","to":"open"}]}`
	return map[string]string{
		"GET /v1/machines": "", "GET " + web: "", "POST " + web + "/operations": "", "POST " + web + "/transitions": `{"to":"Running"}`,
		"GET /v1/definitions": "", "POST /v1/definitions": door, "GET /v1/watch?key=lifecycle/web": "", "GET /v1/stream": "", "GET /v1/status": "",
		"GET /v1/members": "", "POST /v1/members": `{"change":"abandon"}`,
		"GET /metrics": "", "GET /livez": "", "GET /readyz": "",
	}
}

// everywhere sends a request of each operation, changed, and returns how many were
// answered with the status.
func (a *apiTest) everywhere(status int, change func(*http.Request)) (n int) {
	a.t.Helper()
	for target, body := range a.operations() {
		method, path, _ := strings.Cut(target, " ")
		req, err := http.NewRequestWithContext(a.t.Context(), method, a.c.url(1, path), strings.NewReader(body))
		require.NoError(a.t, err)
		if body != "" {
			req.Header.Set("Content-Type", httpapi.JSON)
		}
		change(req)
		if got, _ := a.do(req, body, true); got == status {
			n++
		}
	}
	return n
}

// useGuardedNode sends requests of clients that may not have them.
func (a *apiTest) useGuardedNode() {
	const guarded, all = 12, 14 // operations that ask for a role, with the metrics, and all of them
	require.Len(a.t, a.operations(), all)
	a.c = startCluster(a.t, 1, func(cfg *server.Config) {
		cfg.Access.Tokens, cfg.Access.Metrics = writeTokens(a.t), "reader"
		cfg.Limits.ClientRate, cfg.Limits.ClientWatches = 1, 1
	})
	require.Equal(a.t, guarded, a.everywhere(http.StatusUnauthorized, func(*http.Request) {}))
	require.Equal(a.t, guarded, a.everywhere(http.StatusForbidden, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }))
	require.Equal(a.t, all, a.everywhere(http.StatusMisdirectedRequest, func(r *http.Request) { r.Host = "evil.example.org" }))
	as := func(role string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tokenOf(role)) }
	}
	require.Equal(a.t, 4, a.everywhere(http.StatusForbidden, as("reader")), "operations, transitions, definitions and members")
	w := a.c.watch(1, "prefix=", "Authorization", "Bearer "+tokenOf("admin")) // the one that it may have
	defer w.close()
	eventually(a.t, "each is refused once, but for those that need no role", func() bool {
		a.everywhere(http.StatusTooManyRequests, as("admin"))
		refused := 0
		for what := range a.met {
			if strings.HasSuffix(what, " 429") {
				refused++
			}
		}
		return refused == guarded-1
	})
}

// useSlowly sends requests with bodies of other forms, and with bodies that do not come.
func (a *apiTest) useSlowly() {
	a.c = startCluster(a.t, 1, func(cfg *server.Config) { cfg.Limits.IOTimeout = 300 * time.Millisecond })
	require.Equal(a.t, 3, a.everywhere(http.StatusUnsupportedMediaType, func(r *http.Request) {
		if r.ContentLength > 0 {
			r.Header.Set("Content-Type", "text/plain")
		}
	}))
	require.Equal(a.t, 3, a.everywhere(http.StatusRequestTimeout, func(r *http.Request) {
		if r.ContentLength > 0 {
			out, in := io.Pipe()
			a.t.Cleanup(func() { _ = in.Close() })
			r.Body, r.ContentLength = out, 10
		}
	}))
}
