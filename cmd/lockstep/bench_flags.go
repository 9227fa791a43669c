package main

import (
	crand "crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Arrivals of an open loop.
const (
	arrivalsPoisson = "poisson" // at random, independently of each other
	arrivalsEven    = "even"    // at equal distances
)

var arrivalKinds = []string{arrivalsPoisson, arrivalsEven}

// Bounds of flags.
const (
	maxClients     = 10_000
	maxRate        = 10_000_000
	maxConnections = 1_000
	maxMachines    = 1_000_000
)

// bench holds the flags of a load.
type bench struct {
	clientFlags
	clients               int // operations that may be under way, in an open loop too
	rate                  float64
	arrivals              string
	outstanding           int
	connections           int
	machines              int
	spread                string
	reads, local          int
	prefill               bool
	warmup, budget        time.Duration
	ops                   int
	probe                 string
	prefix                string
	prefixGiven           bool // --prefix was given
	check                 bool
	history, observations string // files

	set func(flag string) bool // whether a flag was given
}

// open reports whether operations arrive at a rate.
func (b *bench) open() bool { return b.rate > 0 }

func (b *bench) validate() error {
	if err := b.validateLoop(); err != nil {
		return err
	}
	switch {
	case b.connections < 1 || b.connections > maxConnections:
		return fmt.Errorf("--connections %d: want 1 to %d", b.connections, maxConnections)
	case b.machines < 0 || b.machines > maxMachines:
		return fmt.Errorf("--machines %d: want 0 to %d", b.machines, maxMachines)
	case !slices.Contains(spreads, b.spread):
		return fmt.Errorf("--spread %q: want %s", b.spread, strings.Join(spreads, ", "))
	case b.warmup < 0:
		return fmt.Errorf("--warmup %v: want 0 or more", b.warmup)
	case b.budget <= 0:
		return fmt.Errorf("--for %v: want more than 0", b.budget)
	case b.ops < 0:
		return fmt.Errorf("--ops %d: want 0 or more", b.ops)
	case b.reads < 0 || b.reads > 100:
		return fmt.Errorf("--reads %d: want 0 to 100", b.reads)
	case b.local < 0 || b.local > 100:
		return fmt.Errorf("--local-reads %d: want 0 to 100", b.local)
	case b.reads+b.local > 100:
		return fmt.Errorf("--reads %d and --local-reads %d: want no more than 100 together", b.reads, b.local)
	}
	if b.machines == 0 {
		b.machines = (b.clients + 1) / 2
	}
	if b.prefixGiven = b.prefix != ""; !b.prefixGiven {
		b.prefix = "load-" + strings.ToLower(crand.Text()[:8])
	}
	return fsm.CheckName("machine", fmt.Sprintf("%s-%d", b.prefix, b.machines))
}

// validateLoop checks the flags of the open and of the closed loop.
func (b *bench) validateLoop() error {
	if b.rate == 0 {
		for _, flag := range []string{"arrivals", "outstanding"} {
			if b.set(flag) {
				return fmt.Errorf("--%s is of the open loop: want --rate, too", flag)
			}
		}
		if b.clients < 1 || b.clients > maxClients {
			return fmt.Errorf("--clients %d: want 1 to %d", b.clients, maxClients)
		}
		return nil
	}
	switch {
	case !(b.rate > 0 && b.rate <= maxRate):
		return fmt.Errorf("--rate %v: want more than 0 and at most %d operations a second", b.rate, maxRate)
	case b.set("clients"):
		return fmt.Errorf("--clients is of the closed loop, --rate of the open one: bound its operations by --outstanding")
	case !slices.Contains(arrivalKinds, b.arrivals):
		return fmt.Errorf("--arrivals %q: want %s", b.arrivals, strings.Join(arrivalKinds, " or "))
	case b.outstanding < 1 || b.outstanding > maxClients:
		return fmt.Errorf("--outstanding %d: want 1 to %d", b.outstanding, maxClients)
	}
	b.clients = b.outstanding
	return nil
}
