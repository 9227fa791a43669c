package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

// streamClient is a client of one stream, driven by hand.
type streamClient struct {
	t      testing.TB
	conn   net.Conn
	in     *bufio.Reader
	end    *stream.Client
	events []stream.ClientEvent // not asked for yet
	err    error                // the end
}

// openStream opens a stream to a node.
func (c *cluster) openStream(id node.ID) *streamClient { return c.openStreamWith(id, "") }

// openStreamWith opens a stream to a node by a request with further headers.
func (c *cluster) openStreamWith(id node.ID, headers string) *streamClient {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.nodes[id].HTTPAddr().String())
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(c.t, conn.SetDeadline(time.Now().Add(testTimeout)))
	return c.openStreamOn(conn, id, headers)
}

// openStreamOn opens a stream on a new connection to a node.
func (c *cluster) openStreamOn(conn net.Conn, id node.ID, headers string) *streamClient {
	c.t.Helper()
	_, err := io.WriteString(conn, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: lockstep\r\n"+headers+"\r\n")
	require.NoError(c.t, err)
	s := &streamClient{t: c.t, conn: conn, in: bufio.NewReader(conn), end: stream.NewClient()}
	resp, err := http.ReadResponse(s.in, nil)
	require.NoError(c.t, err)
	require.Equal(c.t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(c.t, "lockstep", resp.Header.Get("Upgrade"))
	s.send()
	e := s.next()
	require.Equal(c.t, stream.Greeted, e.Kind)
	require.Equal(c.t, id, e.Hello.Node)
	require.NotZero(c.t, e.Hello.Boot)
	return s
}

// send sends all that was requested, with one write.
func (s *streamClient) send() {
	s.t.Helper()
	_, err := s.conn.Write(s.end.Take(nil))
	require.NoError(s.t, err)
}

// next returns the next event.
func (s *streamClient) next() stream.ClientEvent {
	s.t.Helper()
	e, ok := s.tryNext()
	require.True(s.t, ok, "the stream has ended: %v", s.err)
	return e
}

func (s *streamClient) tryNext() (stream.ClientEvent, bool) {
	chunk := make([]byte, 4096)
	for len(s.events) == 0 && s.err == nil {
		n, err := s.in.Read(chunk)
		events, protocol := s.end.Receive(chunk[:n])
		require.NoError(s.t, protocol)
		s.events = append(s.events, events...)
		s.err = err
	}
	if len(s.events) == 0 {
		return stream.ClientEvent{}, false
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, true
}

// request sends a request, and returns its reply.
func (s *streamClient) request(q *op.Request) (op.Reply, string) {
	s.t.Helper()
	id := s.start(q)
	s.send()
	e := s.next()
	require.Equal(s.t, stream.Replied, e.Kind)
	require.Equal(s.t, id, e.ID)
	return e.Reply, e.Text
}

func (s *streamClient) start(q *op.Request) uint64 {
	s.t.Helper()
	id, err := s.end.Request(q, 0)
	require.NoError(s.t, err)
	return id
}

// requireEnd reads the last message, and then the end of the connection.
func (s *streamClient) requireEnd(code stream.Code, text string) {
	s.t.Helper()
	e := s.next()
	require.Equal(s.t, stream.WentAway, e.Kind, "%+v", e)
	require.Equal(s.t, code, e.Goaway)
	require.Contains(s.t, e.Text, text)
	_, ok := s.tryNext()
	require.False(s.t, ok)
	require.ErrorIs(s.t, s.err, io.EOF)
}

func propose(key, to string, id op.ID) *op.Request {
	return &op.Request{Kind: op.Propose, Key: key, ID: id, Attempt: 1, To: to}
}

// A request over a stream has the outcome and the text that it has over HTTP.
func TestStreamOutcomes(t *testing.T) {
	c := startCluster(t, 1)
	s := c.openStream(1)
	const key = "lifecycle/web"
	for _, x := range []struct {
		q       *op.Request
		outcome op.Outcome
		reason  op.Reason
		state   string
		text    string
	}{
		{propose(key, "Running", "pay-1"), op.Committed, "", "Running", ""},
		{propose(key, "Running", "pay-1"), op.Committed, "", "Running", ""},
		{propose(key, "Stopped", "pay-1"), op.Rejected, op.IDConflict, "Running", "the id pay-1 belongs to an operation that requested something else"},
		{propose(key, "Init", "pay-2"), op.Rejected, op.Illegal, "Running", "from which Init cannot be reached"},
		{propose(key, "Flying", "pay-3"), op.Rejected, op.UnknownState, "", `its definition has no state "Flying"`},
		{propose("nothing/web", "Running", "pay-4"), op.Rejected, op.UnknownDefinition, "", "no node knows its definition"},
		{propose("nothing", "Running", "pay-5"), op.Rejected, op.BadRequest, "", "nothing"},
		{propose(key, "", "pay-6"), op.Rejected, op.BadRequest, "", "to: missing"},
		{propose(key, "Stopped", op.ID(strings.Repeat("x", op.MaxID+1))), op.Rejected, op.BadRequest, "", "65 bytes"},
		{propose(key, "Stopped", op.Once("x")), op.Committed, "", "Stopped", ""},
		{propose(key, "Init", op.Once("x")), op.Committed, "", "Init", ""}, // the id is not believed
		{&op.Request{Kind: op.Read, Key: key, ID: "r", Attempt: 1}, op.Committed, "", "Init", ""},
		{&op.Request{Kind: op.ReadLocal, Key: key, ID: "r", Attempt: 1}, op.Committed, "", "Init", ""},
	} {
		r, text := s.request(x.q)
		require.Equal(t, x.outcome, r.Outcome, "%v: %v %s", x.q, &r, text)
		require.Equal(t, x.reason, r.Reason)
		require.Equal(t, x.state, r.State)
		require.Contains(t, text, x.text)
	}
}

// Many requests of one write are served together, each once.
func TestStreamPipelines(t *testing.T) {
	c := startCluster(t, 3)
	s := c.openStream(1)
	const n = 200
	for i := range n {
		s.start(propose(fmt.Sprintf("lifecycle/m-%d", i), "Running", op.ID(fmt.Sprintf("id-%d", i))))
	}
	s.send()
	seen := map[uint64]bool{}
	for range n {
		e := s.next()
		require.Equal(t, op.Committed, e.Reply.Outcome, "%+v", e)
		require.False(t, seen[e.ID])
		seen[e.ID] = true
	}
	require.Zero(t, s.end.Unfinished())
	require.EqualValues(t, 1, c.metrics(1)["lockstep_stream_connections"])
}

func TestStreamWatch(t *testing.T) {
	c := startCluster(t, 1)
	s := c.openStream(1)
	const key = "lifecycle/web"
	w, err := s.end.Watch(watch.Selection{Single: true, Prefix: key, Resume: true}, 2)
	require.NoError(t, err)
	s.send()
	require.Equal(t, stream.ClientEvent{Kind: stream.WatchBegun, ID: w}, s.next())
	require.Equal(t, "Init", s.next().Changes[0].State.State)
	other := c.openStream(1)
	for i, to := range []string{"Running", "Stopped", "Init"} {
		r, _ := other.request(propose(key, to, op.ID(fmt.Sprint("id-", i))))
		require.Equal(t, op.Committed, r.Outcome)
	}
	require.Equal(t, &watch.Transition{Key: key, Version: 1, From: "Init", To: "Running", Operation: "id-0"}, s.next().Changes[0].Transition)
	s.end.Ping(1)
	s.send()
	require.Equal(t, stream.Ponged, s.next().Kind, "there is no credit for more")
	require.True(t, s.end.Credit(w, 10))
	s.send()
	versions := uint64(1)
	for versions < 3 {
		for _, e := range s.next().Changes {
			versions++
			require.Equal(t, versions, e.Transition.Version)
		}
	}
	require.True(t, s.end.Cancel(w))
	s.send()
	require.Equal(t, stream.ClientEvent{Kind: stream.WatchEnded, ID: w, Code: stream.Cancelled}, s.next())
	eventually(t, "the service forgets the watch", func() bool { return c.metrics(1)["lockstep_watchers"] == 0 })

	for _, x := range []struct {
		key  string
		from uint64
		code op.Reason
	}{{"nothing/web", 0, op.UnknownDefinition}, {"nothing", 0, op.BadRequest}, {key, 99, op.BadRequest}} {
		_, err = s.end.Watch(watch.Selection{Single: true, Prefix: x.key, Resume: true, From: x.from}, 2)
		require.NoError(t, err)
		s.send()
		e := s.next()
		require.Equal(t, stream.WatchRefused, e.Kind)
		require.Equal(t, x.code, e.Code)
		require.NotEmpty(t, e.Text)
	}
}

// A client that has gone leaves nothing behind.
func TestStreamCut(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1})
	s := c.openStream(1)
	_, err := s.end.Watch(watch.Selection{}, 10)
	require.NoError(t, err)
	a := s.start(propose("lifecycle/web", "Running", "a"))
	s.send()
	require.Equal(t, stream.WatchBegun, s.next().Kind)
	require.True(t, s.end.Cancel(a))
	s.send()
	e := s.next()
	require.Equal(t, stream.Cancelled, e.Reply.Reason)
	require.Equal(t, op.Unknown, e.Reply.Outcome)
	s.start(propose("lifecycle/web", "Running", "b"))
	s.send()
	require.NoError(t, s.conn.Close())
	eventually(t, "it is gone", func() bool {
		m := c.metrics(1)
		return m["lockstep_stream_connections"] == 0 && m["lockstep_watchers"] == 0
	})
}

// A node that is about to stop completes the operations that it has, and refuses
// others. Then it says goodbye.
func TestStreamDrains(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 2 * time.Second })
	s, idle := c.openStream(1), c.openStream(1)
	w, err := s.end.Watch(watch.Selection{}, 10)
	require.NoError(t, err)
	a := s.start(propose("lifecycle/web", "Running", "a"))
	s.send()
	require.Equal(t, stream.WatchBegun, s.next().Kind)
	var closed sync.WaitGroup
	closed.Go(func() { _ = c.nodes[1].Close(context.Background()) })
	defer closed.Wait()
	e := s.next()
	require.Equal(t, stream.WatchEnded, e.Kind)
	require.Equal(t, w, e.ID)
	require.Equal(t, op.Stopping, e.Code)
	idle.requireEnd(stream.Stopping, "stops")
	late := s.start(propose("lifecycle/web", "Running", "late"))
	s.send()
	e = s.next()
	require.Equal(t, late, e.ID)
	require.Equal(t, op.Rejected, e.Reply.Outcome)
	require.Equal(t, op.Stopping, e.Reply.Reason)
	e = s.next()
	require.Equal(t, a, e.ID)
	require.Equal(t, op.Timeout, e.Reply.Reason)
	s.requireEnd(stream.Stopping, "stops")
}

