package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/internal/memnet"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// The tests of this file run nodes in bubbles of testing/synctest, on a network in memory
// and with the timings of real nodes: a minute takes milliseconds. A bubble whose test
// ends with a goroutine left panics, so each is a test of leaks, too.

const latency = time.Millisecond

// startInBubble starts nodes 1 to n that reach each other.
func startInBubble(t *testing.T, n int, change ...func(*server.Config)) (*cluster, *memnet.Network) {
	t.Helper()
	network := memnet.New(latency)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return network.Host("client").Dial(ctx, address)
	}}
	c := &cluster{t: t, configs: map[node.ID]*server.Config{}, nodes: map[node.ID]*server.Server{}, http: &http.Client{Transport: transport}}
	peers, dir := map[node.ID]string{}, t.TempDir()
	for id := node.ID(1); int(id) <= n; id++ {
		host := fmt.Sprintf("node-%d", id)
		peers[id] = host + ":7001"
		cfg := &server.Config{
			Node: node.Defaults(), Cluster: "test", Peers: peers, Codec: "binary", Queue: 1000, Network: network.Host(host),
			HTTP: host + ":8001", Data: filepath.Join(dir, host), Log: slog.New(slog.DiscardHandler),
		}
		cfg.Node.ID, cfg.Node.Segment = id, 1<<20
		for _, f := range change {
			f(cfg)
		}
		c.configs[id] = cfg
	}
	t.Cleanup(func() {
		for id := range c.nodes {
			c.stop(id)
		}
		transport.CloseIdleConnections()
	})
	for id := range c.configs {
		c.start(id)
	}
	c.awaitAll()
	return c, network
}

// dialIn opens a connection to a node in a bubble, and writes text to it.
func dialIn(t *testing.T, n *memnet.Network, id node.ID, text string) net.Conn {
	t.Helper()
	c, err := n.Host("client").Dial(t.Context(), fmt.Sprintf("node-%d:8001", id))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	return c
}

// untilHungUp reads until the node hangs up, and returns the text and the time that took.
func untilHungUp(t *testing.T, c net.Conn) (string, time.Duration) {
	t.Helper()
	begin := time.Now()
	require.NoError(t, c.SetReadDeadline(begin.Add(10*time.Minute)))
	text, err := io.ReadAll(c)
	require.NoError(t, err, "the node hangs up")
	return string(text), time.Since(begin)
}

const upgradeRequest = "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: " + stream.Protocol + "\r\n\r\n"

// A client that sends too slowly, or nothing, is left after the time that is its due, and
// delays no other.
func TestClientsThatDribble(t *testing.T) {
	const request = "POST /v1/machines/lifecycle/web/transitions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{"
	for name, x := range map[string]struct {
		first string
		more  string // a byte of it each second
		after time.Duration
		want  string
	}{
		"nothing":             {after: server.DefaultIOTimeout},
		"part of a head":      {first: "GET /livez HT", after: server.DefaultIOTimeout},
		"a head, dribbled":    {more: strings.Repeat("GET /livez HTTP/1.1\r\n", 10), after: server.DefaultIOTimeout},
		"part of a body":      {first: request, after: server.DefaultIOTimeout, want: "HTTP/1.1 408"},
		"a body, dribbled":    {first: request, more: strings.Repeat(" ", 18), after: server.DefaultIOTimeout, want: "HTTP/1.1 408"},
		"an idle connection":  {first: "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", after: 2 * time.Minute, want: "HTTP/1.1 200"},
		"an idle stream":      {first: upgradeRequest, after: 2 * time.Minute, want: "HTTP/1.1 101"},
		"a stream, no Hello":  {first: upgradeRequest + "x", after: 2 * time.Minute, want: "HTTP/1.1 101"},
		"an upgrade, in part": {first: upgradeRequest[:40], after: server.DefaultIOTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, network := startInBubble(t, 1)
				conn := dialIn(t, network, 1, x.first)
				go func() {
					for i := range x.more {
						time.Sleep(time.Second)
						if _, err := io.WriteString(conn, x.more[i:i+1]); err != nil {
							return
						}
					}
				}()
				require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
				text, took := untilHungUp(t, conn)
				require.Contains(t, text, x.want)
				require.InDelta(t, x.after.Seconds(), took.Seconds(), 1)
				_ = conn.Close()
				time.Sleep(time.Second)
			})
		})
	}
}

