package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// watchStream is a client that watches.
type watchStream struct {
	t    testing.TB
	resp *http.Response
	in   *bufio.Scanner
	stop context.CancelFunc
}

// watch opens a watch at a node.
func (c *cluster) watch(id node.ID, query string, header ...string) *watchStream {
	c.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), testTimeout)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(id, "/v1/watch?"+query), nil)
	require.NoError(c.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	w := &watchStream{c.t, resp, bufio.NewScanner(resp.Body), stop}
	c.t.Cleanup(w.close)
	return w
}

func (w *watchStream) close() {
	w.stop()
	_ = w.resp.Body.Close()
}

// line returns the next line; false at the end.
func (w *watchStream) line() (string, bool) {
	w.t.Helper()
	if !w.in.Scan() {
		require.NoError(w.t, w.in.Err())
		return "", false
	}
	return w.in.Text(), true
}

func (w *watchStream) next() watch.Event {
	w.t.Helper()
	text, ok := w.line()
	require.True(w.t, ok, "the watch has ended")
	var e watch.Event
	require.NoError(w.t, json.Unmarshal([]byte(text), &e))
	return e
}

// expect checks the next events, as texts.
func (w *watchStream) expect(want ...string) {
	w.t.Helper()
	for _, words := range want {
		require.Equal(w.t, words, eventText(w.next()))
	}
}

func eventText(e watch.Event) string {
	switch {
	case e.State != nil:
		return fmt.Sprintf("%s is %s v%d", e.State.Key, e.State.State, e.State.Version)
	case e.Transition != nil:
		return fmt.Sprintf("%s %s>%s v%d", e.Transition.Key, e.Transition.From, e.Transition.To, e.Transition.Version)
	case e.Gap != nil:
		return fmt.Sprintf("%s gap %d-%d", e.Gap.Key, e.Gap.From, e.Gap.To)
	case e.Behind != nil:
		return fmt.Sprintf("%s behind: v%d, not v%d", e.Behind.Key, e.Behind.Version, e.Behind.From)
	case e.End != nil:
		return "end " + e.End.Code
	}
	return "heartbeat"
}

// advance takes a machine through its next transitions, by the nodes in turn.
func (c *cluster) advance(machine string, from, to uint64, by ...node.ID) {
	c.t.Helper()
	for version := from + 1; version <= to; version++ {
		state := []string{"Init", "Running", "Stopped"}[version%3]
		a := c.propose(by[int(version)%len(by)], machine, fmt.Sprintf(`{"to":%q,"operation":%q}`, state, node.Stamp(machine, version-1, fmt.Sprintf("op-%d", version))))
		require.Equal(c.t, http.StatusOK, a.Status, a.Error.Text)
		require.Equal(c.t, version, a.Version)
	}
}

// A watcher receives every transition, in order and once, at any node and from any
// proposer.
func TestWatchOneMachine(t *testing.T) {
	c := startCluster(t, 3)
	c.advance("lifecycle/web", 0, 2, 1)
	for id := range c.nodes {
		w := c.watch(id, "key=lifecycle/web")
		require.Equal(t, "application/x-ndjson", w.resp.Header.Get("Content-Type"))
		w.expect("lifecycle/web is Stopped v2")
		defer func() {
			w.expect("lifecycle/web Stopped>Init v3", "lifecycle/web Init>Running v4")
			e := w.next()
			require.Equal(t, &watch.Transition{Key: "lifecycle/web", Version: 5, From: "Running", To: "Stopped", Operation: string(node.Stamp("lifecycle/web", 4, "op-5"))}, e.Transition)
			w.expect("lifecycle/web Stopped>Init v6")
		}()
	}
	c.propose(1, "lifecycle/other", `{"to":"Running"}`)
	c.advance("lifecycle/web", 2, 6, 1, 2, 3)
	for id := range c.nodes {
		require.EqualValues(t, 1, c.nodes[id].Status().Watchers)
		require.EqualValues(t, 1, c.metrics(id)["lockstep_watchers"])
	}
}