// A client that breaks the protocol is told so. Others are not affected.
func TestStreamProtocolErrors(t *testing.T) {
	c := startCluster(t, 1)
	good := c.openStream(1)
	for want, bytes := range map[string]string{
		"checksum": "\x02\x00\x00\x00\x01\x02\x03\x04\x06\x01",
		"too long": "GET / HTTP/1.1\r\n\r\n",
	} {
		s := c.openStream(1)
		_, err := io.WriteString(s.conn, bytes)
		require.NoError(t, err)
		s.requireEnd(stream.ProtocolError, want)
	}
	r, _ := good.request(propose("lifecycle/web", "Running", "a"))
	require.Equal(t, op.Committed, r.Outcome)
	eventually(t, "they are counted", func() bool { return c.metrics(1)[`lockstep_malformed_total{what="stream"}`] == 2 })
}

// A client that sends and does not read is cut off, and takes bounded memory.
func TestStreamOfSlowReader(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.IOTimeout = 200 * time.Millisecond })
	s := c.openStream(1)
	require.NoError(t, s.conn.(*net.TCPConn).SetReadBuffer(4096))
	for range 10_000 {
		s.end.Ping(1 << 60)
	}
	flood := s.end.Take(nil)
	eventually(t, "it is cut off", func() bool {
		_, err := s.conn.Write(flood)
		return err != nil
	})
	eventually(t, "it is forgotten", func() bool { return c.metrics(1)["lockstep_stream_connections"] == 0 })
}