// A client that does not read is left when a write has waited for the I/O timeout, and
// delays no other.
func TestClientsThatDoNotRead(t *testing.T) {
	for name, x := range map[string]struct {
		first string
		again func(t *testing.T, conn net.Conn) func() string // what it sends once nothing reaches it
	}{
		"responses": {"", func(*testing.T, net.Conn) func() string {
			return func() string { return "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" }
		}},
		"a watch": {"GET /v1/watch?prefix= HTTP/1.1\r\nHost: localhost\r\n\r\n", func(*testing.T, net.Conn) func() string {
			return func() string { return "" }
		}},
		"a stream": {upgradeRequest, streamRequests},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, network := startInBubble(t, 1)
				open := network.Open()
				conn := dialIn(t, network, 1, x.first)
				time.Sleep(10 * latency)
				again := x.again(t, conn)
				network.Stall("node-1", "client")
				begin := time.Now()
				left := make(chan struct{})
				go func() {
					defer close(left)
					for time.Since(begin) < 5*time.Minute {
						_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
						if _, err := io.WriteString(conn, again()); err != nil {
							return
						}
						time.Sleep(latency)
					}
				}()
				for i := range 800 { // news for the watch, from another host
					require.NoError(t, proposeFrom(network, "other", i))
				}
				time.Sleep(30 * time.Second)
				require.Equal(t, open+1, network.Open(), "the node has closed its end")
				network.Heal()
				_ = conn.Close()
				<-left
				time.Sleep(time.Second)
				require.Equal(t, open, network.Open())
				require.Equal(t, http.StatusOK, c.get(1, "lifecycle/web").Status)
			})
		})
	}
}

// streamRequests reads the beginning of a stream, and returns requests for as long as the
// node grants them.
func streamRequests(t *testing.T, conn net.Conn) func() string {
	chunk, end := make([]byte, 4096), stream.NewClient()
	n, err := conn.Read(chunk)
	require.NoError(t, err)
	_, hello, found := strings.Cut(string(chunk[:n]), "\r\n\r\n")
	require.True(t, found)
	_, err = end.Receive([]byte(hello))
	require.NoError(t, err)
	return func() string {
		for range 100 {
			_, _ = end.Request(&op.Request{Kind: op.ReadLocal, Key: "lifecycle/a-machine-with-a-long-name", Attempt: 1}, time.Minute)
		}
		return string(end.Take(nil))
	}
}

// proposeFrom makes the i-th transition of a machine at node 1, on a connection of its own.
func proposeFrom(n *memnet.Network, host string, i int) error {
	c, err := n.Host(host).Dial(context.Background(), "node-1:8001")
	if err != nil {
		return err
	}
	defer c.Close()
	body := fmt.Sprintf(`{"to":%q}`, []string{"Running", "Stopped", "Init"}[i%3])
	_, err = fmt.Fprintf(c, "POST /v1/machines/lifecycle/other/transitions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// A watch without news sends a heartbeat each interval.
func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := startInBubble(t, 1)
		ctx, end := context.WithTimeout(t.Context(), 15*server.DefaultHeartbeat)
		defer end()
		req, err := http.NewRequestWithContext(ctx, "GET", c.url(1, "/v1/watch?key=lifecycle/web"), nil)
		require.NoError(t, err)
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		require.True(t, lines.Scan())
		for range 10 {
			begin := time.Now()
			require.True(t, lines.Scan())
			require.InDelta(t, server.DefaultHeartbeat.Seconds(), time.Since(begin).Seconds(), 0.01)
			require.True(t, json.Valid(lines.Bytes()))
		}
	})
}

