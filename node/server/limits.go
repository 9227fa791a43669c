package server

import (
	"fmt"
	"time"
)

// Limits bound what clients can have of a node. What is beyond them is turned
// away: it is told to come again, and costs the others nothing.
type Limits struct {
	Connections int // of clients; beyond it the one that has been idle for longest is closed
	Watchers    int
	Waiting     int // operations that the node has not answered, of all machines together

	// Patience is how long a client may take to send the head of a request, its
	// body, and to read some kilobytes of an answer.
	Patience time.Duration
}

// Defaults of Limits.
const (
	DefaultConnections = 4096
	DefaultWatchers    = 1024
	DefaultWaiting     = 8192
	DefaultPatience    = 10 * time.Second
)

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field     *int
		otherwise int
	}{{&l.Connections, DefaultConnections}, {&l.Watchers, DefaultWatchers}, {&l.Waiting, DefaultWaiting}} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
	}
	if l.Patience == 0 {
		l.Patience = DefaultPatience
	}
	return l
}

func (l Limits) validate() error {
	switch {
	case l.Connections < 1:
		return fmt.Errorf("%w: connections: %d: want 1 or more", ErrConfig, l.Connections)
	case l.Watchers < 1:
		return fmt.Errorf("%w: watchers: %d: want 1 or more", ErrConfig, l.Watchers)
	case l.Waiting < 1 || l.Waiting > clientIDs:
		return fmt.Errorf("%w: waiting operations: %d: want 1 to %d", ErrConfig, l.Waiting, clientIDs)
	case l.Patience < 0:
		return fmt.Errorf("%w: patience: %v: want more than 0", ErrConfig, l.Patience)
	}
	return nil
}