// Streams count as connections. One that is idle makes room for others.
func TestStreamMakesRoom(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { cfg.Limits.Connections = 3 })
	c.http.CloseIdleConnections()
	busy := c.openStream(1)
	busy.start(propose("lifecycle/web", "Running", "a"))
	_, _ = busy.request(&op.Request{Kind: op.ReadLocal, Key: "lifecycle/web", ID: "r", Attempt: 1}) // the node has both now
	idle := c.openStream(1)
	for range 2 {
		_ = c.openStream(1)
	}
	idle.requireEnd(stream.Idle, "other clients")
	require.Equal(t, stream.Replied, busy.next().Kind)
	_, _ = busy.request(&op.Request{Kind: op.ReadLocal, Key: "lifecycle/web", ID: "b", Attempt: 1}) // it is open as before
}

// An operation of which the client no longer awaits the reply is not carried out, if it
// has waited for the node for so long.
func TestStreamDeadline(t *testing.T) {
	c := startCluster(t, 1)
	s := c.openStream(1)
	release := make(chan struct{})
	c.nodes[1].Hold(release)
	_, err := s.end.Request(propose("lifecycle/web", "Running", "a"), time.Millisecond)
	require.NoError(t, err)
	b := s.start(propose("lifecycle/db", "Running", "b"))
	s.send()
	eventually(t, "they wait", func() bool { return c.nodes[1].Waiting() > 0 })
	time.Sleep(5 * time.Millisecond)
	close(release)
	for range 2 {
		if e := s.next(); e.ID == b {
			require.Equal(t, op.Committed, e.Reply.Outcome)
		} else {
			require.Equal(t, op.Rejected, e.Reply.Outcome)
			require.Equal(t, op.Timeout, e.Reply.Reason)
		}
	}
	r, _ := s.request(&op.Request{Kind: op.Read, Key: "lifecycle/web", ID: "r", Attempt: 1})
	require.Zero(t, r.Version)
}

// A watch that is cut off ends at once and keeps no place, also if its client gives no
// credit and would never have learnt of it.
func TestWatchesWithoutCreditEnd(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Limits.Watchers = 4 })
	watches := func() (s *streamClient, begun int) {
		s = c.openStream(1)
		for range 4 {
			_, err := s.end.Watch(watch.Selection{}, 0)
			require.NoError(t, err)
		}
		s.send()
		for range 4 {
			if s.next().Kind == stream.WatchBegun {
				begun++
			}
		}
		return s, begun
	}
	s, begun := watches()
	require.Equal(t, 4, begun)
	_, begun = watches()
	require.Zero(t, begun, "there is room for four")
	load := c.openStream(1)
	for n := range service.DefaultChanges + 100 {
		p, text := load.request(propose("lifecycle/web", []string{"Running", "Stopped", "Init"}[n%3], ""))
		require.Equal(t, op.Committed, p.Outcome, text)
	}
	for range 4 {
		e := s.next()
		require.Equal(t, stream.WatchEnded, e.Kind)
		require.Equal(t, stream.Slow, e.Code)
	}
	_, begun = watches()
	require.Equal(t, 4, begun)
}