// The present state of a machine that was never used is its initial state.
func TestWatchUntouchedMachine(t *testing.T) {
	c := startCluster(t, 3)
	now, zero := c.watch(2, "key=lifecycle/web"), c.watch(3, "key=lifecycle/web&from=0")
	c.advance("lifecycle/web", 0, 2, 1)
	for _, w := range []*watchStream{now, zero} {
		w.expect("lifecycle/web is Init v0", "lifecycle/web Init>Running v1", "lifecycle/web Running>Stopped v2")
	}
}

// A watch may resume after any version, at any node. Transitions that are too old to
// be known are marked as a gap.
func TestWatchResumes(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.DedupWindow, cfg.Node.Batch = 4, 4 })
	c.advance("lifecycle/web", 0, 10, 1)
	c.watch(2, "key=lifecycle/web&from=10").expect("lifecycle/web is Running v10")
	c.watch(3, "key=lifecycle/web&from=8").expect("lifecycle/web is Stopped v8", "lifecycle/web Stopped>Init v9", "lifecycle/web Init>Running v10")
	c.watch(3, "key=lifecycle/web&from=6").expect("lifecycle/web is Init v6", "lifecycle/web Init>Running v7")
	c.watch(2, "key=lifecycle/web&from=5").expect("lifecycle/web gap 6-6", "lifecycle/web Init>Running v7")
	w := c.watch(1, "prefix=&from=0")
	w.expect("lifecycle/web gap 1-6", "lifecycle/web Init>Running v7", "lifecycle/web Running>Stopped v8",
		"lifecycle/web Stopped>Init v9", "lifecycle/web Init>Running v10")
	c.advance("lifecycle/web", 10, 11, 2)
	w.expect("lifecycle/web Running>Stopped v11")

	c.watch(1, "prefix=lifecycle/w&from=12").expect("lifecycle/web behind: v11, not v12")
	w = c.watch(1, "key=lifecycle/web&from=12")
	require.Equal(t, http.StatusBadRequest, w.resp.StatusCode)
	text, _ := w.line()
	require.Contains(t, text, "lifecycle/web is at version 11: resume from a version that it has had")
}

// A node that was down learns the state of a machine when a watch of it begins,
// before it sends the first event.
func TestWatchAtANodeThatMissedCommits(t *testing.T) {
	c := startCluster(t, 3)
	c.advance("lifecycle/web", 0, 3, 1)
	c.stop(3)
	c.advance("lifecycle/web", 3, 6, 1)
	c.start(3)
	c.awaitAll()
	c.watch(3, "key=lifecycle/web&from=2").expect("lifecycle/web is Stopped v2", "lifecycle/web Stopped>Init v3",
		"lifecycle/web Init>Running v4", "lifecycle/web Running>Stopped v5", "lifecycle/web Stopped>Init v6")
}

// A watch of a prefix: first the existing machines, then their changes, new machines
// included.
func TestWatchPrefix(t *testing.T) {
	c := startCluster(t, 3)
	c.advance("lifecycle/a-2", 0, 1, 1)
	c.advance("lifecycle/a-1", 0, 2, 1)
	c.advance("lifecycle/b", 0, 1, 1)
	w := c.watch(1, "prefix=lifecycle/a-")
	w.expect("lifecycle/a-1 is Stopped v2", "lifecycle/a-2 is Running v1")
	c.advance("lifecycle/b", 1, 2, 1)
	c.advance("lifecycle/a-3", 0, 2, 2)
	w.expect("lifecycle/a-3 is Init v0", "lifecycle/a-3 Init>Running v1", "lifecycle/a-3 Running>Stopped v2")
	c.advance("lifecycle/a-1", 2, 3, 3)
	w.expect("lifecycle/a-1 Stopped>Init v3")
}

