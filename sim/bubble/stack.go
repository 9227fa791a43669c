package bubble

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// Stream are the settings of the streams of a bubble. A zero field is its default.
type Stream struct {
	Segment    int          // most bytes of one segment; 1400
	Window     int          // bytes that each side buffers in each direction; 65,536
	ResendMin  sim.Duration // least time until a segment is sent again; 200ms
	ResendMax  sim.Duration // longest such time; 10s
	GiveUp     sim.Duration // silence of the peer, in answer to something, that ends a stream; 30s
	KeepAlive  sim.Duration // idle time after which a peer is asked whether it is still there; 15s
	MaxPending int          // streams of one listener that wait for Accept; 128
}

// withDefaults returns s with the defaults in place of zeros.
func (s Stream) withDefaults() Stream {
	return Stream{
		cmp.Or(s.Segment, 1400), cmp.Or(s.Window, 1<<16),
		cmp.Or(s.ResendMin, 200*netmodel.Millisecond), cmp.Or(s.ResendMax, 10*netmodel.Second),
		cmp.Or(s.GiveUp, 30*netmodel.Second), cmp.Or(s.KeepAlive, 15*netmodel.Second), cmp.Or(s.MaxPending, 128),
	}
}

// Validate names the first field that is out of bounds.
func (s Stream) Validate() error {
	s = s.withDefaults()
	switch {
	case s.Segment < 1 || s.Segment > 1<<20:
		return fmt.Errorf("segment: %d: want 1 to %d bytes", s.Segment, 1<<20)
	case s.Window < s.Segment || s.Window > 1<<30:
		return fmt.Errorf("window: %d: want a segment, %d, to %d bytes", s.Window, s.Segment, 1<<30)
	case s.ResendMin <= 0 || s.ResendMax < s.ResendMin:
		return fmt.Errorf("resend: %v to %v: want a range above 0s", s.ResendMin, s.ResendMax)
	case s.GiveUp < s.ResendMin:
		return fmt.Errorf("give up: %v: want at least the time of a resend, %v", s.GiveUp, s.ResendMin)
	case s.KeepAlive <= 0:
		return fmt.Errorf("keep alive: %v: want more than 0s", s.KeepAlive)
	case s.MaxPending < 1:
		return fmt.Errorf("pending: %d: want at least 1", s.MaxPending)
	}
	return nil
}

// stack holds the streams of one life of a host. The lock of the host guards it.
// Goroutines change only the buffers and flags of a stream and put it in dirty; all
// that enters the world is decided in a step of the host, in an order that does not
// depend on the order of the goroutines.
type stack struct {
	host      *Host
	tuning    Stream
	conns     map[uint64]*Conn     // by number; looked up, never ranged over
	offered   map[offer]*Conn      // in the accepting state and later, by syn; looked up, never ranged over
	listeners map[uint16]*Listener // by port; looked up, never ranged over
	dirty     []*Conn
	dials     []*Conn      // without a number yet
	count     uint32       // numbers given so far
	ends      uint64       // streams that have ended: each may have woken goroutines
	now       sim.Duration // of the present step
}

// offer identifies a syn: its dialler, and its number there.
type offer struct {
	from   sim.ID
	number uint64
}

func newStack(h *Host, tuning Stream) *stack {
	return &stack{
		host: h, tuning: tuning,
		conns: map[uint64]*Conn{}, offered: map[offer]*Conn{}, listeners: map[uint16]*Listener{},
	}
}

// firstEphemeralPort is the beginning of the ports of diallers (RFC 6335, section 6).
const firstEphemeralPort = 49152

// ephemeralPort returns the port of the dialler of a stream, by the number of the
// stream there.
func ephemeralPort(number uint64) uint16 {
	return firstEphemeralPort + uint16(uint32(number)%(1<<16-firstEphemeralPort))
}

// newConn returns a stream with a peer that has no number yet.
func (s *stack) newConn(peer sim.ID, local, remote *net.TCPAddr) *Conn {
	c := &Conn{stack: s, peer: peer, local: local, remote: remote}
	c.changed.L = &s.host.mu
	c.in.room = s.tuning.Window
	c.out.rto = retransmission{least: s.tuning.ResendMin, most: s.tuning.ResendMax}
	return c
}

