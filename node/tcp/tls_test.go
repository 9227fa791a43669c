package tcp_test

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// withTLS gives a transport the certificate in files, whichever it is.
func withTLS(t testing.TB, p tlsfiles.Paths) func(*tcp.Config) {
	t.Helper()
	f, err := tlsfiles.Open(tlsfiles.Config{Paths: p})
	require.NoError(t, err)
	return func(c *tcp.Config) {
		c.TLS = &tcp.TLS{
			Server: func() *tls.Config { return f.ServePeer("c") },
			Client: func() *tls.Config { return f.DialPeer("c") },
			Member: func(s tls.ConnectionState) (node.ID, error) { return tlsfiles.Member(s, "c") },
		}
	}
}

// ownCertificates gives each member of a cluster its certificate.
func ownCertificates(t testing.TB, a *tlstest.Authority) func(*tcp.Config) {
	return func(c *tcp.Config) { withTLS(t, a.Node(c.Hello.Node))(c) }
}

// dialTLS opens a TLS connection with the certificate in files.
func dialTLS(t testing.TB, address string, p tlsfiles.Paths) *rawConn {
	t.Helper()
	f, err := tlsfiles.Open(tlsfiles.Config{Paths: p})
	require.NoError(t, err)
	s := dial(t, address)
	secured := tls.Client(s.Conn, f.DialPeer("c"))
	require.NoError(t, secured.SetDeadline(time.Now().Add(testTimeout)))
	require.NoError(t, secured.Handshake())
	return &rawConn{t: t, Conn: secured}
}

func TestMembersWithCertificates(t *testing.T) {
	members := cluster(t, 3, ownCertificates(t, tlstest.New(t, "c")))
	for i, m := range members {
		for j := range members {
			if i != j {
				eventually(t, "a message", func() bool {
					m.Send(node.ID(j+1), numbered(1))
					return len(members[j].from(node.ID(i+1))) > 0
				})
				require.Equal(t, lifeOf(node.ID(i+1)), members[j].livesOf(node.ID(i + 1))[0])
			}
		}
		require.Zero(t, m.ListenerStats().Insecure)
		require.Zero(t, m.ListenerStats().Refused)
	}
}

// A caller whose Hello is not that of the member in its certificate learns that, and
// nothing of this node: a no comes in place of the Hello.
func TestLiarsLearnNothing(t *testing.T) {
	a := tlstest.New(t, "c")
	elsewhere := hello(2)
	elsewhere.Cluster[0]++
	for name, c := range map[string]struct {
		says wire.Hello
		want error
	}{
		"another member":  {hello(3), tcp.ErrNotOwner},
		"a stranger":      {hello(9), tcp.ErrNotOwner},
		"the node itself": {hello(1), tcp.ErrNotOwner},
		"another cluster": {elsewhere, wire.ErrCluster},
	} {
		t.Run(name, func(t *testing.T) {
			m := startAlone(t, withTLS(t, a.Node(1)))
			s := dialTLS(t, m.address, a.Node(2))
			s.sendFrame(wire.AppendHello(nil, c.says))
			require.Equal(t, tcp.Refusal(c.want), s.mustReadFrame())
			_, err := s.readFrame()
			require.Error(t, err, "and nothing after it")
			eventually(t, "count", func() bool { return m.ListenerStats().Refused == 1 })
			require.Zero(t, m.ListenerStats().Accepted)
		})
	}
	t.Run("an honest one", func(t *testing.T) {
		m := startAlone(t, withTLS(t, a.Node(1)))
		s := dialTLS(t, m.address, a.Node(2))
		s.handshake(hello(2))
		eventually(t, "count", func() bool { return m.ListenerStats().Accepted == 1 })
	})
}

