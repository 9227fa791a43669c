package sim

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// ErrConfig is wrapped by every error of New.
var ErrConfig = errors.New("invalid world")

// Config describes a world. New does not change it.
type Config struct {
	Seed      uint64                // root of all fates, latencies and losses
	Processes []Spec                // with distinct ids
	Network   netmodel.Profile      // of every link, until SetProfile changes it
	New       func(ID, int) Process // makes the process for one life of an id, counted from 1

	// Observe, if not nil, is called with each observation in order, with the
	// true time.
	Observe func(at Duration, id ID, f Observation)
	// RoundTrip, if not nil, returns the message that arrives in place of the one
	// sent, with the same content: it runs messages through a codec. It is called
	// when a process takes a message, for each copy separately, and not for
	// messages to oneself.
	RoundTrip func(from, to ID, m Message) Message
	// Corrupt, if not nil, is called for each message that arrives damaged, or
	// truncated if cut is true: a check that the codec rejects it. It is called
	// when the message is sent. k is the key for the choice of the damage. The
	// message is lost in any case.
	Corrupt func(from, to ID, m Message, cut bool, k keyed.Key)
	// HighWaterFile, if not empty, names the file in which each process records
	// the high-water marks of its other files. Once a sync of it is done, the
	// process can prove how long the other files were, and that the data which
	// was durable at the last write to this file existed, whatever happens to
	// them later. So disk faults may damage more.
	HighWaterFile string
	// NewsDelay is the time that the end of a connection, or the refusal of one,
	// takes to the process at the other side, if the link is not cut.
	NewsDelay Duration
	// Checks says how closely messages are checked. It changes nothing in a run
	// without Misuse.
	Checks CheckLevel
	// Buffers, if not nil, is used by this world and given back by Release.
	Buffers *Buffers
	// Trace, if not nil, is called with the text form of every event and effect.
	Trace func(TraceLine)
	// OnEvent, if not nil, is called with each event before its process takes it. It
	// costs no words, unlike Trace.
	OnEvent func(id ID, ev *Event)
	// OnStep, if not nil, is called after each step, before its effects happen, with
	// the events that the process has taken. All are valid during the call only.
	OnStep func(id ID, evs []Event, out *Effects)
	// OnSend, if not nil, is called with each message handed to the network, and with
	// the verdict on it.
	OnSend func(from, to ID, m Message, v *netmodel.Verdict)
}

// Spec is one process of a world. It boots when Start is called.
type Spec struct {
	ID    ID
	Clock Clock
	Disk  disk.Profile
	Steps StepProfile
	// SeesConnections has the process receive SendFailed and Disconnected events.
	// Otherwise connections end, and messages are lost, silently. Of two processes
	// that see them, only the one with the higher id is told of their connection.
	SeesConnections bool
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
	if c.Checks > CheckSteps {
		return fmt.Errorf("checks: %d: want CheckSample, CheckMessages or CheckSteps", c.Checks)
	}
	if c.NewsDelay < 0 || c.NewsDelay > netmodel.MaxDelay {
		return fmt.Errorf("NewsDelay: %v: want 0s to %v", c.NewsDelay, netmodel.MaxDelay)
	}
	var seen [netmodel.MaxID + 1]bool
	for i, s := range c.Processes {
		if s.ID == 0 || s.ID > netmodel.MaxID {
			return fmt.Errorf("processes[%d]: id %d: want 1 to %d", i, s.ID, netmodel.MaxID)
		}
		if seen[s.ID] {
			return fmt.Errorf("processes[%d]: id %d is taken: want another for each process", i, s.ID)
		}
		seen[s.ID] = true
		if err := s.Clock.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: clock: %w", i, err)
		}
		if err := s.Disk.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: disk: %w", i, err)
		}
		if err := s.Steps.Validate(); err != nil {
			return fmt.Errorf("processes[%d]: steps: %w", i, err)
		}
	}
	return nil
}
