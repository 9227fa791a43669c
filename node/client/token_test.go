package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// A client shows its token in all that it sends: on streams and by HTTP, for operations,
// listings and watches. Requests beyond its role are refused at once, for certain.
func TestClientsShowTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	writer, reader := access.Secret{1}.Text(), access.Secret{2}.Text()
	lines := access.TokenLine(access.Writer, "web", writer) + "\n" + access.TokenLine(access.Reader, "eyes", reader)
	require.NoError(t, os.WriteFile(file, []byte(lines), 0o600))
	endpoint := startNode(t, func(cfg *server.Config) { cfg.Access.Tokens = file })
	for _, httpOnly := range []bool{false, true} {
		for _, x := range []struct {
			token, code string
			reads       bool
		}{{writer, "", true}, {reader, "forbidden", true}, {"", "unauthenticated", false}, {"lockstep_wrong", "unauthenticated", false}} {
			what := fmt.Sprintf("HTTP %v, %s", httpOnly, x.code)
			c, err := client.New(client.Config{Endpoints: []string{endpoint}, Token: x.token, HTTPOnly: httpOnly, Deadline: 30 * time.Second})
			require.NoError(t, err)
			begun := time.Now()
			r, err := c.Propose(t.Context(), fmt.Sprintf("lifecycle/m-%v", httpOnly), "Running")
			require.NoError(t, err)
			if x.code == "" {
				require.Equal(t, op.Committed, r.Outcome, what)
			} else {
				require.Equal(t, op.Rejected, r.Outcome, what)
				require.Equal(t, op.Reason(x.code), r.Reason, what)
				require.False(t, r.Unavailable(), "another attempt would be of no use")
			}
			r, err = c.Get(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, x.reads, r.Outcome == op.Committed, what)
			_, err = c.Definitions(t.Context())
			require.Equal(t, x.reads, err == nil, "%s: %v", what, err)
			_, err = c.Status(t.Context(), endpoint)
			require.Equal(t, x.reads, err == nil, "%s: %v", what, err)
			err = c.Watch(t.Context(), client.WatchOptions{Key: key}, func(watch.Event) error { return errSeen })
			if x.reads {
				require.ErrorIs(t, err, errSeen)
			} else {
				require.ErrorIs(t, err, client.ErrRefused, what)
			}
			require.Less(t, time.Since(begun), 20*time.Second, "%s: it does not try until its deadline", what)
			c.Close()
		}
	}
	_, err := client.New(client.Config{Endpoints: []string{endpoint}, Token: "two\r\nlines"})
	require.ErrorIs(t, err, client.ErrConfig)
	require.NotContains(t, err.Error(), "lines\"")
}

// A client shows its token when it asks for a stream. Without that it would be refused, and go on
// by HTTP, so that operations succeed all the same.
func TestStreamsAreAskedForWithTheToken(t *testing.T) {
	token := access.Secret{1}.Text()
	shown := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/stream" {
			select {
			case shown <- r.Header.Get("Authorization"):
			default:
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer s.Close()
	c, err := client.New(client.Config{Endpoints: []string{s.Listener.Addr().String()}, Token: token, Deadline: time.Second})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Get(t.Context(), key)
	require.NoError(t, err)
	select {
	case authorization := <-shown:
		require.Equal(t, "Bearer "+token, authorization)
	default:
		t.Fatal("it has asked for no stream")
	}
}

// errSeen ends a watch that has begun.
var errSeen = fmt.Errorf("seen")

// Definitions are read page by page, and pages that do not go on end the reading.
func TestDefinitionsArePaged(t *testing.T) {
	pages := map[string]string{
		"":  `{"definitions":[{"name":"a","states":["x"],"initial":"x","transitions":null}],"next":"a","node":1}`,
		"a": `{"definitions":[{"name":"b","states":["x"],"initial":"x","transitions":null}],"node":1}`,
	}
	var asked atomic.Int64
	endpoint := fakeNode(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, pages[r.URL.Query().Get("after")])
	})
	c, err := client.New(client.Config{Endpoints: []string{endpoint}})
	require.NoError(t, err)
	defer c.Close()
	list, err := c.Definitions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "ab", list[0].Name+list[1].Name)
	pages["a"] = strings.Replace(pages["a"], `"node"`, `"next":"a","node"`, 1)
	_, err = c.Definitions(t.Context())
	require.ErrorIs(t, err, client.ErrUnreachable)
	require.EqualValues(t, 4, asked.Load())
}
