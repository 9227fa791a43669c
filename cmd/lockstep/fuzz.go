package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/spf13/cobra"
)

// defaultSeeds is the budget of a campaign that is given none.
const defaultSeeds = 2000

func fuzzCommand() *cobra.Command {
	var f fuzz
	cmd := &cobra.Command{
		Use:   "fuzz",
		Short: "Run the plans of many seeds and report what fails",
		Long: `Run the plans of consecutive seeds on all cores. The first failing seed of each
kind of failure is reported with all that was derived from it and with the line
that repeats it, and kept in a directory of its own. When the campaign is over
their plans are made small, see lockstep shrink, and kept there too.`,
		Args: exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.src.flags(cmd)
	flags := cmd.Flags()
	flags.Uint64Var(&f.seeds, "seeds", 0, fmt.Sprintf("how many seeds to run (default %d, or as many as --for allows)", defaultSeeds))
	flags.DurationVar(&f.budget, "for", 0, "stop after this time, as in 30s")
	flags.Uint64Var(&f.start, "start", 0, "the first seed")
	flags.IntVar(&f.workers, "workers", 0, "runs at the same time (0: one per core)")
	flags.IntVar(&f.guard, "guard", 2, "percent of seeds that run twice to catch nondeterminism")
	flags.StringVar(&f.out, "out", "failures", "directory for what is kept of failures")
	flags.BoolVar(&f.json, "json", false, "print one JSON event a line")
	flags.BoolVar(&f.noShrink, "no-shrink", false, "leave the plans that are kept as they were found")
	return cmd
}

type fuzz struct {
	src     source
	seeds   uint64
	budget  time.Duration
	start   uint64
	workers int
	guard   int
	out     string
	json    bool

	noShrink bool
	kept     []found // the first failure of each signature
}

func (f *fuzz) run(cmd *cobra.Command) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // worlds are small and short-lived: memory for speed
	}
	c, err := f.campaign(cmd)
	if err != nil {
		return err
	}
	var rep reporter = newPlain(cmd.OutOrStdout(), cmd.ErrOrStderr())
	if f.json {
		rep = newEvents(cmd.OutOrStdout())
	}
	rep.begin(c)
	var keepErr error
	sum, err := c.Run(cmd.Context(), func(s *campaign.Summary, seed uint64, first *campaign.Group) {
		if first != nil && keepErr == nil {
			keepErr = f.report(cmd.Context(), c, first, rep)
		}
		rep.progress(s, seed)
	})
	if err != nil {
		return &failure{exitHarness, "harness fault: " + err.Error()}
	}
	cpu := cpuTime()
	if keepErr == nil && !f.noShrink {
		keepErr = f.shrink(cmd.Context(), c, rep)
	}
	rep.summary(c, &sum, cpu, f.src.replayLine)
	if keepErr != nil {
		return fmt.Errorf("failures could not be kept: %w", keepErr)
	}
	return f.exit(&sum)
}

func (f *fuzz) campaign(cmd *cobra.Command) (*campaign.Campaign, error) {
	c, err := f.src.campaign()
	if err != nil {
		return nil, err
	}
	c.Start, c.Seeds, c.For, c.Workers, c.Guard = f.start, f.seeds, f.budget, f.workers, f.guard
	if cmd.Flags().Changed("seeds") && c.Seeds == 0 {
		return nil, fmt.Errorf("--seeds 0: want at least 1")
	}
	if cmd.Flags().Changed("for") && c.For <= 0 {
		return nil, fmt.Errorf("--for %v: want more than 0", c.For)
	}
	if c.Seeds == 0 && c.For == 0 {
		c.Seeds = defaultSeeds
	}
	return c, c.Validate()
}

// report keeps the first failure of a signature and tells of it. It runs the
// plan again; that this gives the same verdict is part of the guard.
func (f *fuzz) report(ctx context.Context, c *campaign.Campaign, g *campaign.Group, rep reporter) error {
	p := c.Plan(g.First)
	name := fmt.Sprintf("%s-%d-%s", c.System.Name, g.First, strings.ReplaceAll(g.Signature, "/", "-"))
	dir := filepath.Join(f.out, name)
	r, err := campaign.Save(context.WithoutCancel(ctx), dir, c.System, p, c.Options)
	if err != nil {
		return err
	}
	was := found{
		Seed: g.First, Signature: g.Signature, Sentence: r.Sentence(), Hash: fmt.Sprintf("%016x", r.Hash),
		Replay: f.src.replayLine(g.First), Dir: dir, text: r.Text(p),
	}
	f.kept = append(f.kept, was)
	rep.failure(was)
	return nil
}

// shrink makes the plans that were kept small, until the context ends. It comes
// after the campaign, so that the campaign's times are its own.
func (f *fuzz) shrink(ctx context.Context, c *campaign.Campaign, rep reporter) error {
	for _, was := range f.kept {
		p := c.Plan(was.Seed)
		small, err := campaign.Shrink(ctx, c.System, p, fuzzShrinkBudget, f.workers)
		if ctx.Err() != nil {
			return nil
		}
		now := madeSmall{Seed: was.Seed, Signature: was.Signature, Before: sizeOf(p), Runs: small.Runs, Minimal: small.Minimal}
		if err != nil {
			now.Error, now.text = err.Error(), fmt.Sprintf("not shrunk: %v", err)
			rep.shrunk(now)
			continue
		}
		file := filepath.Join(was.Dir, "shrunk.json")
		if err := os.WriteFile(file, scenarios.Encode(small.Plan), 0o666); err != nil {
			return err
		}
		now.After, now.Replay = sizeOf(small.Plan), self()+" replay "+file
		now.text = sizes(p, small.Plan) + "; " + now.Replay
		rep.shrunk(now)
	}
	return nil
}

func (f *fuzz) exit(s *campaign.Summary) error {
	switch {
	case len(s.Differed) > 0:
		return &failure{exitHarness, fmt.Sprintf("harness fault: %d of %d seeds that ran twice differed, the first is %d; this is a bug of the system under test or of the harness",
			len(s.Differed), s.Guarded, s.Differed[0])}
	case s.Failed > 0:
		return &failure{code: exitViolated}
	case s.Undecided > 0:
		return &failure{code: exitUndecided}
	}
	return nil
}
