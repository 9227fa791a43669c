package tcp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// startAlone starts a member whose peers 2 and 3 are not up.
func startAlone(t *testing.T, change ...func(*tcp.Config)) *member {
	requireNoGoroutines(t)
	return start(t, listen(t, "127.0.0.1:0"), 1, map[node.ID]string{2: "127.0.0.1:1", 3: "127.0.0.1:1"}, change...)
}

// message returns a frame with a message in it.
func message(t testing.TB) []byte {
	frame, err := wire.AppendMessage(nil, wire.CBOR{}, numbered(1))
	require.NoError(t, err)
	return frame
}

func TestNonsenseClosesTheConnection(t *testing.T) {
	head := func(length, sum uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, length), sum)
	}
	frame := func(payload string) []byte {
		f, err := wire.AppendFrame(nil, []byte(payload))
		require.NoError(t, err)
		return f
	}
	damaged := message(t)
	damaged[len(damaged)-1] ^= 1
	cases := map[string][]byte{
		"another protocol": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"zeros":            make([]byte, 100),
		"oversize":         head(wire.MaxFrame+1, 0),
		"a wrong checksum": append(head(3, 12345), "abc"...),
		"a damaged one":    damaged,
		"no message":       frame("hello, is this a node?"),
		"half a message":   frame(string(message(t)[8:20])),
	}
	for name, bytes := range cases {
		t.Run("first "+name, func(t *testing.T) {
			m := startAlone(t)
			s := dial(t, m.address)
			_, _ = s.Write(bytes)
			s.requireClosed()
			eventually(t, "count", func() bool { return m.ListenerStats().Malformed == 1 })
			eventually(t, "a line", func() bool { return m.log.with("does not speak the protocol") == 1 })
		})
		t.Run("later "+name, func(t *testing.T) {
			m := startAlone(t)
			s := dial(t, m.address)
			s.handshake(hello(2))
			_, _ = s.Write(message(t))
			eventually(t, "delivery", func() bool { return len(m.from(2)) == 1 })
			_, _ = s.Write(bytes)
			s.requireClosed()
			eventually(t, "count", func() bool { return m.peer(2).Malformed == 1 && !m.peer(2).Incoming })
			require.Len(t, m.from(2), 1)
			eventually(t, "a line", func() bool { return m.log.with("bytes that are no message") == 1 })
		})
	}
}

// A long first frame is rejected before all of it arrives.
func TestLongGreetingIsCutOff(t *testing.T) {
	m := startAlone(t)
	s := dial(t, m.address)
	_, _ = s.Write(binary.LittleEndian.AppendUint32(nil, 1<<19))
	_, _ = s.Write(make([]byte, 4096))
	s.requireClosed()
	eventually(t, "count", func() bool { return m.ListenerStats().Malformed == 1 })
}

func TestHandshakeTimeout(t *testing.T) {
	m := startAlone(t, func(c *tcp.Config) { c.HandshakeTimeout = 200 * time.Millisecond })
	dial(t, m.address).requireClosed()
	eventually(t, "count", func() bool { return m.ListenerStats().TimedOut == 1 })

	half := dial(t, m.address) // sends its Hello, and no verdict
	half.sendFrame(wire.AppendHello(nil, hello(2)))
	half.requireClosed()
	eventually(t, "count", func() bool { return m.ListenerStats().TimedOut == 2 })
}