// A node with the certificate of another is refused by all, and both sides say why.
func TestNodeWithTheCertificateOfAnother(t *testing.T) {
	a := tlstest.New(t, "c")
	members := cluster(t, 2, func(c *tcp.Config) { withTLS(t, a.Node(map[node.ID]node.ID{1: 1, 2: 3}[c.Hello.Node]))(c) })
	one, two := members[0], members[1]
	eventually(t, "node 1 says why it does not dial", func() bool {
		return strings.Contains(one.peer(2).LastError, "certificate of node 3, want that of node 2: the certificate is that of another node")
	})
	eventually(t, "node 2 is told", func() bool {
		return strings.Contains(two.peer(1).LastError, "the peer refuses this node: this node's certificate is that of another node")
	})
	require.False(t, one.peer(2).Up || two.peer(1).Up)
	require.Zero(t, one.ListenerStats().Accepted)
}

// A dialler sends nothing to a member that is not the one that it has dialled.
func TestDiallerTellsAnotherMemberNothing(t *testing.T) {
	requireNoGoroutines(t)
	a := tlstest.New(t, "c")
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	three, err := tlsfiles.Open(tlsfiles.Config{Paths: a.Node(3)})
	require.NoError(t, err)
	m := start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: l.Addr().String()}, withTLS(t, a.Node(1)))
	nc, err := l.Accept()
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(testTimeout)))
	secured := tls.Server(nc, three.ServePeer("c"))
	require.NoError(t, secured.Handshake())
	n, err := secured.Read(make([]byte, 512))
	require.Zero(t, n, "its Hello")
	timeout, ok := err.(net.Error)
	require.False(t, err == nil || ok && timeout.Timeout(), "it hangs up: %v", err)
	eventually(t, "the reason", func() bool {
		return strings.Contains(m.peer(2).LastError, "certificate of node 3, want that of node 2")
	})
	require.Zero(t, m.peer(2).Connects)
}

// Between a node with certificates and one without there is no connection, in either
// direction, and both say the reason, though not each time.
func TestOneSideSpeaksTLS(t *testing.T) {
	a := tlstest.New(t, "c")
	members := cluster(t, 2, func(c *tcp.Config) {
		if c.Hello.Node == 1 {
			withTLS(t, a.Node(1))(c)
		}
	})
	secured, plain := members[0], members[1]
	began := time.Now()
	eventually(t, "attempts", func() bool { return secured.peer(2).Failures > 5 && plain.peer(1).Failures > 5 })
	eventually(t, "node 1 says it of the caller", func() bool { return secured.log.with("the other side speaks no TLS, and this node does") > 0 })
	eventually(t, "node 2 says it of the caller", func() bool { return plain.log.with("the other side speaks TLS, and this node does not") > 0 })
	eventually(t, "node 1 says it as the caller", func() bool { return strings.Contains(secured.peer(2).LastError, "perhaps it speaks no TLS") })
	eventually(t, "node 2 says it as the caller", func() bool {
		return strings.Contains(plain.peer(1).LastError, "the other side speaks TLS, and this node does not")
	})
	for _, m := range members {
		require.Positive(t, m.ListenerStats().Insecure)
		require.Zero(t, m.ListenerStats().Accepted)
		require.LessOrEqual(t, len(m.log.all()), 4*warnings(began), m.log.all())
	}
}

// warnings returns the number of times that one warning may be logged in a test.
func warnings(began time.Time) int { return 1 + int(time.Since(began)/(10*time.Second)) }

// Who has no certificate of a member does not get as far as a Hello. The log says so once,
// with the number of times.
func TestStrangersAtThePort(t *testing.T) {
	a, other := tlstest.New(t, "c"), tlstest.New(t, "c")
	strange := other.Node(2)
	strange.Authorities = a.Authorities
	for name, c := range map[string]struct {
		config func() *tls.Config
		want   string
	}{
		"no certificate":    {func() *tls.Config { return &tls.Config{} }, "didn't provide a certificate"},
		"a client":          {func() *tls.Config { return certified(t, a.Client("a", access.Admin)) }, "not that of a node"},
		"another authority": {func() *tls.Config { return certified(t, strange) }, "unknown authority"},
		"TLS 1.2": {func() *tls.Config {
			c := certified(t, a.Node(2))
			c.MaxVersion = tls.VersionTLS12
			return c
		}, "unsupported versions"},
	} {
		t.Run(name, func(t *testing.T) {
			began, m := time.Now(), startAlone(t, withTLS(t, a.Node(1)))
			for range 5 {
				s := dial(t, m.address)
				config := c.config()
				config.InsecureSkipVerify = true
				secured := tls.Client(s.Conn, config)
				require.NoError(t, secured.SetDeadline(time.Now().Add(testTimeout)))
				if secured.Handshake() == nil {
					_, err := secured.Read(make([]byte, 1))
					require.ErrorContains(t, err, "remote error: tls: ", "the reason arrives")
				}
			}
			eventually(t, "count", func() bool { return m.ListenerStats().Insecure == 5 })
			require.Positive(t, m.log.with(c.want), m.log.all())
			require.LessOrEqual(t, m.log.with(c.want), warnings(began), m.log.all())
			require.Zero(t, m.ListenerStats().Accepted+m.ListenerStats().Refused)
		})
	}
}

