package tcp

import (
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// Disposition is the handling of a message by the transport.
type Disposition uint8

// The dispositions. Every queued message is later sent or dropped, or still waits.
const (
	Queued   Disposition = iota // accepted by Send
	Sent                        // written to a connection
	Dropped                     // the queue was full, the write failed, or it cannot be encoded
	Received                    // passed to Deliver
	dispositions
)

func (f Disposition) String() string { return [...]string{"queued", "sent", "dropped", "received"}[f] }

// typeNames are the names of message types. The first is for types of later
// versions.
var typeNames = [...]string{"unknown", "proposal", "acknowledgment", "reject", "commit", "read-request", "read-report", "request", "reply",
	"repair-request", "repair-report", "repair-value", "introduction"}

const types = len(typeNames)

func typeOf(m node.Message) int {
	switch m.(type) {
	case *node.Proposal:
		return 1
	case *node.Acknowledgment:
		return 2
	case *node.Reject:
		return 3
	case *node.Commit:
		return 4
	case *node.ReadRequest:
		return 5
	case *node.ReadReport:
		return 6
	case *node.Request:
		return 7
	case *node.Reply:
		return 8
	case *node.RepairRequest:
		return 9
	case *node.RepairReport:
		return 10
	case *node.RepairValue:
		return 11
	case *member.Introduction:
		return 12
	}
	return 0
}

// Count is the number of messages of a type with a disposition.
type Count struct {
	Type        string
	Disposition Disposition
	N           uint64
}

// PeerStats is the state of a peer, with counters since the start.
type PeerStats struct {
	ID       node.ID
	Addr     string
	Up       bool      // this node's connection to it is up
	Incoming bool      // its connection to this node is up
	Since    time.Time // of the last change of Up

	Connects  uint64 // connections made to it
	Failures  uint64 // attempts that failed, and connections that broke
	LastError string // of either direction; kept after the failure is over

	Writes    uint64 // of batches of messages to its connections
	SentBytes uint64 // in them

	Waiting   int    // messages in the queue now
	Queued    uint64 // messages, by disposition
	Sent      uint64
	Dropped   uint64
	Delivered uint64  // received from it
	Malformed uint64  // connections from it that ended with a malformed message
	Counts    []Count // by type and disposition, all of them, in a fixed order
}

// ListenerStats counts incoming connections by their end or acceptance.
type ListenerStats struct {
	Accepted     uint64 // handshakes with members completed
	Refused      uint64 // by either side in the handshake
	Malformed    uint64 // closed: violated the protocol
	Insecure     uint64 // closed: no TLS handshake that both sides accept
	TimedOut     uint64 // closed: not introduced in time
	Evicted      uint64 // closed: too many in the handshake
	Disconnected uint64 // broken or closed by the other side during the handshake
}

type counts struct {
	messages  [types][dispositions]atomic.Uint64
	malformed atomic.Uint64
	writes    atomic.Uint64
	sentBytes atomic.Uint64
}

func (c *counts) add(kind int, f Disposition, n uint64) {
	if n > 0 {
		c.messages[kind][f].Add(n)
	}
}

func (p *peer) count(m node.Message, f Disposition, n uint64) { p.counts.add(typeOf(m), f, n) }

func (p *peer) malformed() { p.counts.malformed.Add(1) }

func (p *peer) stats() PeerStats {
	p.mu.Lock()
	s := p.state
	s.Incoming = len(p.incoming) > 0
	p.mu.Unlock()
	s.Waiting = p.queue.len()
	s.Malformed = p.counts.malformed.Load()
	s.Writes, s.SentBytes = p.counts.writes.Load(), p.counts.sentBytes.Load()
	for kind := range types {
		for f := range dispositions {
			n := p.counts.messages[kind][f].Load()
			s.Counts = append(s.Counts, Count{Type: typeNames[kind], Disposition: f, N: n})
			switch f {
			case Queued:
				s.Queued += n
			case Sent:
				s.Sent += n
			case Dropped:
				s.Dropped += n
			case Received:
				s.Delivered += n
			}
		}
	}
	return s
}

type listenerCounts struct {
	accepted, refused, malformed, insecure, timedOut, evicted, disconnected atomic.Uint64
}

func (c *listenerCounts) stats() ListenerStats {
	return ListenerStats{
		Accepted:     c.accepted.Load(),
		Refused:      c.refused.Load(),
		Malformed:    c.malformed.Load(),
		Insecure:     c.insecure.Load(),
		TimedOut:     c.timedOut.Load(),
		Evicted:      c.evicted.Load(),
		Disconnected: c.disconnected.Load(),
	}
}
