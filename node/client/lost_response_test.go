package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

// requestLog is the list of requests to a server.
type requestLog struct {
	mu  sync.Mutex
	all []httpapi.Transition
}

// record adds a request, and returns the number of earlier ones.
func (h *requestLog) record(r *http.Request) int {
	var t httpapi.Transition
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		panic(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, t)
	return len(h.all) - 1
}

// list returns the requests so far.
func (h *requestLog) list() []httpapi.Transition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// resetConn ends a connection with a reset.
func resetConn(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// An operation that a node has received, and whose response is lost in any way, is
// unknown.
func TestLostResponsesAreUnknown(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the connection is reset": func(w http.ResponseWriter, _ *http.Request) { resetConn(w) },
		"the connection ends":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"the answer is cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		},
		"the answer is another's":          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") },
		"503 of a node that says so":       respondWith(503, `{"error":{"code":"stopping","text":"it has stopped"},"outcome":"unknown"}`),
		"503 of a node that says nothing":  respondWith(503, `{"error":{"code":"stopping","text":"it has stopped"}}`),
		"503 of a proxy":                   respondWith(503, `service unavailable`),
		"502 of a proxy that speaks JSON":  respondWith(502, `{"message":"bad gateway"}`),
		"an outcome that is not known yet": respondWith(409, `{"error":{"code":"new-code","text":"?"},"outcome":"pending"}`),
		"elsewhere, and nobody is there": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"see elsewhere, where nobody is": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusSeeOther)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var h requestLog
			endpoint := fakeNode(t, func(w http.ResponseWriter, r *http.Request) { h.record(r); answer(w, r) })
			c := newClient(t, client.Config{Endpoints: []string{endpoint}, Deadline: 300 * time.Millisecond})
			r, err := c.Propose(t.Context(), key, "Running")
			require.NoError(t, err)
			require.Equal(t, op.Unknown, r.Outcome, r)
			asked := h.list()
			requireOneFirst(t, asked)
			require.Equal(t, string(r.Operation), asked[0].Operation)
		})
	}
}

// respondWith responds with a status and a body.
func respondWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// requireOneFirst checks that exactly one of the requests for an operation is
// marked as the first.
func requireOneFirst(t *testing.T, all []httpapi.Transition) {
	t.Helper()
	require.NotEmpty(t, all)
	first := 0
	for _, r := range all {
		require.Equal(t, all[0].Operation, r.Operation)
		if r.First {
			first++
		}
	}
	require.Equal(t, 1, first)
}

// When a kept connection breaks after the next request was delivered, net/http must
// not send this request again, still marked as the first.
func TestBrokenConnectionIsNotReplayed(t *testing.T) {
	var h requestLog
	endpoint := fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		switch h.record(r) {
		case 0: // the connection is kept
			fmt.Fprint(w, `{"key":"lifecycle/web","state":"Running","version":1,"serial":1}`)
		case 1:
			resetConn(w)
		default:
			fmt.Fprint(w, `{"key":"lifecycle/web","state":"Stopped","version":2,"serial":2}`)
		}
	})
	c := newClient(t, client.Config{Endpoints: []string{endpoint}})
	for _, to := range []string{"Running", "Stopped"} {
		r, err := c.Propose(t.Context(), key, to)
		require.NoError(t, err)
		require.Equal(t, op.Committed, r.Outcome)
	}
	asked := h.list()
	require.Len(t, asked, 3)
	requireOneFirst(t, asked[:1])
	requireOneFirst(t, asked[1:])
}

// net/http sends a request with an Idempotency-Key again when a kept connection
// breaks. A node takes the key for the operation's id: it is carried out once.
func TestHTTPReplayTakesEffectOnce(t *testing.T) {
	real := startNode(t)
	var seen atomic.Int32
	proxy := fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host, r.RequestURI = "http", real, ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		if seen.Add(1) == 2 { // carried out, and the response is lost
			resetConn(w)
			return
		}
		w.WriteHeader(resp.StatusCode)
		var m watch.Machine
		_ = json.NewDecoder(resp.Body).Decode(&m)
		_ = json.NewEncoder(w).Encode(m)
	})
	user := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(user.CloseIdleConnections)
	for i, to := range []string{"Running", "Stopped"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+proxy+"/v1/machines/"+key+"/transitions", jsonBody(t, httpapi.Transition{To: to}))
		require.NoError(t, err)
		req.Header.Set("Content-Type", httpapi.JSON)
		req.Header.Set("Idempotency-Key", fmt.Sprintf(`"key-%d"`, i))
		resp, err := user.Do(req)
		require.NoError(t, err)
		var m watch.Machine
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&m))
		require.NoError(t, resp.Body.Close())
		require.Equal(t, watch.Machine{Key: key, State: to, Version: uint64(i + 1), Serial: uint64(i + 1)}, m)
	}
	require.EqualValues(t, 3, seen.Load(), "the library has sent the second again")
}

// jsonBody returns a body that can be sent again.
func jsonBody(t *testing.T, v any) *bytes.Reader {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return bytes.NewReader(text)
}

// Ids cannot be predicted from the ids in the events of a watch.
func TestIDsAreUnpredictable(t *testing.T) {
	c := newClient(t, client.Config{Endpoints: []string{startNode(t)}})
	names := map[string]bool{}
	for range 100 {
		name := c.NewName()
		require.Len(t, name, 16)
		require.False(t, names[name[:8]] || names[name[8:]], "48 bits of a name come again")
		names[name[:8]], names[name[8:]] = true, true
	}
	r, err := c.Propose(t.Context(), key, "Running")
	require.NoError(t, err)
	base, err := r.Operation.Watermark(key)
	require.NoError(t, err)
	require.Zero(t, base)
	require.Len(t, r.Operation.Name(), 16)
}