// certified returns a configuration that shows the certificate in files, unchecked.
func certified(t testing.TB, p tlsfiles.Paths) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
	require.NoError(t, err)
	return &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }}
}

// TLS handshakes that do not end meet the deadline of the introduction, and its bound on
// the number of connections: a member gets through among them.
func TestSlowTLSHandshakes(t *testing.T) {
	a := tlstest.New(t, "c")
	t.Run("deadline", func(t *testing.T) {
		m := startAlone(t, withTLS(t, a.Node(1)), func(c *tcp.Config) { c.HandshakeTimeout = 200 * time.Millisecond })
		for n, bytes := range []string{"", "\x16\x03", "\x16\x03\x01\x02\x00\x01"} {
			s := dial(t, m.address)
			_, err := s.Write([]byte(bytes))
			require.NoError(t, err)
			s.requireClosed()
			eventually(t, "count", func() bool { return m.ListenerStats().TimedOut == uint64(n+1) })
		}
		after := dialTLS(t, m.address, a.Node(2)) // and then no Hello
		after.requireClosed()
		eventually(t, "count", func() bool { return m.ListenerStats().TimedOut == 4 })
	})
	t.Run("bound", func(t *testing.T) {
		began, m := time.Now(), startAlone(t, withTLS(t, a.Node(1)))
		for range 200 {
			_, err := dial(t, m.address).Write([]byte("\x16\x03\x01"))
			require.NoError(t, err)
		}
		s := dialTLS(t, m.address, a.Node(2))
		s.handshake(hello(2))
		eventually(t, "count", func() bool { return m.ListenerStats().Accepted == 1 })
		eventually(t, "the others give way", func() bool { return m.ListenerStats().Evicted >= 200-64 })
		require.LessOrEqual(t, len(m.log.all()), 3*warnings(began), m.log.all())
	})
}

// The end of a connection does not wait for a peer that takes nothing: TLS would first
// write a goodbye.
func TestCloseWritesNothing(t *testing.T) {
	a := tlstest.New(t, "c")
	requireNoGoroutines(t)
	l := &countingListener{Listener: listen(t, "127.0.0.1:0")}
	m := start(t, l, 1, map[node.ID]string{2: "127.0.0.1:1"}, withTLS(t, a.Node(1)),
		func(c *tcp.Config) { c.KeepaliveInterval = c.KeepaliveTimeout / 2 })
	first := dialTLS(t, m.address, a.Node(2))
	first.handshake(hello(2))
	eventually(t, "a connection", func() bool { return m.peer(2).Incoming })
	served, written := l.first(), l.first().writes.Load()
	second := dialTLS(t, m.address, a.Node(2))
	second.handshake(hello(2)) // replaces the first
	first.requireClosed()
	require.Equal(t, written, served.writes.Load())
}

// countingListener counts the writes to each of its connections.
type countingListener struct {
	net.Listener
	mu    sync.Mutex
	conns []*countingConn
}

type countingConn struct {
	net.Conn
	writes atomic.Int64
}

// Accept implements net.Listener.
func (l *countingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &countingConn{Conn: nc}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *countingListener) first() *countingConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[0]
}

// Write implements net.Conn.
func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}
