package server

import (
	"fmt"
	"time"
)

// Limits bound the resources that clients can take of a node. Requests beyond them are turned
// away: it is told to come again, and costs the others nothing.
type Limits struct {
	Connections int // of clients; beyond it the one that has been idle for longest is closed
	Watchers    int
	Pending     int // operations that the node has not answered, of all machines together

	// IOTimeout is how long a client may take to send the head of a request, its
	// body, and to read some kilobytes of an answer.
	IOTimeout time.Duration
}

// Defaults of Limits.
const (
	DefaultConnections = 4096
	DefaultWatchers    = 1024
	DefaultPending     = 8192
	DefaultIOTimeout   = 10 * time.Second
)

// withDefaults replaces zeros by the defaults.
func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field     *int
		otherwise int
	}{{&l.Connections, DefaultConnections}, {&l.Watchers, DefaultWatchers}, {&l.Pending, DefaultPending}} {
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
	case l.Pending < 1 || l.Pending > clientIDs:
		return fmt.Errorf("%w: waiting operations: %d: want 1 to %d", ErrConfig, l.Pending, clientIDs)
	case l.IOTimeout < 0:
		return fmt.Errorf("%w: patience: %v: want more than 0", ErrConfig, l.IOTimeout)
	}
	return nil
}
