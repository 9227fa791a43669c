package main

import (
	crand "crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// Arrivals of an open loop.
const (
	arrivalsPoisson = "poisson" // at random, independently of each other
	arrivalsEven    = "even"    // at equal distances
)

var arrivalKinds = []string{arrivalsPoisson, arrivalsEven}

// Ways of operations to nodes.
const (
	transportStream = "stream" // package stream
	transportHTTP   = "http"
)

var transports = []string{transportStream, transportHTTP}

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
	transport             string
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

func (b *bench) flags(cmd *cobra.Command) {
	b.clientFlags.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&b.clients, "clients", 16, "closed loop: clients")
	f.Float64Var(&b.rate, "rate", 0, "open loop: operations that arrive in a second (0: closed loop)")
	f.StringVar(&b.arrivals, "arrivals", arrivalsPoisson, "open loop: poisson or even")
	f.IntVar(&b.outstanding, "outstanding", 1024, "open loop: operations that may be under way; more arrivals wait, and their latency counts")
	f.IntVar(&b.connections, "connections", 4, "clients of package node/client that share the operations, each with connections of its own")
	f.StringVar(&b.transport, "transport", transportStream, "stream (one connection to each node for all operations) or http (a request for each)")
	f.IntVar(&b.machines, "machines", 0, "machines (0: half as many as clients or outstanding operations; 1: one hot machine)")
	f.StringVar(&b.spread, "spread", spreadFixed, "machine of each operation: fixed (client I has machine I, modulo the machines), uniform or zipf")
	f.IntVar(&b.reads, "reads", 10, "percent of operations that read, linearizably")
	f.IntVar(&b.local, "local-reads", 0, "percent of operations that read what one node knows; such reads are not judged")
	f.BoolVar(&b.prefill, "prefill", false, "step every machine once before the load")
	f.DurationVar(&b.warmup, "warmup", 0, "load so long before anything is measured")
	f.DurationVar(&b.budget, "for", 10*time.Second, "measure so long")
	f.IntVar(&b.ops, "ops", 0, "stop after so many measured operations in all (0: after --for alone)")
	f.StringVar(&b.probe, "probe", "", "measure a synced append of 4 KB to a new file in this directory first; name one on the file system of the nodes' data")
	f.StringVar(&b.prefix, "prefix", "", "machines are lifecycle/PREFIX-1, ... (default: load and a random word)")
	f.BoolVar(&b.check, "check", true, "judge what the clients see while they go on; no other client may use the machines")
	f.StringVar(&b.observations, "observations", "", "record streams and local reads in this file meanwhile, as docs/GUARANTEES.md describes, and judge them at the end")
	f.StringVar(&b.history, "history", "", "record the history in this file")
	for flag, values := range map[string][]string{"arrivals": arrivalKinds, "spread": spreads, "transport": transports} {
		cli.CompleteFlag(cmd, flag, func() []string { return values })
	}
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
	case !slices.Contains(transports, b.transport):
		return fmt.Errorf("--transport %q: want %s", b.transport, strings.Join(transports, " or "))
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
	b.httpOnly = b.transport == transportHTTP
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
