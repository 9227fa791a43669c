package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// A node that receives garbage on its peer port, without end and in every form,
// serves its clients meanwhile and does not grow. LOCKSTEP_LONG=1 makes it a million
// frames and chunks.
func TestGarbageOnThePeerPort(t *testing.T) {
	if testing.Short() {
		t.Skip("sends garbage for some seconds")
	}
	total := int64(20_000)
	if long() {
		total = 1_000_000
	}
	c := startProcesses(t, 3)
	users := newRecordingClients(t, c.endpoints, 4)
	users.start()
	users.await(200)
	const resident = "process_resident_memory_bytes"
	before, begin, served := c.metric(0, resident), time.Now(), users.outcomes.get("committed")

	var left atomic.Int64
	left.Store(total)
	greeting := memberHello()
	var attackers sync.WaitGroup
	var connections atomic.Int64
	for i := range 4 {
		attackers.Go(func() {
			a := attacker{address: c.addresses[0], hello: greeting, remaining: &left, random: rand.New(rand.NewPCG(uint64(i), 3))}
			for left.Load() > 0 {
				connections.Add(1)
				a.connect()
			}
		})
	}
	peak := before
	ended := make(chan struct{})
	go func() { attackers.Wait(); close(ended) }()
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		case <-time.After(200 * time.Millisecond):
		}
		peak = max(peak, c.metric(0, resident))
	}
	took, served := time.Since(begin), users.outcomes.get("committed")-served
	users.await(users.outcomes.get("committed") + 200)
	users.stop()
	after := c.metric(0, resident)
	malformed := c.metric(0, "lockstep_malformed_total", `"port"`)
	nonsense := c.metric(0, "lockstep_peer_messages_total", `fate="received"`, `peer="3"`)
	t.Logf("%d frames and chunks on %d connections in %v: %.0f connections made no sense, %.0f messages came in the name of node 3; %d transitions meanwhile; resident %.1f MB, at most %.1f MB, in the end %.1f MB",
		total-left.Load(), connections.Load(), took.Round(time.Millisecond), malformed, nonsense,
		served, before/1e6, peak/1e6, after/1e6)
	require.Positive(t, served, "clients were served meanwhile")
	require.Positive(t, malformed)
	require.Greater(t, nonsense, float64(total/100), "the garbage has got no further than the door")
	require.Less(t, peak, before+128e6, "it grows")
	users.verify(t)
}

// hello is the first message of member 3, as anybody can write it who knows the
// cluster's name: but for the life, which only the member knows.
func memberHello() wire.Hello {
	cluster := sha256.Sum256([]byte("lockstep cluster lockstep"))
	h := wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: [16]byte(cluster[:16]), Node: 3, Epoch: 1, Life: 3}
	h.OfferCodecs(wire.Binary{})
	return h
}

func frame(payload []byte) []byte {
	f, err := wire.AppendFrame(nil, payload)
	if err != nil {
		panic(err)
	}
	return f
}

// attacker sends garbage, one connection after the other.
type attacker struct {
	address   string
	hello     wire.Hello // of a member
	remaining *atomic.Int64
	random    *rand.Rand
	next      int
}

// connect opens one connection and sends garbage, in the next of the forms, until the
// node hangs up or the attack is over.
func (a *attacker) connect() {
	nc, err := net.DialTimeout("tcp", a.address, testTimeout)
	if err != nil {
		time.Sleep(time.Millisecond)
		return
	}
	defer nc.Close()
	_ = nc.(*net.TCPConn).SetLinger(0) // otherwise the system would run out of ports
	_ = nc.SetDeadline(time.Now().Add(testTimeout))
	forms := []func(net.Conn){a.noise, a.oversize, a.nonHello, a.wrongCluster, a.wrongVersion, a.helloThenNoise, a.helloThenNonsense}
	a.next++
	forms[a.next%len(forms)](nc)
}

// send sends b. It returns false when the attack is to stop or the connection has
// ended.
func (a *attacker) send(nc net.Conn, b []byte) bool {
	if _, err := nc.Write(b); err != nil {
		return false
	}
	return a.remaining.Add(-1) > 0
}

func (a *attacker) randomBytes(most int) []byte {
	b := make([]byte, 1+a.random.IntN(most))
	for i := range b {
		b[i] = byte(a.random.Uint32())
	}
	return b
}

// noise sends chunks that are no frames.
func (a *attacker) noise(nc net.Conn) {
	for range 16 {
		if !a.send(nc, a.randomBytes(4096)) {
			return
		}
	}
}

// oversize sends the head of a frame that is too long, and much of the rest.
func (a *attacker) oversize(nc net.Conn) {
	head := binary.LittleEndian.AppendUint32(nil, wire.MaxFrame+1+a.random.Uint32N(1<<30))
	for more := a.send(nc, head); more; more = a.send(nc, a.randomBytes(4096)) {
	}
}

// nonHello sends a well-formed frame that is no Hello.
func (a *attacker) nonHello(nc net.Conn) { a.send(nc, frame(a.randomBytes(200))) }

func (a *attacker) wrongCluster(nc net.Conn) {
	h := a.hello
	h.Cluster = [16]byte(append(a.randomBytes(1), make([]byte, 15)...))
	a.send(nc, frame(wire.AppendHello(nil, h)))
}

func (a *attacker) wrongVersion(nc net.Conn) {
	h := a.hello
	h.Oldest = wire.Protocol + 1 + uint16(a.random.UintN(1000))
	h.Protocol = h.Oldest + uint16(a.random.UintN(1000))
	a.send(nc, frame(wire.AppendHello(nil, h)))
}

// handshake sends the messages of a member that connects, and reads the response.
func (a *attacker) handshake(nc net.Conn) bool {
	return a.send(nc, frame(wire.AppendHello(nil, a.hello))) && a.send(nc, frame([]byte{1})) && a.awaitBytes(nc)
}

// awaitBytes waits for the node's first bytes: the node then accepts the messages
// that follow.
func (a *attacker) awaitBytes(nc net.Conn) bool {
	_, err := nc.Read(make([]byte, 64))
	return err == nil
}

func (a *attacker) helloThenNoise(nc net.Conn) {
	if a.handshake(nc) {
		a.noise(nc)
	}
}

// helloThenNonsense sends well-formed messages that answer no request, then a frame
// that is no message.
func (a *attacker) helloThenNonsense(nc net.Conn) {
	if !a.handshake(nc) {
		return
	}
	for range 500 {
		b, err := wire.AppendMessage(nil, wire.Binary{}, a.nonsense())
		if err != nil {
			panic(err)
		}
		if !a.send(nc, b) {
			return
		}
	}
	a.send(nc, frame(a.randomBytes(200)))
}

func (a *attacker) nonsense() node.Message {
	key := fmt.Sprintf("lifecycle/m-%d", 1+a.random.IntN(2))
	ballot := node.Ballot{Epoch: 1, Round: a.random.Uint64() >> 1, Node: 3, Boot: 1 << 40}
	switch a.random.IntN(3) {
	case 0:
		return &node.Acknowledgment{Phase: node.Accept, Key: key, Ballot: ballot, First: "x.1"}
	case 1:
		return &node.Reject{Phase: node.Prepare, Key: key, Ballot: ballot, Reason: node.StaleBallot, Promised: ballot, First: "x.1"}
	}
	return &node.ReadReport{Key: key, Read: node.ReadID{Node: 1, Boot: 1 << 40, Seq: a.random.Uint64()}, First: "x.1"}
}
