package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid node configuration")

// MaxMembers bounds a cluster.
const MaxMembers = 7

// Bounds of what waits: sums and doublings of them stay far from the largest
// Duration.
const (
	maxWait       = 24 * time.Hour
	maxMaxResends = 1_000_000
)

// Config is what a node is told once. All members must agree on Cluster,
// Members, Definitions and Ring.
type Config struct {
	ID          ID
	Members     []ID // all of them, this one too
	Cluster     [16]byte
	Definitions []fsm.Definition

	ConsensusTimeout time.Duration // an operation that has waited so long is answered
	MaxResends       int           // times a message is sent again before a round counts as failed
	ResendTimeout    time.Duration // between two attempts
	DedupWindow      int           // recent entries that a value keeps for exactly-once
	Batch            int           // operations combined into one round, at most Ring
	Queue            int           // operations that may wait for one machine
	RepairDelay      time.Duration // digests are compared with peers so long after a change; 0: never
	RepairRate       int           // bytes a second, about, that repair pulls
	Segment          int           // bytes of a file of the log
	Jitter           uint64        // seed of what a node chooses at random, one of its own for each node

	Observer Observer // told what the node does; nil in production
	Marks    *Marks   // counts what the node comes by; nil in production
}

// maxSegment bounds what recovery holds in memory.
const maxSegment = 1 << 30

// Defaults are the settings for a network with round trips of a few
// milliseconds, without what makes a node this node.
func Defaults() Config {
	return Config{
		Definitions:      []fsm.Definition{fsm.Lifecycle()},
		ConsensusTimeout: 2 * time.Second,
		MaxResends:       3,
		ResendTimeout:    100 * time.Millisecond,
		DedupWindow:      16,
		Batch:            8,
		Queue:            1024,
		RepairDelay:      time.Second,
		RepairRate:       20 << 20,
		Segment:          16 << 20,
	}
}

// Validate names the first field that is out of bounds.
func (c *Config) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	switch {
	case len(c.Members) < 1 || len(c.Members) > MaxMembers:
		return fail("members: %d: want 1 to %d", len(c.Members), MaxMembers)
	case !slices.Contains(c.Members, c.ID):
		return fail("members: this node, %d, is not among %d", c.ID, c.Members)
	case c.ConsensusTimeout <= 0 || c.ConsensusTimeout > maxWait:
		return fail("consensus timeout: %v: want more than 0 and at most %v", c.ConsensusTimeout, maxWait)
	case c.ResendTimeout <= 0 || c.ResendTimeout > maxWait:
		return fail("retry delay: %v: want more than 0 and at most %v", c.ResendTimeout, maxWait)
	case c.MaxResends < 0 || c.MaxResends > maxMaxResends:
		return fail("retry attempts: %d: want 0 to %d", c.MaxResends, maxMaxResends)
	case c.DedupWindow < 1 || c.DedupWindow > MaxDedupWindow:
		return fail("ring: %d: want 1 to %d", c.DedupWindow, MaxDedupWindow)
	case c.Batch < 1 || c.Batch > c.DedupWindow:
		return fail("batch: %d: want 1 to the ring's %d", c.Batch, c.DedupWindow)
	case c.Queue < 1:
		return fail("queue: %d: want 1 or more", c.Queue)
	case c.RepairDelay < 0 || c.RepairDelay > maxWait:
		return fail("repair delay: %v: want 0 to %v; 0 is no repair", c.RepairDelay, maxWait)
	case c.RepairDelay > 0 && c.RepairRate < 1:
		return fail("repair rate: %d: want 1 or more bytes a second", c.RepairRate)
	case c.Segment < wal.MinSegment || c.Segment > maxSegment:
		return fail("segment: %d bytes: want %d to %d", c.Segment, wal.MinSegment, maxSegment)
	}
	for i, m := range c.Members {
		if m == 0 || slices.Contains(c.Members[:i], m) {
			return fail("members: %d: want different ids, from 1", c.Members)
		}
	}
	for i := range c.Definitions {
		if err := c.Definitions[i].Validate(); err != nil {
			return fail("definitions[%d]: %w", i, err)
		}
		if c.Definitions[i].Name == fsm.MetaName {
			return fail("definitions[%d]: %q is built in", i, fsm.MetaName)
		}
		for _, other := range c.Definitions[:i] {
			if other.Name == c.Definitions[i].Name {
				return fail("definitions[%d]: %q is defined twice", i, other.Name)
			}
		}
	}
	return nil
}
