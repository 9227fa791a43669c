package server

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
	"github.com/lockstep-dst/lockstep/node/service"
)

// Limits bounds the resources of a node that clients can use. A request beyond them
// is rejected with the advice to retry, and does not slow down the others. Zero
// fields stand for the defaults.
type Limits struct {
	Connections int // of clients; beyond it the connection idle for longest is closed
	Watchers    int
	Pending     int // operations without a response, of all machines together

	// Shares of one client: of a name, or of an address if it has none.
	ClientRate     int // requests a second; as many may come at once
	ClientRequests int // without a response
	ClientWatches  int
	ClientBytes    int // of its requests without a response, and of their responses

	// IOTimeout is the time that a client has to send the head of a request, to send
	// its body, and to read some kilobytes of a response.
	IOTimeout time.Duration
}

// Defaults of Limits.
const (
	DefaultConnections = 4096
	DefaultWatchers    = service.DefaultWatchers
	DefaultPending     = service.DefaultPending
	DefaultIOTimeout   = 10 * time.Second

	DefaultClientRate     = 100_000
	DefaultClientRequests = 2048
	DefaultClientWatches  = 512
	DefaultClientBytes    = 16 << 20
)

// withDefaults replaces zeros by the defaults.
func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field     *int
		otherwise int
	}{{&l.Connections, DefaultConnections}, {&l.Watchers, DefaultWatchers}, {&l.Pending, DefaultPending},
		{&l.ClientRate, DefaultClientRate}, {&l.ClientRequests, DefaultClientRequests}, {&l.ClientWatches, DefaultClientWatches}, {&l.ClientBytes, DefaultClientBytes},
	} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
	}
	if l.IOTimeout == 0 {
		l.IOTimeout = DefaultIOTimeout
	}
	return l
}

func (l Limits) validate() error {
	switch {
	case l.Connections < 1:
		return fmt.Errorf("%w: connections: %d: want 1 or more", ErrConfig, l.Connections)
	case l.Watchers < 1:
		return fmt.Errorf("%w: watchers: %d: want 1 or more", ErrConfig, l.Watchers)
	case l.Pending < 1 || l.Pending > service.MaxPending:
		return fmt.Errorf("%w: waiting operations: %d: want 1 to %d", ErrConfig, l.Pending, service.MaxPending)
	case l.IOTimeout < 0:
		return fmt.Errorf("%w: I/O timeout: %v: want more than 0", ErrConfig, l.IOTimeout)
	}
	if err := l.ofClient().Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if l.ClientBytes < maxBody+pageResponse {
		return fmt.Errorf("%w: bytes of a client: %d: want %d or more, as one request may need", ErrConfig, l.ClientBytes, maxBody+pageResponse)
	}
	return nil
}

// ofClient returns the shares of one client.
func (l Limits) ofClient() clientlimit.Limits {
	return clientlimit.Limits{Rate: l.ClientRate, Requests: l.ClientRequests, Watches: l.ClientWatches, Bytes: l.ClientBytes}
}
