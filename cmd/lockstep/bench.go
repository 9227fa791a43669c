package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func benchCommand() *cobra.Command {
	var b bench
	cmd := &cobra.Command{
		Use:     "bench",
		Aliases: []string{"load"},
		Short:   "Load a running cluster, measure it, and judge what its clients see",
		Long: `Load a running cluster, and print rates and latencies by kind of operation.

In the closed loop, the default, --clients do one operation after the other. In the
open loop operations arrive at a --rate, whatever the cluster does, and latency counts
from the arrival, also when the operation begins late because --outstanding others
have not ended. docs/BENCH.md describes the workloads, the figures and their JSON.

What the clients see is judged while they go on, in bounded memory; at the first violation
of linearizability they stop, and it is reported. With --history all that they see
is recorded for lockstep check. "lockstep load" is the earlier name.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b.set = cmd.Flags().Changed
			return b.run(cmd)
		},
	}
	b.flags(cmd)
	cmd.AddCommand(echoCommand())
	return cmd
}

// run runs the load and reports it.
func (b *bench) run(cmd *cobra.Command) error {
	if err := b.validate(); err != nil {
		return err
	}
	bounds, err := probeHost(b.probe)
	if err != nil {
		return err
	}
	if b.history != "" || b.observations != "" || b.check && b.prefixGiven {
		if err := b.checkUnused(cmd.Context()); err != nil {
			return err
		}
	}
	var out *os.File
	if b.history != "" {
		f, err := os.Create(b.history) // before the load, so that no history is lost for want of a file
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	connections, err := b.connect()
	if err != nil {
		return err
	}
	l := newLoad(b, connections)
	defer l.close()
	verdict, err := l.run(cmd)
	if err != nil {
		return err
	}
	var guarantees []guarantee.Result
	if l.observers != nil {
		if err := l.observers.stop(b.observations); err != nil {
			return fmt.Errorf("--observations: %w", err)
		}
		if guarantees, err = guarantee.Judge(l.recorder.history(), l.observers.observations, guarantee.Options{}); err != nil {
			return err
		}
	}
	if out != nil {
		if err := history.Write(out, l.recorder.history()); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return b.report(cmd, l.figures(bounds), verdict, guarantees)
}

// checkUnused returns an error if a machine has been used before: its history would
// begin in the middle, and could not be judged.
func (b *bench) checkUnused(ctx context.Context) error {
	c, err := b.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	return inParallel(b.machines, func(_, i int) error {
		key := machineKey(b.prefix, i)
		r, err := c.Get(ctx, key)
		switch {
		case err != nil:
			return err
		case r.Outcome != node.Committed:
			return &cli.Error{Code: cli.Unreachable, Text: fmt.Sprintf("no answer from --endpoints: %s", r.Text)}
		case r.Version > 0:
			return fmt.Errorf("--prefix %s: %s is at version %d: a history begins with unused machines; choose another prefix, or --check=false and no --history",
				b.prefix, key, r.Version)
		}
		return nil
	})
}
