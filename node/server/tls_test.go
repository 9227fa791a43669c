package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// withTLS gives each node its certificate, and looks at the files often.
func withTLS(a *tlstest.Authority) func(*server.Config) {
	return func(c *server.Config) {
		c.TLS = &server.TLS{Paths: a.Node(c.Node.ID), Interval: 10 * time.Millisecond}
	}
}

// useTLS has the requests of the test go over TLS.
func (c *cluster) useTLS(p tlsfiles.Paths) {
	config := clientTLS(c.t, p)
	c.http.Transport = &http.Transport{MaxIdleConnsPerHost: 256, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		d := tls.Dialer{Config: config()}
		return d.DialContext(ctx, network, address)
	}}
}

// clientTLS returns the TLS configurations of a client with the certificate in files.
func clientTLS(t testing.TB, p tlsfiles.Paths) func() *tls.Config {
	t.Helper()
	f, err := tlsfiles.OpenClient(tlsfiles.Config{Paths: p})
	require.NoError(t, err)
	return f.DialNode
}

func (c *cluster) endpoints() (all []string) {
	for id := range node.ID(len(c.nodes)) {
		all = append(all, c.nodes[id+1].HTTPAddr().String())
	}
	return all
}

// client returns a client of all nodes, which is closed at the end of the test.
func (c *cluster) client(cfg client.Config) *client.Client {
	c.t.Helper()
	if cfg.Endpoints == nil {
		cfg.Endpoints = c.endpoints()
	}
	u, err := client.New(cfg)
	require.NoError(c.t, err)
	c.t.Cleanup(u.Close)
	return u
}

// syncBuffer is a log, safe for concurrent use.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

func logTo(b *syncBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// Everything that a client can do goes over TLS, by streams and by HTTP.
func TestClusterWithTLS(t *testing.T) {
	a := tlstest.New(t, "test")
	c := startCluster(t, 3, withTLS(a))
	alice := a.Client("alice", access.Writer)
	c.useTLS(alice)
	for i, httpOnly := range []bool{false, true} {
		u := c.client(client.Config{TLS: clientTLS(t, alice), HTTPOnly: httpOnly})
		key := fmt.Sprintf("lifecycle/web-%d", i)
		r, err := u.Propose(t.Context(), key, "Running")
		require.NoError(t, err)
		require.Equal(t, node.Committed, r.Outcome, r.Text)
		r, err = u.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, "Running", r.State)
		page, err := u.List(t.Context(), client.ListOptions{})
		require.NoError(t, err)
		require.NotNil(t, page)
		st, err := u.Status(t.Context(), c.endpoints()[0])
		require.NoError(t, err)
		require.True(t, st.Ready)
		watching, stop := context.WithCancel(t.Context())
		seen := make(chan string, 1)
		go func() {
			_ = u.Watch(watching, client.WatchOptions{Key: key, Resume: true, From: 1}, func(e watch.Event) error {
				if e.Transition != nil {
					seen <- e.Transition.To
					stop()
				}
				return nil
			})
		}()
		_, err = u.Propose(t.Context(), key, "Stopped")
		require.NoError(t, err)
		select {
		case to := <-seen:
			require.Equal(t, "Stopped", to)
		case <-time.After(testTimeout):
			require.Fail(t, "the watch says nothing")
		}
		stop()
	}
	m := c.metrics(1)
	require.InDelta(t, time.Now().Add(time.Hour).Unix(), m["lockstep_tls_certificate_expiry_timestamp_seconds"], 60)
	for _, name := range []string{"lockstep_tls_reloads_total", "lockstep_tls_reload_errors_total",
		`lockstep_tls_handshake_failures_total{port="peers"}`, `lockstep_tls_handshake_failures_total{port="clients"}`} {
		require.Contains(t, m, name)
		require.Zero(t, m[name], name)
	}
	require.Positive(t, m["lockstep_stream_connections"])
}

