package tcp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// testTimeout is for slow hosts; no test should need it.
const testTimeout = 60 * time.Second

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(testTimeout); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(limit) {
			require.FailNow(t, "never happened: "+what)
		}
	}
}

func hello(id node.ID) wire.Hello {
	return wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: [16]byte{7}, Node: id,
		Life: lifeOf(id), Epoch: 1, Codec: "cbor", Level: node.LevelCBOR}
}

// lifeOf returns the life in the Hello of a member.
func lifeOf(id node.ID) uint64 { return 0xf00 + uint64(id) }

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	var l net.Listener
	eventually(t, "listening on "+address, func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", address)
		return err == nil
	})
	return l
}

// numbered returns the n-th message of a sender.
func numbered(n int) node.Message {
	return &node.Commit{Key: "lifecycle/m", Ballot: node.Ballot{Epoch: 1, Round: uint64(n), Node: 1, Boot: 1}, First: "c1.1"}
}

func numberOf(m node.Message) int { return int(m.(*node.Commit).Ballot.Round) }

// member is a transport and the messages delivered to it.
type member struct {
	*tcp.Transport
	address string
	log     *logRecorder

	mu        sync.Mutex
	delivered map[node.ID][]node.Message
	lives     map[node.ID][]uint64   // of the messages, by sender
	levels    map[node.ID]node.Level // of the last message, by sender
}

func (m *member) from(id node.ID) []node.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]node.Message(nil), m.delivered[id]...)
}

// levelOf returns the level of a peer.
func (m *member) levelOf(id node.ID) node.Level {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.levels[id]
}

// livesOf returns the life of each message of a peer.
func (m *member) livesOf(id node.ID) []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]uint64(nil), m.lives[id]...)
}

func (m *member) peer(id node.ID) tcp.PeerStats {
	for _, p := range m.Peers() {
		if p.ID == id {
			return p
		}
	}
	return tcp.PeerStats{}
}

// start starts a member with timings for tests. At the end of the test it is
// closed, and none of its goroutines may be left.
func start(t testing.TB, l net.Listener, id node.ID, peers map[node.ID]string, change ...func(*tcp.Config)) *member {
	t.Helper()
	m := &member{address: l.Addr().String(), delivered: map[node.ID][]node.Message{}, lives: map[node.ID][]uint64{}, levels: map[node.ID]node.Level{}, log: &logRecorder{}}
	cfg := tcp.Config{
		Hello:    hello(id),
		Listener: l,
		Peers:    peers,
		Queue:    1000,
		Deliver: func(from tcp.Sender, arrived []node.Message) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.levels[from.Node] = from.Level
			m.delivered[from.Node] = append(m.delivered[from.Node], arrived...)
			for range arrived {
				m.lives[from.Node] = append(m.lives[from.Node], from.Life)
			}
		},
		Log: slog.New(m.log),

		HandshakeTimeout:  10 * time.Second, // long, so that it does not expire by accident
		WriteTimeout:      10 * time.Second,
		KeepaliveTimeout:  10 * time.Second,
		KeepaliveInterval: 50 * time.Millisecond,
		BackoffMin:        5 * time.Millisecond,
		BackoffMax:        100 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	m.Transport, err = tcp.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, m.Close())
	})
	return m
}

// cluster starts members 1 to n that know each other.
func cluster(t testing.TB, n int, change ...func(*tcp.Config)) []*member {
	t.Helper()
	requireNoGoroutines(t)
	var listeners []net.Listener
	for range n {
		listeners = append(listeners, listen(t, "127.0.0.1:0"))
	}
	var members []*member
	for i := range n {
		peers := map[node.ID]string{}
		for j := range n {
			if j != i {
				peers[node.ID(j+1)] = listeners[j].Addr().String()
			}
		}
		members = append(members, start(t, listeners[i], node.ID(i+1), peers, change...))
	}
	return members
}

// requireNoGoroutines checks, after all cleanups registered later, that no
// goroutine of a transport is left.
func requireNoGoroutines(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		var left []string
		eventually(t, "the end of all goroutines", func() bool {
			left = goroutines("node/tcp.(")
			return len(left) == 0
		})
	})
}

// goroutines returns the stacks that contain a text.
func goroutines(text string) (found []string) {
	all := make([]byte, 4<<20)
	all = all[:runtime.Stack(all, true)]
	for _, stack := range strings.Split(string(all), "\n\n") {
		if strings.Contains(stack, text) {
			found = append(found, stack)
		}
	}
	return found
}

// heap returns the live bytes of the heap.
func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// logRecorder records log lines.
type logRecorder struct {
	mu    sync.Mutex
	lines []string
}

func (l *logRecorder) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}
func (l *logRecorder) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *logRecorder) WithGroup(string) slog.Handler      { return l }

func (l *logRecorder) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

func (l *logRecorder) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

func (l *logRecorder) with(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// rawConn speaks the protocol of the package comment by hand.
type rawConn struct {
	t testing.TB
	net.Conn
	decoder wire.Decoder
}

func dial(t testing.TB, address string) *rawConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, testTimeout)
	require.NoError(t, err)
	s := &rawConn{t: t, Conn: c}
	t.Cleanup(s.hangUp)
	return s
}

// hangUp closes the connection without leaving a port in TIME_WAIT.
func (s *rawConn) hangUp() {
	if c, ok := s.Conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = s.Close()
}

func (s *rawConn) sendFrame(payload []byte) {
	frame, err := wire.AppendFrame(nil, payload)
	require.NoError(s.t, err)
	_, err = s.Write(frame)
	require.NoError(s.t, err)
}

// readFrame returns the next frame, or the error that ends the connection.
func (s *rawConn) readFrame() ([]byte, error) {
	chunk := make([]byte, 4096)
	_ = s.SetReadDeadline(time.Now().Add(testTimeout))
	for {
		payload, ok, err := s.decoder.Next()
		if ok || err != nil {
			return payload, err
		}
		n, err := s.Read(chunk)
		if err != nil {
			return nil, err
		}
		s.decoder.Write(chunk[:n])
	}
}

func (s *rawConn) mustReadFrame() []byte {
	payload, err := s.readFrame()
	require.NoError(s.t, err)
	return payload
}

// handshake carries out the dialler's handshake.
func (s *rawConn) handshake(h wire.Hello) {
	s.sendFrame(wire.AppendHello(nil, h))
	_, err := wire.DecodeHello(s.mustReadFrame())
	require.NoError(s.t, err)
	require.Equal(s.t, []byte{1}, s.mustReadFrame())
	s.sendFrame([]byte{1})
}

// requireClosed waits for the other side to close.
func (s *rawConn) requireClosed() {
	for {
		_, err := s.readFrame()
		if err != nil {
			timeout, ok := err.(net.Error)
			require.False(s.t, ok && timeout.Timeout(), "still open")
			return
		}
	}
}
