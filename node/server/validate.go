package server

import (
	"fmt"
	"net"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Validate returns an error about the first field that is out of bounds. It opens and
// starts nothing, and reads no clock: equal configurations have equal errors.
func (c Config) Validate() error {
	if _, err := wire.ByName(c.Codec); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c.Limits = c.Limits.withDefaults()
	if err := c.Limits.validate(); err != nil {
		return err
	}
	if c.Queue < 0 {
		return fmt.Errorf("%w: messages for a peer: %d: want 1 or more", ErrConfig, c.Queue)
	}
	if c.Heartbeat < 0 {
		return fmt.Errorf("%w: heartbeat: %v: want more than 0", ErrConfig, c.Heartbeat)
	}
	if c.Advertise != "" {
		if _, _, err := net.SplitHostPort(c.Advertise); err != nil {
			return fmt.Errorf("%w: address for clients: %.64q: want HOST:PORT", ErrConfig, c.Advertise)
		}
	}
	if c.JoinName != "" && !c.Join {
		return fmt.Errorf("%w: name to join by: %.64q: only a node that is to be added looks for members", ErrConfig, c.JoinName)
	}
	if len(c.Guides) > node.MaxParticipants {
		return fmt.Errorf("%w: %d nodes to ask for the members: want at most %d", ErrConfig, len(c.Guides), node.MaxParticipants)
	}
	for id := range c.Guides {
		if id > configuration.MaxID {
			return fmt.Errorf("%w: a node to ask for the members has a number above %d", ErrConfig, configuration.MaxID)
		}
	}
	for _, id := range append([]node.ID{c.Node.ID}, c.Node.Members...) {
		if id > configuration.MaxID {
			return fmt.Errorf("%w: node %d: want ids from 1 to %d", ErrConfig, id, configuration.MaxID)
		}
	}
	_, err := (&Server{cfg: c}).newService()
	return err
}
