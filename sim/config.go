package sim

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// ErrConfig is wrapped by every error that New returns.
var ErrConfig = errors.New("invalid world")

// Config describes a world. It is not changed.
type Config struct {
	Seed      uint64                // root of all fates, latencies and losses
	Processes []Spec                // ids are distinct
	Network   netmodel.Profile      // of every link, until SetProfile says otherwise
	New       func(ID, int) Process // makes a process for one life of an id, counted from 1

	// Observe, if not nil, is told every fact in order, with the true time.
	Observe func(at Duration, id ID, f Observation)
	// Wire, if not nil, gives the message that arrives in place of the one
	// sent, and says the same: the way to run messages through a codec. It is
	// asked when a process takes a message, each copy on its own; what a process
	// says to itself is not carried at all.
	RoundTrip func(from, to ID, m Message) Message
	// Damage, if not nil, is told of each message whose bytes arrive damaged, or cut
	// off in the midst if that is so: the way to show that a codec refuses them.
	// What is damaged is chosen at k. The message is lost in any case.
	Corrupt func(from, to ID, m Message, cut bool, k keyed.Key)
	// Proof, if not empty, names the file in which each process notes how far its
	// other files have come: when a sync of it is done, the process can tell for good
	// that what was durable when it was last written to was there, whatever becomes of
	// the other files, and how long they were made. So disks may lose more.
	HighWaterFile string
	// ReportSendFailures has processes told of sends that fail where they are made, by an
	// Event of that kind. Otherwise they are lost without a word.
	ReportSendFailures bool
	// Memory, if not nil, is used by this world and given back by Release.
	Buffers *Buffers
	// Trace, if not nil, is told every event and effect in words.
	Trace func(TraceLine)
}

// Spec is one process of a world. It boots when Start is called.
type Spec struct {
	ID    ID
	Clock Clock
	Disk  DiskProfile
}

func (c *Config) validate() error {
	if c.New == nil {
		return errors.New("New: want a function that makes processes")
	}
	if len(c.Processes) == 0 {
		return errors.New("processes: want at least one")
	}
	if err := c.Network.Validate(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	var seen [netmodel.MaxID + 1]bool
	for i, s := range c.Processes {
		if s.ID == 0 || s.ID > netmodel.MaxID || seen[s.ID] {
			return fmt.Errorf("processes[%d]: id %d is taken or not within 1 to %d", i, s.ID, netmodel.MaxID)
		}
		seen[s.ID] = true
		if err := s.Clock.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: clock: %w", i, err)
		}
		if err := s.Disk.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: disk: %w", i, err)
		}
	}
	return nil
}