// A stop takes a time that is bounded by its context, whatever clients and peers do. An
// operation that is pending gets its outcome if its client can hear it.
func TestStop(t *testing.T) {
	for name, x := range map[string]struct {
		patience time.Duration
		prepare  func(t *testing.T, c *cluster, n *memnet.Network)
		max      time.Duration
		code     string // of the pending operation; empty: its client hears nothing
	}{
		"nothing pending": {time.Minute, func(*testing.T, *cluster, *memnet.Network) {}, 100 * latency, "ok"},
		"others gone, pending": {time.Minute, func(_ *testing.T, _ *cluster, n *memnet.Network) {
			stallPeers(n)
		}, 3 * time.Second, string(op.Timeout)},
		"others gone, no patience": {0, func(_ *testing.T, _ *cluster, n *memnet.Network) {
			stallPeers(n)
		}, 300 * time.Millisecond, "stopping"},
		"client gone without a word": {time.Minute, func(_ *testing.T, _ *cluster, n *memnet.Network) {
			stallPeers(n)
			n.Stall("node-1", "client")
			n.Stall("client", "node-1")
		}, time.Minute + time.Second, ""},
		"idle streams": {time.Minute, func(t *testing.T, _ *cluster, n *memnet.Network) {
			for range 3 {
				dialIn(t, n, 1, upgradeRequest)
			}
			time.Sleep(10 * latency)
		}, time.Second, "ok"},
		"stream that does not read": {5 * time.Second, func(t *testing.T, _ *cluster, n *memnet.Network) {
			dialIn(t, n, 1, upgradeRequest)
			time.Sleep(10 * latency)
			n.Stall("node-1", "client")
			n.Stall("client", "node-1")
		}, 7 * time.Second, ""},
		"connections without a request": {time.Minute, func(t *testing.T, _ *cluster, n *memnet.Network) {
			for range 3 {
				dialIn(t, n, 1, "GET /live")
			}
		}, time.Second, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, network := startInBubble(t, 3)
				require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
				x.prepare(t, c, network)
				ended, outcome := sync.WaitGroup{}, ""
				ctx, cancel := context.WithCancel(t.Context())
				ended.Go(func() { outcome = c.proposeWithin(ctx, `{"to":"Stopped"}`) })
				time.Sleep(500 * time.Millisecond)
				patience, expire := context.WithTimeout(context.Background(), x.patience)
				defer expire()
				begin := time.Now()
				s := c.nodes[1]
				require.NoError(t, s.Close(patience))
				delete(c.nodes, 1)
				require.LessOrEqual(t, time.Since(begin), x.max)
				time.Sleep(10 * latency)
				cancel()
				ended.Wait()
				require.Equal(t, x.code, outcome)
				network.Heal()
			})
		})
	}
}

// A node stops as soon as the others no longer look to it, which is some time after its last
// commit, though nothing happens then.
func TestStopAfterACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := startInBubble(t, 3)
		require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
		begin := time.Now()
		require.NoError(t, c.nodes[1].Close(context.Background()))
		delete(c.nodes, 1)
		require.LessOrEqual(t, time.Since(begin), 150*time.Millisecond)
	})
}

// What the node says of an operation in its last step reaches the client of a stream, also
// if the stream is at work on a write when that step comes: it is pending, so it may yet take
// effect, and its outcome is unknown. That the node has not taken it would be a lie.
func TestReplyOfTheLastStep(t *testing.T) {
	for i := range 10 { // either of two channels is ready then, and the runtime chooses one
		synctest.Test(t, func(t *testing.T) {
			c, network := startInBubble(t, 3, func(cfg *server.Config) { cfg.Network = slowNetwork{cfg.Network} })
			conn := dialIn(t, network, 1, "")
			s := c.openStreamOn(conn, 1, "")
			reply, _ := s.request(propose("lifecycle/web", "Running", "first"))
			require.Equal(t, op.Committed, reply.Outcome)
			stallPeers(network)
			s.start(propose("lifecycle/web", "Stopped", "pending"))
			s.send()
			time.Sleep(500 * time.Millisecond)
			s.start(&op.Request{Kind: op.ReadLocal, Key: "lifecycle/web", ID: "local", Attempt: 1})
			s.send()
			time.Sleep(5 * latency) // the reply is being written
			over, end := context.WithCancel(t.Context())
			end()
			require.NoError(t, c.nodes[1].Close(over))
			delete(c.nodes, 1)
			network.Heal()
			for e := s.next(); ; e = s.next() {
				if e.Kind == stream.Replied && e.Reply.ID == "pending" {
					require.Equal(t, op.Unknown, e.Reply.Outcome, "run %d: %v", i, &e.Reply)
					break
				}
			}
		})
	}
}

// slowNetwork is a network on which a write takes a while.
type slowNetwork struct{ server.Network }

func (n slowNetwork) Listen(address string) (net.Listener, error) {
	l, err := n.Network.Listen(address)
	return slowListener{l}, err
}

type slowListener struct{ net.Listener }

func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return slowConn{c}, err
}

type slowConn struct{ net.Conn }

func (c slowConn) Write(b []byte) (int, error) {
	time.Sleep(20 * latency)
	return c.Conn.Write(b)
}

// stallPeers has node 1 hear nothing of the others.
func stallPeers(n *memnet.Network) {
	for _, peer := range []string{"node-2", "node-3"} {
		n.Stall("node-1", peer)
		n.Stall(peer, "node-1")
	}
}

// proposeWithin requests a transition at node 1 until ctx ends. It returns the code of the
// error, ok if there is none, or nothing without a response.
func (c *cluster) proposeWithin(ctx context.Context, body string) string {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://node-1:8001/v1/machines/lifecycle/web/transitions", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", httpapi.JSON)
	resp, err := c.http.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var r response
	if json.NewDecoder(resp.Body).Decode(&r) != nil {
		return ""
	}
	if resp.StatusCode == http.StatusOK {
		return "ok"
	}
	return r.Error.Code
}