// assign gives c its number.
func (s *stack) assign(c *Conn) uint32 {
	s.count++
	c.number = uint64(s.host.life)<<32 | uint64(s.count)
	s.conns[c.number] = c
	return s.count
}

// emit sends all that the streams have to send since the last step.
func (s *stack) emit() {
	slices.SortStableFunc(s.dials, func(a, b *Conn) int {
		return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.remote.Port, b.remote.Port))
	})
	for _, c := range s.dials {
		s.dial(c)
	}
	slices.SortFunc(s.dirty, func(a, b *Conn) int { return cmp.Compare(a.number, b.number) })
	for _, c := range s.dirty {
		c.queued = false
		c.pump()
	}
	s.dials, s.dirty = nil, s.dirty[:0]
}

// dial sends the first syn of c, unless its dialler has given up already.
func (s *stack) dial(c *Conn) {
	if c.state == gone {
		return
	}
	c.name = newStreamName(s.host.id, s.host.life, s.assign(c))
	c.local.Port = int(ephemeralPort(c.number))
	c.heard = s.now
	c.sendSyn()
}

// receive takes a segment from the network.
func (s *stack) receive(from sim.ID, m *segment) {
	if m.kind == segmentSyn {
		s.receiveSyn(from, m)
		return
	}
	c := s.conns[m.to]
	switch {
	case c == nil || c.peer != from || c.peerNumber != m.from && c.peerNumber != 0:
		s.replyReset(from, m)
	case m.kind == segmentReset:
		c.receiveReset()
	case m.kind == segmentAccept && c.state == dialling:
		c.peerNumber, c.state, c.timerDue = m.from, established, 0
		c.receiveAck(m)
		c.changed.Broadcast()
		c.owe()
	case c.state == dialling:
		s.replyReset(from, m) // of an earlier life
	default:
		c.receive(m)
	}
}

// receiveSyn takes a syn: the first one makes a stream.
func (s *stack) receiveSyn(from sim.ID, m *segment) {
	key := offer{from, m.from}
	if s.offered[key] != nil {
		return // a copy: the accept is sent again by its own timer
	}
	l := s.listeners[m.port]
	if l == nil {
		s.replyReset(from, m)
		return
	}
	if l.full() {
		return // the dialler will ask again
	}
	c := s.newConn(from, addressOf(s.host.id, m.port), addressOf(from, ephemeralPort(m.from)))
	c.name, c.peerNumber, c.state, c.accepter = m.stream, m.from, accepting, l
	c.out.limit = m.window
	c.heard = s.now
	s.assign(c)
	s.offered[key] = c
	l.arriving++
	c.sendAccept()
}

// timer takes the timer of a stream.
func (s *stack) timer(number uint64) {
	if c := s.conns[number]; c != nil && c.timerDue != 0 && s.now >= c.timerDue {
		c.timerDue = 0
		c.onTimer()
	}
}

// peerGone resets all streams with a peer: the network says that their connection
// has ended.
func (s *stack) peerGone(peer sim.ID) {
	for _, number := range sortedKeys(s.conns) {
		if c := s.conns[number]; c.peer == peer && c.state != dialling {
			c.reply(segmentReset)
			c.fail(errReset)
		}
	}
}

// refused takes the news that a segment never left, or came to a host on which no
// process runs. Only a dialler gives up at once. An established stream sends the
// segment again: if its peer has crashed, the end of the connection is told apart.
func (s *stack) refused(m *segment) {
	if c := s.conns[m.from]; c != nil && c.state == dialling {
		c.fail(errRefused)
	}
}

// replyReset tells the sender of m that its stream does not exist.
func (s *stack) replyReset(to sim.ID, m *segment) {
	if m.kind != segmentReset {
		s.host.out.Send(to, &segment{kind: segmentReset, stream: m.stream, from: m.to, to: m.from})
	}
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// crash ends all streams and listeners without a word to the peers.
func (s *stack) crash() {
	for _, number := range sortedKeys(s.conns) {
		s.conns[number].fail(ErrCrashed)
	}
	for _, c := range s.dials {
		c.fail(ErrCrashed)
	}
	for _, port := range sortedKeys(s.listeners) {
		s.listeners[port].changed.Broadcast()
	}
	s.dials, s.dirty = nil, nil
}