// A client that is refused learns it, and that nothing was carried out. By HTTP it may lose
// the alert to a reset, and then the outcome is unknown.
func TestClientsThatAreRefused(t *testing.T) {
	skipIfShort(t)
	a, other := tlstest.New(t, "test"), tlstest.New(t, "test")
	showing := func(p tlsfiles.Paths) func() *tls.Config { // a certificate, unchecked
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		require.NoError(t, err)
		trust := clientTLS(t, tlsfiles.Paths{Authorities: a.Authorities})
		return func() *tls.Config {
			c := trust()
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			return c
		}
	}
	anonymous := clientTLS(t, tlsfiles.Paths{Authorities: a.Authorities})
	alice := a.Client("alice", access.Admin)
	type attempt struct {
		name string
		tls  func() *tls.Config
		want string // part of the text; empty: served
	}
	for _, server := range []struct {
		name     string
		change   func(*server.Config)
		attempts []attempt
	}{
		{"certificates", withTLS(a), []attempt{
			{"client", clientTLS(t, alice), ""},
			{"no certificate", anonymous, "certificate"},
			{"a node's certificate", showing(a.Node(1)), "certificate"},
			{"another authority", showing(other.Client("alice", access.Admin)), "certificate"},
			{"a client that does not trust the node", clientTLS(t, other.Client("alice", access.Admin)), "unknown authority"},
			{"no TLS", nil, "the node speaks TLS, and this client does not"},
		}},
		{"optional certificates", func(c *server.Config) { withTLS(a)(c); c.TLS.OptionalClients = true }, []attempt{
			{"client", clientTLS(t, alice), ""},
			{"no certificate", anonymous, ""},
			{"a node's certificate", showing(a.Node(1)), "certificate"},
			{"another authority", showing(other.Client("alice", access.Admin)), "certificate"},
		}},
		{"no TLS", func(*server.Config) {}, []attempt{{"TLS", clientTLS(t, alice), "the node speaks no TLS, and this client does"}}},
	} {
		t.Run(server.name, func(t *testing.T) {
			c := startCluster(t, 1, server.change)
			for _, x := range server.attempts {
				for _, httpOnly := range []bool{false, true} {
					u := c.client(client.Config{TLS: x.tls, HTTPOnly: httpOnly, Deadline: time.Second})
					r, err := u.Propose(t.Context(), "lifecycle/web", "Running")
					require.NoError(t, err)
					reset := strings.Contains(r.Text, "connection reset") || strings.Contains(r.Text, "broken pipe")
					switch {
					case x.want == "":
						require.NotEqual(t, node.Unknown, r.Outcome, "%s: %s", x.name, r.Text)
						require.False(t, r.Unavailable(), "%s: %s", x.name, r.Text)
					case httpOnly && (reset || r.Outcome == node.Unknown): // an attempt before may have been reset
					default:
						require.True(t, r.Unavailable(), "%s: %v: %s", x.name, r.Outcome, r.Text)
						require.True(t, reset || strings.Contains(r.Text, x.want), "%s: %s", x.name, r.Text)
					}
				}
			}
		})
	}
}

// The log says why a client is refused, once in a while, with the number of times.
func TestFailedHandshakesAreLogged(t *testing.T) {
	a := tlstest.New(t, "test")
	var log syncBuffer
	c := startCluster(t, 1, withTLS(a), func(c *server.Config) { c.Log = logTo(&log) })
	c.useTLS(a.Client("alice", access.Reader))
	began := time.Now()
	for n := range 20 {
		conn, err := net.Dial("tcp", c.endpoints()[0])
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		eventually(t, "count", func() bool {
			return c.metrics(1)[`lockstep_tls_handshake_failures_total{port="clients"}`] == float64(n+1)
		})
		_ = conn.Close()
	}
	require.LessOrEqual(t, log.count("agree on no TLS"), 1+int(time.Since(began)/(10*time.Second)))
	require.Positive(t, log.count("client sent an HTTP request to an HTTPS server"))
}

// A handshake that does not end meets the time that a client has for the head of a request.
func TestSlowHandshakesOfClients(t *testing.T) {
	c := startCluster(t, 1, withTLS(tlstest.New(t, "test")), func(c *server.Config) { c.Limits.IOTimeout = 200 * time.Millisecond })
	for _, text := range []string{"", "\x16\x03", "\x16\x03\x01\x02\x00\x01"} {
		conn, err := net.Dial("tcp", c.endpoints()[0])
		require.NoError(t, err)
		_, err = conn.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(testTimeout)))
		_, err = conn.Read(make([]byte, 1))
		timeout, ok := err.(net.Error)
		require.False(t, err == nil || ok && timeout.Timeout(), "the node hangs up: %v", err)
		_ = conn.Close()
	}
}

