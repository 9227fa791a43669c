package bubble

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// Config describes one run.
type Config struct {
	// World is the world: its seed, processes, network and disks. World.New makes the
	// processes for which Main returns nil, and may be nil if there are none. A host
	// reads the clock of the bubble, so its clock is exact.
	World sim.Config
	// Main returns the code of a host, nil for a process without one.
	Main func(id sim.ID) Main
	// Script, if not nil, starts the processes and schedules the faults, before the
	// first event. By default all processes start at time zero.
	Script func(w *sim.World)
	// Until is the end of the run. It ends earlier when the code of all clients, the
	// hosts with an id above 100, has returned.
	Until sim.Duration
	// Check, if not nil, judges the run when it is over.
	Check func() error
	// Stream are the settings of the streams.
	Stream Stream
	// Grace is the virtual time in which the goroutines of a host have to end after
	// its crash, and after the run; 0: a minute.
	Grace sim.Duration
	// Locks is to be set for code in which a goroutine may wait for a sync.Mutex or
	// RWMutex while its holder waits for the disk or the network. Runs take longer, and
	// the clock of the hosts stands still for as long as any goroutine waits so.
	Locks bool
	// Patience is the real time in which the goroutines have to block after an event;
	// 0: a minute. If they do not, the program panics, with their stacks.
	Patience time.Duration
}

// grace returns Grace, or its default.
func (c *Config) grace() sim.Duration { return cmp.Or(c.Grace, netmodel.Minute) }

// Validate names the first field that is missing or out of bounds. New validates the
// World further.
func (c *Config) Validate() error {
	switch {
	case c.Main == nil:
		return errors.New("main: want a function that returns the code of each host")
	case c.Until <= 0 || c.Until > sim.MaxTime:
		return fmt.Errorf("until: %v: want the end of the run, up to %v", c.Until, sim.MaxTime)
	case c.Grace < 0:
		return fmt.Errorf("grace: %v: want 0s or more", c.Grace)
	case c.Patience < 0:
		return fmt.Errorf("patience: %v: want 0s or more", c.Patience)
	}
	if err := c.Stream.Validate(); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	for i, s := range c.World.Processes {
		switch {
		case c.Main(s.ID) == nil && c.World.New == nil:
			return fmt.Errorf("processes[%d]: process %d has no code: want one of Main or of World.New", i, s.ID)
		case c.Main(s.ID) != nil && s.Clock != sim.Clock{}:
			return fmt.Errorf("processes[%d]: host %d: want no drift and no offset: it reads the clock of the bubble", i, s.ID)
		case c.Main(s.ID) != nil && s.Steps.Batch > 1:
			return fmt.Errorf("processes[%d]: host %d: want steps of one event", i, s.ID)
		}
	}
	return nil
}
