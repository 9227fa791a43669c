package main

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/spf13/pflag"
)

// defaultDrainTimeout is the default of --drain-timeout.
const defaultDrainTimeout = 10 * time.Second

// operationFlags holds the flags of nodes by which operators tune and stop them.
type operationFlags struct {
	config       string      // file of settings
	node         node.Config // some of its fields
	ioTimeout    time.Duration
	heartbeat    time.Duration
	drainTimeout time.Duration
	logForm      string // a wal.Form
	debug        string // address for profiles; empty: none
}

func (s *operationFlags) flags(f *pflag.FlagSet) {
	d := node.Defaults()
	f.SetNormalizeFunc(earlierNames)
	f.StringVar(&s.config, settings.ConfigFlag, "", "YAML file of settings: its keys are flags; flags and variables of the environment count more (docs/OPERATIONS.md)")
	f.IntVar(&s.node.DedupWindow, "dedup-window", d.DedupWindow, "entries that a machine keeps, to recognise operations that are sent again")
	f.IntVar(&s.node.Batch, "batch", d.Batch, "operations of a machine in one round, at most --dedup-window")
	f.IntVar(&s.node.Queue, "machine-queue", d.Queue, "operations that may wait for one machine")
	f.DurationVar(&s.node.RepairDelay, "repair-delay", d.RepairDelay, "from a change to a comparison with another node; 0: no repair")
	f.IntVar(&s.node.RepairRate, "repair-rate", d.RepairRate, "bytes a second that repair takes from other nodes, about")
	f.IntVar(&s.node.Segment, "segment", d.Segment, "bytes of a file of the log")
	f.StringVar(&s.logForm, "log-form", d.LogForm.String(), "whole: a log that is created has whole values, for earlier builds; incremental: any log goes on with what is new of values; auto: as found, or incremental")
	f.IntVar(&s.node.Backlog, "backlog", d.Backlog, "bytes of the log that may await a sync; with more, new work is refused")
	f.DurationVar(&s.ioTimeout, "io-timeout", server.DefaultIOTimeout, "time for a client to send a request, and to take a piece of a response")
	f.DurationVar(&s.heartbeat, "heartbeat", server.DefaultHeartbeat, "longest silence of a watch over HTTP")
	f.DurationVar(&s.drainTimeout, "drain-timeout", defaultDrainTimeout, "after SIGTERM: time for operations that are under way; a second signal ends the process at once")
	f.StringVar(&s.debug, "debug-listen", "", "loopback address that serves profiles of the process, as in 127.0.0.1:6060 (default: none)")
}

// validate returns an error about the first flag that is not valid, of the ones that no
// server.Config has.
func (s *operationFlags) validate() error {
	if _, err := wal.ParseForm(s.logForm); err != nil {
		return fmt.Errorf("--log-form: %w", err)
	}
	switch {
	case s.drainTimeout < 0:
		return fmt.Errorf("--drain-timeout %v: want 0 or more", s.drainTimeout)
	case s.debug != "":
		return checkDebugAddress(s.debug)
	}
	return nil
}

// apply sets the fields of a configuration that the flags are about.
func (s *operationFlags) apply(c *server.Config) {
	n := &c.Node
	n.DedupWindow, n.Batch, n.Queue = s.node.DedupWindow, s.node.Batch, s.node.Queue
	n.RepairDelay, n.RepairRate, n.Segment, n.Backlog = s.node.RepairDelay, s.node.RepairRate, s.node.Segment, s.node.Backlog
	n.LogForm, _ = wal.ParseForm(s.logForm) // validate has its error
	c.Limits.IOTimeout, c.Heartbeat = s.ioTimeout, s.heartbeat
}

// earlierNames gives flags that had another name their present one.
func earlierNames(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "retry-attempts":
		name = "max-resends"
	case "retry-delay":
		name = "resend-timeout"
	}
	return pflag.NormalizedName(name)
}