// Without TLS a node listens on loopback only, unless that is accepted; then it warns.
func TestExposedAddresses(t *testing.T) {
	requireNoGoroutines(t)
	a := tlstest.New(t, "test")
	for _, c := range []struct {
		name, listen, http string
		change             func(*server.Config)
		want               string
		warnings           int
	}{
		{"loopback", "127.0.0.1:0", "localhost:0", nil, "", 0},
		{"another loopback", "127.1.2.3:0", "", nil, "", 0},
		{"peers", "0.0.0.0:0", "127.0.0.1:0", nil, "listen for peers: ", 0},
		{"peers, by no host", ":0", "", nil, "listen for peers: ", 0},
		{"clients", "127.0.0.1:0", "0.0.0.0:0", nil, "listen for clients: ", 0},
		{"clients, IPv6", "127.0.0.1:0", "[::]:0", nil, "listen for clients: ", 0},
		{"accepted", "0.0.0.0:0", "0.0.0.0:0", func(c *server.Config) { c.Insecure = true }, "", 2},
		{"TLS", "0.0.0.0:0", "0.0.0.0:0", withTLS(a), "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log syncBuffer
			cfg := server.Config{
				Node: node.Defaults(), Cluster: "test", Peers: map[node.ID]string{1: "127.0.0.1:1"}, Codec: "binary",
				Listen: c.listen, HTTP: c.http, Data: t.TempDir(), Log: logTo(&log),
			}
			cfg.Node.ID = 1
			if c.change != nil {
				c.change(&cfg)
			}
			s, err := server.Start(cfg)
			if c.want != "" {
				require.ErrorIs(t, err, server.ErrExposed)
				require.ErrorIs(t, err, server.ErrConfig)
				require.ErrorContains(t, err, c.want)
				require.ErrorContains(t, err, "--insecure")
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.Close(t.Context()))
			require.Equal(t, c.warnings, log.count("neither authenticated nor encrypted"))
		})
	}
}

// A node does not start with files that make no sense.
func TestStartWithTheCertificateOfAnother(t *testing.T) {
	a := tlstest.New(t, "test")
	c := newCluster(t, 1, func(c *server.Config) { c.TLS = &server.TLS{Paths: a.Node(2)} })
	err := startRefused(t, *c.configs[1])
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorIs(t, err, certificate.ErrNumber)
}

// While clients load a cluster, its certificates are replaced, and then its authority: the
// bundle of both, certificates of the new one, its bundle alone. No operation is lost, and
// no connection. The log of the test has how long clients waited, beside a quiet time as long.
func TestRotationUnderLoad(t *testing.T) {
	before, after := tlstest.New(t, "test"), tlstest.New(t, "test")
	c := startCluster(t, 3, withTLS(before))
	own := before.Client("load", access.Writer)
	c.useTLS(own)
	u := c.client(client.Config{TLS: clientTLS(t, own)})
	load := startRotationLoad(c, u, 8)
	load.await(200)
	connections := c.peerFailures()

	write := func(p tlsfiles.Paths, pair certificate.Pair) {
		tlstest.Write(t, p.Key, pair.Key)
		tlstest.Write(t, p.Certificate, pair.Certificate)
	}
	reloaded := func(what string) { // also proves a new connection of a client
		t.Helper()
		for id := range c.nodes {
			require.NoError(t, c.nodes[id].Reload(), what)
		}
		fresh := c.client(client.Config{TLS: clientTLS(t, own)})
		for _, endpoint := range c.endpoints() {
			_, err := fresh.Status(t.Context(), endpoint)
			require.NoError(t, err, "%s: a new connection to %s", what, endpoint)
		}
		load.await(200)
	}
	certificates := load.pause(func() {
		for id, cfg := range c.configs {
			pair := before.NodePair(id, tlstest.Valid(time.Hour))
			write(cfg.TLS.Paths, pair)
			eventually(t, "the node finds its new certificate by itself", func() bool { return c.shows(id, pair) })
		}
		reloaded("certificates")
	})
	authority := load.pause(func() {
		both := append(append([]byte(nil), before.Certificate...), after.Certificate...)
		tlstest.Write(t, own.Authorities, both)
		for _, cfg := range c.configs {
			tlstest.Write(t, cfg.TLS.Authorities, both)
		}
		reloaded("the bundle of both authorities")
		for id, cfg := range c.configs {
			write(cfg.TLS.Paths, after.NodePair(id, tlstest.Valid(time.Hour)))
		}
		reloaded("certificates of the new authority")
		write(own, after.ClientPair("load", access.Writer, tlstest.Valid(time.Hour)))
		tlstest.Write(t, own.Authorities, after.Certificate)
		for _, cfg := range c.configs {
			tlstest.Write(t, cfg.TLS.Authorities, after.Certificate)
		}
		reloaded("the new authority alone")
	})
	require.Equal(t, connections, c.peerFailures(), "connections between nodes are kept")
	quiet := load.pause(func() { time.Sleep(certificates.took + authority.took) })
	load.stop()
	t.Logf("%d operations\nthe certificates: %v\nthe authority:    %v\nnothing:          %v", load.committed.Load(), certificates, authority, quiet)

	c.useTLS(own) // with the new files
	c.stop(3)
	c.start(3)
	c.awaitAll() // a node that comes later connects with the others
	late := before.Client("late", access.Admin)
	refused := c.client(client.Config{TLS: clientTLS(t, late), Deadline: time.Second})
	r, err := refused.Get(t.Context(), "lifecycle/load-0")
	require.NoError(t, err)
	require.True(t, r.Unavailable(), "the old authority is of the past: %v %s", r.Outcome, r.Text)
}

