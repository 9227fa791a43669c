package board

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/stretchr/testify/require"
)

// hostile is a name that tries to be markup, a terminal's command, and a path.
const hostile = `</script><img src=x onerror=alert(1)>"'&` + "\u202e\x1b[2J\n"

// get asks a handler for a path, as a client of this host does.
func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "127.0.0.1:7788"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The page is for this host: whatever names another one, or asks for a change, is refused.
func TestOnlyThisHostIsServed(t *testing.T) {
	h := NewServer(Config{Dir: t.TempDir()}).Handler()
	for host, code := range map[string]int{
		"127.0.0.1:7788": 200, "localhost:7788": 200, "[::1]:7788": 200, "127.9.9.9": 200,
		"evil.example": 403, "evil.example:7788": 403, "10.0.0.1:7788": 403, "localhost.evil.example": 403, "": 403,
	} {
		require.Equal(t, code, get(h, "/v1/campaigns", "Host", host).Code, host)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		r := httptest.NewRequest(method, "/v1/campaigns", nil)
		r.Host = "127.0.0.1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
	}
}

func TestOnlyLoopbackAddressesAreListenedAt(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:0": "not a loopback address: the page is for this host only", "192.0.2.1:80": "through SSH (ssh -L 80:127.0.0.1:80)", "[::]:0": "not a loopback address",
		"localhost:0": "by number", "127.0.0.1": "by number", "": "by number",
	} {
		_, err := Listen(address)
		require.ErrorIs(t, err, ErrAddress, address)
		require.ErrorContains(t, err, want, address)
	}
	l, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(l.Addr().String())
	require.ErrorContains(t, err, "with port 0 a free one is taken")
}

// Every answer tells the browser to load nothing else, to guess no types, and to show the
// answer to no other site.
func TestHeaders(t *testing.T) {
	h := NewServer(Config{Dir: t.TempDir()}).Handler()
	for target, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8", "/v1/campaigns": "application/json", "/nowhere": "text/plain; charset=utf-8",
	} {
		got := get(h, target, "Origin", "http://evil.example").Header()
		require.Equal(t, kind, got.Get("Content-Type"), target)
		require.Equal(t, "nosniff", got.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", got.Get("Cross-Origin-Resource-Policy"))
		require.Contains(t, got.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'")
		require.NotContains(t, got.Get("Content-Security-Policy"), "unsafe")
		require.Empty(t, got.Get("Access-Control-Allow-Origin"))
	}
}

// Texts are plain, whatever they contain; pages run in a sandbox; nothing else is served.
func TestFilesOfAFailure(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "secret", "secret")
	write(t, outside, "folder/plan.json", "secret")
	dir := filepath.Join(outside, "failures")
	write(t, dir, "f/verdict.txt", "<script>alert(1)</script>")
	write(t, dir, "f/report.html", "<p>report</p>")
	write(t, dir, "f/other.txt", "secret")
	write(t, dir, "plan.json", "secret")
	write(t, dir, hostile[1:9]+"/plan.json", "{}") // a name with a slash is no name
	write(t, dir, "a b%2F&?#/plan.json", "{}")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "f", "trace.txt"), 0o777))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "f", "plan.json")))
	require.NoError(t, os.Symlink("verdict.txt", filepath.Join(dir, "f", "shrunk.json")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "folder"), filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "inside")))
	h := NewServer(Config{Dir: dir}).Handler()

	text := get(h, "/failures/f/verdict.txt")
	require.Equal(t, "<script>alert(1)</script>", text.Body.String())
	require.Equal(t, "text/plain; charset=utf-8", text.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", text.Header().Get("X-Content-Type-Options"))
	page := get(h, "/failures/f/report.html")
	require.Equal(t, "<p>report</p>", page.Body.String())
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	require.Equal(t, sandbox, page.Header().Get("Content-Security-Policy"))
	require.NotContains(t, sandbox, "same-origin")
	require.Equal(t, "{}", get(h, "/failures/a%20b%252F&%3F%23/plan.json").Body.String())

	for _, target := range []string{
		"/failures/f/plan.json", "/failures/f/shrunk.json", "/failures/f/trace.txt", "/failures/f/other.txt", "/failures/link/plan.json", "/failures/inside/verdict.txt",
		"/failures/plan.json", "/failures/./plan.json", "/failures/%2E/plan.json", "/failures/f/..%2F..%2Fsecret", "/failures/..%2Ffolder/plan.json", "/failures/%2E%2E/plan.json",
		"/failures/f%2F..%2Ff/verdict.txt", "/failures/f/%2E%2E%2Fplan.json", "/failures/f%00/verdict.txt", "/failures//verdict.txt", "/failures/nowhere/verdict.txt", "/failures/f/", "/campaigns.jsonl",
	} {
		got := get(h, target)
		require.NotEqual(t, 200, got.Code, target)
		require.NotContains(t, got.Body.String(), "secret", target)
	}
}

