package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrConfig is wrapped by all errors about a Config.
var ErrConfig = errors.New("invalid node configuration")

// MaxMembers is the maximum number of members of a cluster.
const MaxMembers = 7

// Bounds of durations and counts. They keep sums and doublings of durations far
// below the largest Duration.
const (
	maxWait       = 24 * time.Hour
	maxMaxResends = 1_000_000
)

// Config configures a node for one life. All members must agree on Cluster,
// Members and Definitions; definitions that users create need not be configured.
// DedupWindow may differ: safety depends on the window of each value.
type Config struct {
	ID          ID
	Members     []ID // all members, including this one
	Cluster     [16]byte
	Membership  Membership // of the epoch; the zero value is the first one
	Definitions []fsm.Definition

	ConsensusTimeout time.Duration // after it a waiting operation gets a reply
	MaxResends       int           // resends of a phase before its round counts as failed
	ResendTimeout    time.Duration // wait before an unanswered phase is sent again
	DedupWindow      int           // entries in a value's dedup window
	Batch            int           // operations in one round, at most DedupWindow
	Queue            int           // operations that may wait for one machine
	Open             int           // machines whose values are not folded, if no more are at work; 0: DefaultOpen, as in production
	RepairDelay      time.Duration // from a change to a comparison of digests with peers; 0: no repair
	RepairRate       int           // bytes per second that repair pulls, approximately
	RepairList       int           // entries of a list in a message of repair; 0: MaxRepairList, as in production
	Segment          int           // bytes of a segment of the log
	LogForm          wal.Form      // of the entries: whole, or incremental, with extensions of values
	Backlog          int           // bytes of the log that may await a sync; with more, new work is dropped or rejected
	Quotas           Quotas        // bounds of the machines and definitions that are created
	Jitter           uint64        // seed of random choices, a different one for each node

	// Where counting begins, so that simulations come to numbers that take years
	// otherwise. 0 is 1, as in production.
	FirstBoot  uint64 // of a log that is created
	FirstRound uint64 // of each machine

	// FirstSerial is the serial of machines without entries, as in a cluster that was
	// restored. All members must agree on it. 0 in production: logs that were restored
	// have their own, which counts.
	FirstSerial uint64

	// RoundLeap is by how many rounds messages may be ahead of what a node knows of a
	// machine at any time; 0: DefaultRoundLeap, as in production.
	RoundLeap uint64

	Observer Observer // receives observations; nil in production
	Marks    *Marks   // counts coverage marks; nil in production
}

// maxSegment bounds the memory that recovery needs.
const maxSegment = 1 << 30

// Bounds of where counting begins: they leave room for the rounds and boots of a
// simulation.
const (
	MaxFirstBoot  = ^uint64(0) - 999
	MaxFirstRound = maxRound - 1<<32
	maxRoundLeap  = 1 << 32 // a great leap then fits in a round number
)

// Defaults returns the settings for a network with round trips of a few
// milliseconds. ID, Members, Cluster and Jitter are left to set.
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
		Backlog:          64 << 20,
		Quotas:           DefaultQuotas(),
	}
}

// Validate returns an error about the first field that is out of bounds.
func (c *Config) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	if err := c.Membership.validate(c.Members); err != nil {
		return fail("%w", err)
	}
	switch {
	case !slices.Contains(c.Members, c.ID):
		return fail("members: this node, %d, is not among %d", c.ID, c.Members)
	case c.ConsensusTimeout <= 0 || c.ConsensusTimeout > maxWait:
		return fail("consensus timeout: %v: want more than 0 and at most %v", c.ConsensusTimeout, maxWait)
	case c.ResendTimeout <= 0 || c.ResendTimeout > maxWait:
		return fail("resend timeout: %v: want more than 0 and at most %v", c.ResendTimeout, maxWait)
	case c.MaxResends < 0 || c.MaxResends > maxMaxResends:
		return fail("resends: %d: want 0 to %d", c.MaxResends, maxMaxResends)
	case c.DedupWindow < 1 || c.DedupWindow > MaxDedupWindow:
		return fail("dedup window: %d: want 1 to %d", c.DedupWindow, MaxDedupWindow)
	case c.Batch < 1 || c.Batch > c.DedupWindow:
		return fail("batch: %d: want 1 to %d, the dedup window", c.Batch, c.DedupWindow)
	case c.Queue < 1:
		return fail("queue: %d: want 1 or more", c.Queue)
	case c.Open < 0:
		return fail("open machines: %d: want 1 or more, or 0 for %d", c.Open, DefaultOpen)
	case c.RepairDelay < 0 || c.RepairDelay > maxWait:
		return fail("repair delay: %v: want 0 to %v; 0 is no repair", c.RepairDelay, maxWait)
	case c.RepairDelay > 0 && c.RepairRate < 1:
		return fail("repair rate: %d: want 1 or more bytes a second", c.RepairRate)
	case c.RepairList != 0 && (c.RepairList < MinRepairList || c.RepairList > MaxRepairList):
		return fail("repair list: %d: want %d to %d, or 0 for %[3]d", c.RepairList, MinRepairList, MaxRepairList)
	case c.Segment < wal.MinSegment || c.Segment > maxSegment:
		return fail("segment: %d bytes: want %d to %d", c.Segment, wal.MinSegment, maxSegment)
	}
	switch {
	case !c.LogForm.Known():
		return fail("form of the log: %d: want one of %v", c.LogForm, []wal.Form{wal.FormAuto, wal.FormWhole, wal.FormIncremental})
	case c.Backlog < 1:
		return fail("backlog: %d bytes: want 1 or more", c.Backlog)
	case c.FirstBoot > MaxFirstBoot:
		return fail("first boot: %d: want at most %d", c.FirstBoot, MaxFirstBoot)
	case c.FirstRound > MaxFirstRound:
		return fail("first round: %d: want at most %d", c.FirstRound, uint64(MaxFirstRound))
	case c.FirstSerial > MaxFirstSerial:
		return fail("first serial: %d: want at most %d", c.FirstSerial, uint64(MaxFirstSerial))
	case c.RoundLeap > maxRoundLeap:
		return fail("round leap: %d: want at most %d", c.RoundLeap, uint64(maxRoundLeap))
	}
	if err := c.Quotas.Validate(); err != nil {
		return err
	}
	for i := range c.Definitions {
		if err := c.Definitions[i].Validate(); err != nil {
			return fail("definitions[%d]: %w", i, err)
		}
		if name := c.Definitions[i].Name; fsm.IsBuiltIn(name) {
			return fail("definitions[%d]: %q is built in", i, name)
		}
		for _, other := range c.Definitions[:i] {
			if other.Name == c.Definitions[i].Name {
				return fail("definitions[%d]: %q is defined twice", i, other.Name)
			}
		}
	}
	return nil
}