// shows reports whether a node shows a certificate to clients.
func (c *cluster) shows(id node.ID, p certificate.Pair) bool {
	conn, err := tls.Dial("tcp", c.nodes[id].HTTPAddr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(c.t, err)
	defer conn.Close()
	want, err := tls.X509KeyPair(p.Certificate, p.Key)
	require.NoError(c.t, err)
	return conn.ConnectionState().PeerCertificates[0].Equal(want.Leaf)
}

// sum returns a metric, of all nodes together.
func (c *cluster) sum(name string) (total float64) {
	for id := range c.nodes {
		total += c.metrics(id)[name]
	}
	return total
}

// peerFailures returns the number of connections between nodes that failed.
func (c *cluster) peerFailures() (total float64) {
	for peer := range node.ID(len(c.nodes)) {
		total += c.sum(fmt.Sprintf(`lockstep_peer_failures_total{peer="%d"}`, peer+1))
	}
	return total
}

// rotationLoad is clients that step machines of their own, and count.
type rotationLoad struct {
	c         *cluster
	u         *client.Client
	clients   int
	ctx       context.Context
	cancel    context.CancelFunc
	all       sync.WaitGroup
	committed atomic.Int64
	longest   longest  // of the operations since the last look
	gap       longest  // between two commits of a client since then
	versions  []uint64 // by client, of its commits
}

// longest is the longest of some durations. It is safe for concurrent use.
type longest struct{ nanoseconds atomic.Int64 }

func (l *longest) add(took time.Duration) {
	for most := l.nanoseconds.Load(); int64(took) > most && !l.nanoseconds.CompareAndSwap(most, int64(took)); most = l.nanoseconds.Load() {
	}
}

func (l *longest) take() time.Duration {
	return time.Duration(l.nanoseconds.Swap(0)).Round(100 * time.Microsecond)
}

// waits is how long clients waited for a while.
type waits struct{ took, longest, gap time.Duration }

func (w waits) String() string {
	return fmt.Sprintf("in %v the longest operation took %v, and the longest time between two commits of a client was %v", w.took.Round(time.Millisecond), w.longest, w.gap)
}

func startRotationLoad(c *cluster, u *client.Client, clients int) *rotationLoad {
	l := &rotationLoad{c: c, u: u, clients: clients, versions: make([]uint64, clients)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	c.t.Cleanup(func() { l.cancel(); l.all.Wait() })
	for i := range clients {
		l.all.Go(func() { l.run(i) })
	}
	return l
}

func loadKey(i int) string { return fmt.Sprintf("lifecycle/load-%d", i) }

func (l *rotationLoad) run(i int) {
	states := []string{"Running", "Stopped", "Init"}
	last := time.Now()
	for l.ctx.Err() == nil {
		began := time.Now()
		r, err := l.u.ProposeAt(context.Background(), loadKey(i), states[l.versions[i]%3], l.versions[i])
		if err != nil || r.Outcome != node.Committed {
			l.c.t.Errorf("client %d: %v %v %s", i, err, r.Outcome, r.Text)
			return
		}
		now := time.Now()
		l.longest.add(now.Sub(began))
		l.gap.add(now.Sub(last))
		last = now
		l.versions[i]++
		l.committed.Add(1)
	}
}

// await waits for n more operations.
func (l *rotationLoad) await(n int64) {
	l.c.t.Helper()
	want := l.committed.Load() + n
	eventually(l.c.t, "operations", func() bool { return l.committed.Load() >= want })
}

// pause returns how long clients waited during do.
func (l *rotationLoad) pause(do func()) waits {
	l.longest.take()
	l.gap.take()
	began := time.Now()
	do()
	return waits{time.Since(began), l.longest.take(), l.gap.take()}
}

// stop ends the load, and checks that each machine is where its client has brought it.
func (l *rotationLoad) stop() {
	l.c.t.Helper()
	l.cancel()
	l.all.Wait()
	for i, version := range l.versions {
		r, err := l.u.Get(context.Background(), loadKey(i))
		require.NoError(l.c.t, err)
		require.Equal(l.c.t, version, r.Version, "%s: %s", loadKey(i), r.Text)
	}
}