// The view has names as JSON, and a folder that is not there yet is empty.
func TestViewAsJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	h := NewServer(Config{Dir: dir}).Handler()
	var v View
	require.NoError(t, json.Unmarshal(get(h, "/v1/campaigns").Body.Bytes(), &v))
	require.Equal(t, Format, v.Format)
	require.Empty(t, v.Campaigns)

	r := recordOf(5)
	r.System, r.Command, r.Signatures[0].Signature = hostile, hostile, hostile
	require.NoError(t, AppendRecord(dir, r))
	body := get(h, "/v1/campaigns").Body.String()
	require.NotContains(t, body, "<")
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	require.Equal(t, hostile, v.Campaigns[0].System)
	require.Equal(t, hostile, v.Failures[0].Signature)
	require.Equal(t, New, v.Failures[0].Word)
}

// A state file has figures, and one that cannot be read is told.
func TestStateFiles(t *testing.T) {
	dir := t.TempDir()
	c := &campaign.Campaign{System: canary.System(), Seeds: 60}
	c.Shape.Profile = "all"
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	sum.Interrupted = true
	require.NoError(t, c.WriteState(filepath.Join(dir, "night.json"), "build", &sum))
	s := NewServer(Config{Dir: dir, States: []string{filepath.Join(dir, "night.json"), filepath.Join(dir, "none.json")}})
	v, err := s.view()
	require.NoError(t, err)
	require.Len(t, v.Live, 1)
	f := v.Live[0]
	require.Equal(t, "night.json", f.Name)
	require.Equal(t, "runs, or was interrupted", f.Stage)
	require.Equal(t, uint64(60), f.Record.Seeds)
	require.Equal(t, "canary", f.Record.System)
	require.Positive(t, f.Record.Pairs.Of)
	require.Len(t, f.Samples, 1)
	require.Len(t, v.Notes, 1)
	require.Contains(t, v.Notes[0], "none.json")
}

// A page that is open gets all figures at first, then the new ones, and is told of changes
// and of the end.
func TestLiveFigures(t *testing.T) {
	dir := t.TempDir()
	live := NewLive(100)
	live.Update(*recordAt(1, 10), time.Second, true)
	ctx, end := context.WithCancel(t.Context())
	address := start(t, ctx, Config{Dir: dir, Live: live, Every: 10 * time.Millisecond})
	answer, err := http.Get(address + "v1/campaigns/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	events := eventsOf(answer.Body)

	first := next(t, events, "series")
	require.Equal(t, uint64(10), first.Record.Seeds)
	require.Equal(t, 1.0, *first.Left)
	live.Update(*recordAt(2, 30), 0, false)
	for f := next(t, events, "figures"); f.Record.Seeds != 30; f = next(t, events, "figures") {
	}
	require.NoError(t, AppendRecord(dir, recordOf(1)))
	next(t, events, "changed")
	live.Stage("shrinking")
	for f := next(t, events, "figures"); f.Stage != "shrinking"; f = next(t, events, "figures") {
		require.LessOrEqual(t, len(f.Samples), 1)
	}
	end()
	next(t, events, "end")
	_, open := <-events
	require.False(t, open)
}

// The end of a server does not wait for pages.
func TestAServerEndsWithPagesOpen(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	address := start(t, ctx, Config{Dir: t.TempDir(), Every: time.Hour})
	for range maxSubscribers {
		answer, err := http.Get(address + "v1/campaigns/events")
		require.NoError(t, err)
		defer answer.Body.Close()
	}
	refused, err := http.Get(address + "v1/campaigns/events")
	require.NoError(t, err)
	defer refused.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	end()
}

// start serves until the context ends, which the end of the test awaits.
func start(t *testing.T, ctx context.Context, c Config) (address string) {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	return startAt(t, ctx, c, l)
}

func startAt(t *testing.T, ctx context.Context, c Config, l net.Listener) (address string) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- NewServer(c).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			require.Fail(t, "the server does not end")
		}
	})
	return "http://" + l.Addr().String() + "/"
}

// event is one server-sent event.
type event struct{ name, data string }

// eventsOf reads events until the body ends.
func eventsOf(body io.Reader) <-chan event {
	events := make(chan event, 1000)
	go func() {
		defer close(events)
		var e event
		for lines := bufio.NewScanner(body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					events <- e
				}
				e = event{}
			}
		}
	}()
	return events
}

// next returns the figures of the next event of a name. Others are passed over.
func next(t *testing.T, events <-chan event, name string) (f Figures) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(nextEvent(t, events, name)), &f))
	return f
}

// nextEvent returns the data of the next event of a name. Others are passed over.
func nextEvent(t *testing.T, events <-chan event, name string) (data string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case e, ok := <-events:
			require.True(t, ok, "the events have ended before "+name)
			if e.name == name {
				return e.data
			}
		case <-timeout:
			require.FailNow(t, "there is no event "+name)
		}
	}
}