// More machines than a page: the state of each is sent once, also if it changes
// meanwhile.
func TestWatchManyMachines(t *testing.T) {
	const machines = 1000
	c := startCluster(t, 1)
	c.advanceMany(machines, 1)
	w := c.watch(1, "prefix=lifecycle/")
	at := map[string]uint64{}
	var all sync.WaitGroup
	all.Go(func() { c.advanceMany(machines, 2) })
	for told := 0; told < machines; {
		e := w.next()
		if e.State != nil {
			require.NotContains(t, at, e.State.Key)
			at[e.State.Key] = e.State.Version
		} else {
			require.Contains(t, at, e.Transition.Key)
			require.Equal(t, at[e.Transition.Key]+1, e.Transition.Version)
			at[e.Transition.Key]++
		}
		if key := w.keyOf(e); at[key] == 2 {
			told++
		}
	}
	all.Wait()
}

func (w *watchStream) keyOf(e watch.Event) string {
	if e.State != nil {
		return e.State.Key
	}
	return e.Transition.Key
}

// advanceMany takes machines m-0000 and so on to a version, many at a time.
func (c *cluster) advanceMany(machines int, version uint64) {
	var all sync.WaitGroup
	for first := range 64 {
		all.Go(func() {
			for i := first; i < machines; i += 64 {
				path := fmt.Sprintf("/v1/machines/lifecycle/m-%04d/transitions", i)
				a, err := c.tryRequest(1, "POST", path, fmt.Sprintf(`{"to":%q}`, []string{"Init", "Running", "Stopped"}[version%3]))
				if err != nil || a.Version != version {
					c.t.Errorf("%s: %+v, %v", path, a, err)
				}
			}
		})
	}
	all.Wait()
}

// A value that is accepted but not chosen is not sent. It is sent when it is chosen.
func TestWatchTellsOnlyWhatIsChosen(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) {
		cfg.Node.ConsensusTimeout, cfg.Heartbeat = 300*time.Millisecond, 10*time.Millisecond
	})
	c.advance("lifecycle/web", 0, 1, 1)
	w := c.watch(1, "prefix=lifecycle/")
	w.expect("lifecycle/web is Running v1")
	c.stop(2)
	c.stop(3)
	// Its cached promise lets it begin with accept, and node 1 accepts.
	a := c.propose(1, "lifecycle/web", `{"to":"Stopped"}`)
	require.Equal(t, "unknown", a.Outcome)
	for range 10 {
		w.expect("heartbeat")
	}
	c.start(2) // not 3: without node 1 there must be no majority that need not know of it
	c.awaitAll()
	require.Equal(t, uint64(2), c.get(1, "lifecycle/web").Version, "it was accepted all the time")
	for e := w.next(); ; e = w.next() {
		if e.Heartbeat == nil {
			require.Equal(t, "lifecycle/web Running>Stopped v2", eventText(e))
			break
		}
	}
}

// Without a majority a watch begins with the state that the node knows.
func TestWatchWithoutMajority(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 300 * time.Millisecond })
	c.advance("lifecycle/web", 0, 2, 1)
	c.stop(2)
	c.stop(3)
	c.watch(1, "key=lifecycle/web&from=1").expect("lifecycle/web is Running v1", "lifecycle/web Running>Stopped v2")
}

// A browser's EventSource gets its own format, and resumes where it left off.
func TestWatchAsEventStream(t *testing.T) {
	c := startCluster(t, 1)
	c.advance("lifecycle/web", 0, 1, 1)
	w := c.watch(1, "key=lifecycle/web", "Accept", "text/event-stream")
	require.Equal(t, "text/event-stream", w.resp.Header.Get("Content-Type"))
	c.advance("lifecycle/web", 1, 2, 1)
	for _, want := range []string{
		"id: 1", "event: state", `data: {"state":{"key":"lifecycle/web","state":"Running","version":1,"serial":1}}`, "",
		"id: 2", "event: transition",
		fmt.Sprintf(`data: {"transition":{"key":"lifecycle/web","version":2,"from":"Running","to":"Stopped","operation":%q}}`, node.Stamp("lifecycle/web", 1, "op-2")), "",
	} {
		text, _ := w.line()
		require.Equal(t, want, text)
	}
	c.watch(1, "key=lifecycle/web", "Last-Event-ID", "1").expect("lifecycle/web is Running v1", "lifecycle/web Running>Stopped v2")
}

