package server

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Validate returns an error about the first field that is out of bounds. It starts nothing,
// and reads no clock: equal configurations have equal errors, as long as the file of tokens
// and the directory are the same.
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
	if err := c.validateAddresses(); err != nil {
		return err
	}
	if _, err := newAccessControl(&c, slog.New(slog.DiscardHandler)); err != nil {
		return err
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
	if _, err := (&Server{cfg: c}).newService(); err != nil || hasLog(c.Data) {
		return err
	}
	return c.validateIdentity()
}

// validateAddresses returns an error about the first address that no socket can have.
func (c *Config) validateAddresses() error {
	check := func(noun, address string) error {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %.64q: want HOST:PORT, with a port of at most 65535", ErrConfig, noun, address)
		}
		return nil
	}
	for _, of := range []map[node.ID]string{c.Peers, c.Guides} {
		for _, id := range slices.Sorted(maps.Keys(of)) {
			if err := check(fmt.Sprintf("address of node %d", id), of[id]); err != nil {
				return err
			}
		}
	}
	for _, x := range []struct{ noun, address string }{
		{"address to listen on for peers", c.Listen}, {"address to listen on for clients", c.HTTP}, {"address for clients", c.Advertise},
	} {
		if x.address == "" {
			continue
		}
		if err := check(x.noun, x.address); err != nil {
			return err
		}
	}
	return nil
}

// validateIdentity returns an error about the name of the cluster or a number of a node that
// no new log may have. Earlier builds have accepted others.
func (c *Config) validateIdentity() error {
	if err := certificate.CheckName("cluster", c.Cluster); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, id := range slices.Sorted(maps.Keys(c.Peers)) {
		if id > configuration.MaxID {
			return fmt.Errorf("%w: node %d: want numbers of nodes of 1 to %d", ErrConfig, id, configuration.MaxID)
		}
	}
	return nil
}
