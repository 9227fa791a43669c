package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid transport configuration")

// Config is the configuration of a Transport. Its functions are called from
// several goroutines. Zero durations, Queue, Dial and Log have defaults.
type Config struct {
	Hello    wire.Hello         // of this node; wire.Hello.OfferCodecs completes it
	Listener net.Listener       // open; the transport closes it
	Peers    map[node.ID]string // addresses of the other members; Transport.SetPeers replaces them
	Queue    int                // messages that may wait for one peer; 0: 1024

	// Waits says that this node waits to be added to the cluster. Until SetPeers gives it
	// members for good it is in the ordinary course that they do not know each other.
	Waits bool

	// Deliver takes messages of a peer: those that arrived together, in the order of
	// its connection, with the names in its Hello. The slice is valid during the call.
	// While Deliver blocks, nothing is read from that peer.
	Deliver func(from Sender, messages []node.Message)
	// Removed is told the peers that refuse this node as one that was removed from the
	// members, at each attempt to connect. Formed returns the random id of the cluster that
	// was formed; zero: none was yet. Peers prove by it that they are of this cluster. nil
	// functions do nothing.
	Removed func(by node.ID)
	Formed  func() [16]byte
	// Dial opens connections; nil: TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)

	TLS *TLS // on the connections of Listener and Dial; nil: none

	Log *slog.Logger

	DialTimeout       time.Duration
	HandshakeTimeout  time.Duration
	WriteTimeout      time.Duration // after it the peer is considered stuck
	KeepaliveInterval time.Duration // between keepalives
	KeepaliveTimeout  time.Duration // without a whole frame, after which a connection is dead
	BackoffMin        time.Duration // first wait between attempts to connect; it doubles
	BackoffMax        time.Duration
	FormerGrace       time.Duration // for which a peer that is a member no more stays connected
}

// Sender is a peer as the Hello of its connection names it.
type Sender struct {
	Node  node.ID
	Life  uint64
	Level node.Level
}

// DefaultFormerGrace is the default of Config.FormerGrace.
const DefaultFormerGrace = 5 * time.Second

// withDefaults replaces zero fields by defaults.
func (c Config) withDefaults() Config {
	if c.Queue == 0 {
		c.Queue = 1024
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Removed == nil {
		c.Removed = func(node.ID) {}
	}
	if c.Formed == nil {
		c.Formed = func() (none [16]byte) { return none }
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	for d, otherwise := range map[*time.Duration]time.Duration{
		&c.DialTimeout:       2 * time.Second,
		&c.HandshakeTimeout:  3 * time.Second,
		&c.WriteTimeout:      4 * time.Second,
		&c.KeepaliveInterval: time.Second,
		&c.KeepaliveTimeout:  4 * time.Second,
		&c.BackoffMin:        50 * time.Millisecond,
		&c.BackoffMax:        2 * time.Second,
		&c.FormerGrace:       DefaultFormerGrace,
	} {
		if *d == 0 {
			*d = otherwise
		}
	}
	return c
}

func (c *Config) validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	switch {
	case c.Listener == nil:
		return fail("listener: missing")
	case c.Deliver == nil:
		return fail("deliver: missing")
	case c.TLS != nil && (c.TLS.Server == nil || c.TLS.Client == nil || c.TLS.Member == nil):
		return fail("TLS: a function is missing")
	case c.Hello.Node == 0:
		return fail("hello: node 0: want 1 or more")
	case c.Queue < 0:
		return fail("queue: %d: want 1 or more", c.Queue)
	case c.DialTimeout < 0 || c.HandshakeTimeout < 0 || c.WriteTimeout < 0:
		return fail("timeouts: %v, %v, %v: want more than 0", c.DialTimeout, c.HandshakeTimeout, c.WriteTimeout)
	case c.KeepaliveInterval < 0 || c.KeepaliveTimeout < 2*c.KeepaliveInterval:
		return fail("keepalive timeout %v: want twice the interval, %v, or more", c.KeepaliveTimeout, c.KeepaliveInterval)
	case c.FormerGrace < 0:
		return fail("grace of former members: %v: want more than 0", c.FormerGrace)
	case c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return fail("backoff: %v to %v: want 0 < min <= max", c.BackoffMin, c.BackoffMax)
	}
	for _, name := range c.Hello.Reads() {
		if _, err := wire.ByName(name); err != nil {
			return fail("hello: %w", err)
		}
	}
	for id := range c.Peers {
		if id == 0 || id == c.Hello.Node {
			return fail("peers: node %d: want other nodes, from 1", id)
		}
	}
	return nil
}