func TestWatchRefusals(t *testing.T) {
	c := startCluster(t, 1)
	for query, text := range map[string]string{
		"":                           "want key=MACHINE or prefix=PREFIX",
		"key=lifecycle/a&prefix=b":   "want key=MACHINE or prefix=PREFIX",
		"key=lifecycle":              "want definition/name",
		"key=lifecycle/a&from=x":     `from \"x\": want a version`,
		"prefix=lifecycle/&from=-1":  `from \"-1\": want a version`,
		"prefix=lifecycle/&from=":    `from \"\": want a version`,
		"prefix=lifecycle/&since=10": "since: no such parameter",
	} {
		w := c.watch(1, query)
		require.Equal(t, http.StatusBadRequest, w.resp.StatusCode, query)
		got, _ := w.line()
		require.Contains(t, got, text, query)
	}
	w := c.watch(1, "key=nothing/a")
	require.Equal(t, http.StatusNotFound, w.resp.StatusCode)
}

// A stopping node sends its watchers a last event with the reason, and does not wait
// for them.
func TestWatchEndsWithTheNode(t *testing.T) {
	c := startCluster(t, 1)
	one, all := c.watch(1, "key=lifecycle/web"), c.watch(1, "prefix=lifecycle/")
	one.expect("lifecycle/web is Init v0")
	c.stop(1)
	for _, w := range []*watchStream{one, all} {
		w.expect("end stopping")
		_, more := w.line()
		require.False(t, more, "it is the last event")
	}
}

// A watcher that does not keep up is cut off, with an end event; the
// node and the other watchers go on.
func TestSlowWatcherIsCutOff(t *testing.T) {
	const machines = 64
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.IOTimeout = testTimeout })
	nc, err := net.Dial("tcp", c.nodes[1].HTTPAddr().String())
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(4096))
	fmt.Fprintf(nc, "GET /v1/watch?prefix=lifecycle/ HTTP/1.1\r\nHost: %v\r\nAccept: application/x-ndjson\r\n\r\n", nc.RemoteAddr())
	eventually(t, "it watches", func() bool { return c.nodes[1].Status().Watchers == 1 })
	for version := uint64(1); c.metrics(1)["lockstep_watchers_slow_total"] == 0; version++ {
		require.Less(t, version, uint64(1000), "it is never cut off")
		c.advanceMany(machines, version)
	}
	t.Logf("cut off after %v changes", c.metrics(1)["lockstep_watch_changes_total"])
	eventually(t, "it is gone from the books", func() bool { return c.nodes[1].Status().Watchers == 0 })
	require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(1<<20)) // with small windows the rest would take long
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(testTimeout)))
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	at := map[string]uint64{}
	for _, l := range lines[:len(lines)-1] {
		var e watch.Event
		require.NoError(t, json.Unmarshal([]byte(l), &e))
		if e.Transition != nil {
			require.Equal(t, at[e.Transition.Key]+1, e.Transition.Version, "what it is told is complete")
			at[e.Transition.Key]++
		}
	}
	require.Contains(t, lines[len(lines)-1], `{"end":{"code":"slow"`)
}

// The number of watchers is bounded, and one that leaves makes room.
func TestTooManyWatchers(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.Watchers = 2 })
	first, second := c.watch(1, "prefix="), c.watch(1, "prefix=")
	third := c.watch(1, "prefix=")
	require.Equal(t, http.StatusServiceUnavailable, third.resp.StatusCode)
	require.Equal(t, "1", third.resp.Header.Get("Retry-After"))
	text, _ := third.line()
	require.Contains(t, text, `"overloaded"`)
	require.EqualValues(t, 1, c.metrics(1)["lockstep_watchers_refused_total"])
	first.close()
	eventually(t, "there is room again", func() bool {
		w := c.watch(1, "prefix=")
		defer w.close()
		return w.resp.StatusCode == http.StatusOK
	})
	require.Equal(t, http.StatusOK, second.resp.StatusCode)
}