// A frame that is sent one byte at a time times out.
func TestSlowFramesTimeOut(t *testing.T) {
	trickle := func(s *rawConn, bytes []byte) {
		go func() {
			for _, b := range bytes {
				if _, err := s.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
	}
	long, err := wire.AppendFrame(nil, make([]byte, 100_000))
	require.NoError(t, err)
	t.Run("before the introduction", func(t *testing.T) {
		m := startAlone(t, func(c *tcp.Config) { c.HandshakeTimeout = 200 * time.Millisecond })
		greeting, err := wire.AppendFrame(nil, wire.AppendHello(nil, hello(2)))
		require.NoError(t, err)
		s := dial(t, m.address)
		trickle(s, greeting)
		s.requireClosed()
		eventually(t, "count", func() bool { return m.ListenerStats().TimedOut == 1 })
	})
	t.Run("after it", func(t *testing.T) {
		m := startAlone(t, func(c *tcp.Config) { c.KeepaliveTimeout = 300 * time.Millisecond })
		s := dial(t, m.address)
		s.handshake(hello(2))
		trickle(s, long)
		s.requireClosed()
		eventually(t, "the end", func() bool { return !m.peer(2).Incoming })
	})
}

// Random frames, before and after the handshake, cost nothing permanently, and
// members exchange messages meanwhile.
func TestRandomFrames(t *testing.T) {
	const connections, frames = 2000, 10
	members := cluster(t, 3)
	one, two := members[0], members[1]
	eventually(t, "up", func() bool { return one.peer(2).Up && two.peer(1).Up })
	before, began := heap(), time.Now()
	var senders sync.WaitGroup
	for w := range 4 {
		senders.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range connections / 4 {
				s := dial(t, one.address)
				if i%4 == 0 { // as node 3, so that each replaces the last
					s.sendFrame(wire.AppendHello(nil, hello(3)))
					s.sendFrame([]byte{1})
				}
				_, _ = s.Write(garbage(r, frames))
				s.requireClosed()
				s.hangUp()
			}
		})
	}
	for n := range 500 {
		require.True(t, two.Send(1, numbered(n)))
		time.Sleep(time.Millisecond)
	}
	senders.Wait()
	eventually(t, "delivery", func() bool { return len(one.from(2)) == 500 })
	require.EqualValues(t, 1, two.peer(1).Connects)
	require.Positive(t, one.ListenerStats().Malformed)
	require.LessOrEqual(t, one.log.with("does not speak the protocol"), 1+int(time.Since(began)/(10*time.Second)))
	require.Less(t, heap(), before+16<<20)
	eventually(t, "all gone", func() bool { return len(goroutines("tcp.(*Transport).serveIncoming(")) <= 3*2 })
}

// garbage returns random frames: valid, with wrong checksums, cut, empty, huge.
func garbage(r *rand.Rand, frames int) (all []byte) {
	for range frames {
		payload := make([]byte, 2+r.IntN(300))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		frame, _ := wire.AppendFrame(nil, payload)
		switch r.IntN(5) {
		case 0:
			frame[r.IntN(len(frame))] ^= 1 << r.IntN(8)
		case 1:
			frame = frame[r.IntN(len(frame)):]
		case 2:
			binary.LittleEndian.PutUint32(frame, r.Uint32())
		case 3:
			frame = payload
		}
		all = append(all, frame...)
	}
	return append(all, make([]byte, 8)...) // an empty frame ends an unfinished one
}

// Thousands connect and send nothing: few are kept, and a member gets through.
func TestFloodOfConnections(t *testing.T) {
	const connections, held = 3000, 300
	requireNoGoroutines(t)
	l, twoAt := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one := start(t, l, 1, map[node.ID]string{2: twoAt.Addr().String()})
	var made atomic.Int64
	stop := make(chan struct{})
	var flood sync.WaitGroup
	var open [held]net.Conn
	flood.Go(func() {
		for i := 0; ; i = (i + 1) % held {
			select {
			case <-stop:
				return
			default:
			}
			if open[i] != nil {
				_ = open[i].(*net.TCPConn).SetLinger(0)
				_ = open[i].Close()
			}
			if c, err := net.Dial("tcp", one.address); err == nil {
				open[i] = c
				made.Add(1)
			} else {
				open[i] = nil
			}
		}
	})
	eventually(t, "a crowd", func() bool { return one.ListenerStats().Evicted > 0 })
	two := start(t, twoAt, 2, map[node.ID]string{1: one.address})
	eventually(t, "a member through the flood", func() bool { return two.peer(1).Up })
	require.True(t, two.Send(1, numbered(1)))
	eventually(t, "delivery", func() bool { return len(one.from(2)) == 1 })
	eventually(t, "the rest of the flood", func() bool { return made.Load() >= connections })
	close(stop)
	flood.Wait()
	eventually(t, "most of the open connections are closed", func() bool {
		return len(goroutines("tcp.(*Transport).serveIncoming(")) <= 64+1 // in the handshake, and the member's
	})
	for _, c := range open {
		if c != nil {
			_ = c.Close()
		}
	}
}

// Of the connections in the handshake, the latest 64 are kept.
func TestPendingConnectionsAreBounded(t *testing.T) {
	m := startAlone(t)
	var all []*rawConn
	for range 200 {
		all = append(all, dial(t, m.address))
	}
	for _, s := range all[:200-64] {
		s.requireClosed()
	}
	eventually(t, "count", func() bool { return m.ListenerStats().Evicted == 200-64 })
	require.Len(t, goroutines("tcp.(*Transport).serveIncoming("), 64)
	last := all[199]
	last.handshake(hello(2))
	_, _ = last.Write(message(t))
	eventually(t, "delivery", func() bool { return len(m.from(2)) == 1 })
}
