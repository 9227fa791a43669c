package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

type work struct {
	connection
	binary, name, dir string
	workers           int
	limit             time.Duration
}

func workCommand() *cobra.Command {
	var w work
	cmd := &cobra.Command{
		Use:   "work",
		Short: "Run seeds for a fleet",
		Long: `Run seeds for a fleet, until Ctrl-C. The seeds are run by a program, each range in a process
of its own; it is a command made by harness.Main, or lockstep. Campaigns that were submitted
with another build of it are left to other workers.

A worker may be killed at any time. Another one takes over what it was at, half a minute
later. The seeds of one that ends with Ctrl-C are taken over at once.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd) },
	}
	w.register(cmd, defaultNATS)
	f := cmd.Flags()
	f.StringVar(&w.binary, "binary", "", "the program that runs the seeds")
	f.StringVar(&w.name, "name", "", "name of this worker, which no other has (default: the host's, and the number of the process)")
	f.StringVar(&w.dir, "dir", "", "directory for temporary files (default: the system's)")
	f.DurationVar(&w.limit, "limit", time.Hour, "the most time for a range; a program that takes longer hangs, and is ended")
	f.IntVar(&w.workers, "workers", 0, "runs at the same time (0: one per core)")
	return cmd
}

func (w *work) run(cmd *cobra.Command) error {
	if w.binary == "" {
		return errors.New("--binary: want the program that runs the seeds: a command made by harness.Main, or lockstep")
	}
	if w.workers < 0 || w.workers > 1024 {
		return fmt.Errorf("--workers %d: want 1 to 1024, or 0 for one per core", w.workers)
	}
	program, err := fleet.OpenProgram(w.binary, w.workers)
	if err != nil {
		return fmt.Errorf("--binary: %w", err)
	}
	if program.Limit = w.limit; w.limit <= 0 {
		return fmt.Errorf("--limit %v: want more than 0", w.limit)
	}
	if w.name == "" {
		w.name = defaultName()
	}
	if !fleet.ValidName(w.name) {
		return fmt.Errorf("--name %q: want up to 128 letters, digits, hyphens and dots", w.name)
	}
	log := newLog(cmd.ErrOrStderr())
	q, end, err := w.openPatiently(cmd.Context(), log)
	if err != nil {
		return err
	}
	defer end()
	fmt.Fprintf(cmd.ErrOrStderr(), "worker %s runs %s, build %s, until Ctrl-C\n", w.name, program.Path, program.Build)
	worker := &fleet.Worker{Name: w.name, Queue: q, Program: program, Dir: w.dir, Log: log}
	if err := worker.Run(cmd.Context()); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// openPatiently waits for a server that is not there yet: the machines of a fleet begin in
// any order.
func (w *work) openPatiently(ctx context.Context, log *slog.Logger) (q *natsqueue.Queue, end func(), err error) {
	for told := false; ; told = true {
		q, end, err = w.open(ctx, "work")
		if !errors.Is(err, natsqueue.ErrNotReady) || ctx.Err() != nil {
			return q, end, err
		}
		if !told {
			log.Warn("waiting for the queue", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// defaultName is the host's name and the number of the process.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	clean := strings.Map(func(r rune) rune {
		if fleet.ValidName(string(r)) {
			return r
		}
		return '-'
	}, host)
	return fmt.Sprintf("%s-%d", clean, os.Getpid())
}

func newLog(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
