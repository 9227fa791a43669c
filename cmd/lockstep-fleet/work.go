package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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
	accept            bool
	cache             string
	workers           int
	limit             time.Duration
}

func workCommand() *cobra.Command {
	var w work
	cmd := &cobra.Command{
		Use:   "work",
		Short: "Run seeds for a fleet",
		Long: `Run seeds for a fleet, until Ctrl-C. The seeds are run by a program, in processes of its own,
each of which runs some ranges; it is a command made by harness.Main, or lockstep. Campaigns
that were submitted with another build of it are left to other workers.

With --accept-programs it also runs the programs that were sent with submit --send-program,
checked by their SHA-256, and needs none of its own. Whoever may submit can then run any
program on this machine, as this user.

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
	f.BoolVar(&w.accept, "accept-programs", false, "run the programs of the queue: whoever may submit campaigns then runs programs here")
	f.StringVar(&w.cache, "programs", "", "directory in which the programs of the queue are kept (default: in the user's cache)")
	f.DurationVar(&w.limit, "limit", time.Hour, "the most time for a range; a program that takes longer hangs, and is ended")
	f.IntVar(&w.workers, "workers", 0, "runs at the same time (0: one per core)")
	return cmd
}

func (w *work) run(cmd *cobra.Command) error {
	if w.workers < 0 || w.workers > 1024 {
		return fmt.Errorf("--workers %d: want 1 to 1024, or 0 for one per core", w.workers)
	}
	if w.limit <= 0 {
		return fmt.Errorf("--limit %v: want more than 0", w.limit)
	}
	if w.name == "" {
		w.name = defaultName()
	}
	if !fleet.ValidName(w.name) {
		return fmt.Errorf("--name %q: want up to 128 letters, digits, hyphens and dots", w.name)
	}
	if err := fleet.CheckDir(w.dir); err != nil {
		return fmt.Errorf("--dir %s: %w", w.dir, err)
	}
	worker, err := w.worker(cmd)
	if err != nil {
		return err
	}
	q, end, err := w.openPatiently(cmd.Context(), worker.Log)
	if err != nil {
		return err
	}
	defer end()
	worker.Queue = q
	if err := worker.Run(cmd.Context()); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// worker returns the worker without its queue, and tells of it.
func (w *work) worker(cmd *cobra.Command) (*fleet.Worker, error) {
	worker := &fleet.Worker{Name: w.name, Dir: w.dir, Log: newLog(cmd.ErrOrStderr())}
	var runs []string
	if w.binary != "" {
		program, err := fleet.OpenProgram(w.binary, w.workers)
		if err != nil {
			return nil, fmt.Errorf("--binary: %w", err)
		}
		program.Limit, worker.Program = w.limit, program
		runs = append(runs, fmt.Sprintf("%s, build %s", program.Path, program.Build))
	}
	if w.accept {
		dir, err := w.programs()
		if err != nil {
			return nil, err
		}
		worker.Accepted = &fleet.Accepted{Dir: dir, Example: fleet.Program{Workers: w.workers, Limit: w.limit}}
		runs = append(runs, "programs of the queue")
	}
	if len(runs) == 0 {
		return nil, errors.New("--binary: want the program that runs the seeds: a command made by harness.Main, or lockstep; or --accept-programs")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "worker %s runs %s, until Ctrl-C\n", w.name, strings.Join(runs, ", and "))
	return worker, nil
}

// programs returns the directory for programs of the queue.
func (w *work) programs() (string, error) {
	if w.cache != "" {
		return filepath.Abs(w.cache)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("--programs: want a directory: %w", err)
	}
	return filepath.Join(cache, "lockstep-fleet"), nil
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
