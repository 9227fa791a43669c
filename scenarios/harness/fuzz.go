package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/spf13/cobra"
)

// defaultSeeds is the number of seeds of a campaign that is given no bound.
const defaultSeeds = 2000

func fuzzCommand(systems systemList) *cobra.Command {
	var f fuzz
	cmd := &cobra.Command{
		Use:   "fuzz",
		Short: "Run the plans of many seeds and report what fails",
		Long: `Run the plans of consecutive seeds on all cores. The first failing seed of each
kind of failure is reported with the line that repeats it, and all about it is kept
in a directory of its own. When the campaign is over their plans are made small, see
shrink, told in full, and kept there too.

A campaign ends after --seeds, after --for, when --until-stable seeds on end have
shown nothing new, or with Ctrl-C, and always reports what it has shown. With --state
the same command continues it later.

The last line says PASSED, FAILED, UNDECIDED, HARNESS FAULT or INTERRUPTED, and then how
to go on. The exit code of an interrupted campaign is that of what it has shown: 0 if
nothing has failed so far. A second Ctrl-C ends it at once.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.json = cli.AsJSON(cmd)
			return f.run(cmd)
		},
	}
	f.plans = newPlanFlags(cmd, systems)
	flags := cmd.Flags()
	flags.Uint64Var(&f.seeds, "seeds", 0, fmt.Sprintf("how many seeds to run (default %d, or as many as the other budgets allow)", defaultSeeds))
	flags.DurationVar(&f.budget, "for", 0, "stop after this time, as in 30s")
	flags.Uint64Var(&f.stable, "until-stable", 0, "stop when so many seeds on end have shown no new mark, no new pair of faults and no new kind of failure")
	flags.Uint64Var(&f.start, "start", 0, "the first seed")
	flags.StringVar(&f.shard, "shard", "", "run only the seeds congruent to i modulo n, as in 0/4: n campaigns share the seeds")
	flags.IntVar(&f.workers, "workers", 0, "runs at the same time (0: one per core)")
	flags.IntVar(&f.guard, "guard", 2, "percent of seeds that run twice to catch nondeterminism")
	flags.DurationVar(&f.checkTimeout, "check-timeout", campaign.DefaultCheckTimeout, "give up judging a history after so long; it is then undecided")
	flags.StringVar(&f.out, "out", defaultOut, "directory for what is kept of failures")
	flags.StringVar(&f.state, "state", "", "file that keeps how far the campaign is; if there is one, go on from it")
	flags.BoolVar(&f.trail, "trail", false, "keep in the state also the hash of each run, so that fuzz join can make one campaign of consecutive parts")
	flags.StringVar(&f.serve, "serve", "", "show the campaign at this address while it runs, as in "+defaultListen+": see serve")
	flags.StringVar(&f.junit, "junit", "", "write what the campaign has shown to this file, as JUnit XML")
	f.neverHitFlag(cmd)
	f.verboseFlag(cmd)
	flags.BoolVar(&f.noShrink, "no-shrink", false, "leave the plans that are kept as they were found")
	cmd.AddCommand(mergeCommand(systems), joinCommand(systems), seriesCommand(systems))
	return cmd
}

type fuzz struct {
	plans         *planFlags
	seeds         uint64
	budget        time.Duration
	stable        uint64
	start         uint64
	shard         string
	workers       int
	guard         int
	checkTimeout  time.Duration
	out           string
	state         string
	trail         bool
	serve         string
	junit         string
	neverHitFails bool
	verbose, json bool

	build        string            // id of this build, if there is a state
	savedAt      time.Time         // time of the last write of the state
	failureTexts map[string]string // of the first failure of each signature

	noShrink bool
	failures []failureEvent // first failure of each signature
	live     *board.Live    // nil: the campaign is not served
}

func (f *fuzz) run(cmd *cobra.Command) error {
	if f.workers > 0 { // a core that runs no seeds would be taken by the collector, and caches are shared
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(min(f.workers, runtime.GOMAXPROCS(0))))
	}
	defer paceCollector(runtime.GOMAXPROCS(0))()
	c, err := f.campaign(cmd)
	if err != nil {
		return err
	}
	if err := f.resume(c); err != nil {
		return err
	}
	if err := f.saveUnfinished(c, &c.Resume); err != nil {
		return err
	}
	rep, stopServing, err := f.servedReporter(cmd, c)
	if err != nil {
		return err
	}
	defer stopServing()
	rep.begin(c)
	f.failureTexts = map[string]string{}
	defer rep.close()
	begin := time.Now()
	sum, kept, err := f.runSeeds(cmd.Context(), c, rep)
	if err != nil {
		return &cli.Error{Code: cli.Harness, Text: "harness fault: " + err.Error()}
	}
	f.keepRecord(cmd, c, &sum)
	end := f.ending(cmd, c, &sum, time.Since(begin))
	saved := kept
	if kept == nil { // or else the same command is to find the failures once more
		saved = f.save(c, &sum)
	}
	if saved != nil {
		end.goOn, end.state = "", ""
	}
	if err := f.findDifference(cmd.Context(), c, &sum, rep); err != nil {
		return err
	}
	if kept == nil && !f.noShrink {
		kept = f.shrink(cmd.Context(), c, rep)
	}
	rep.summary(c, &sum, end)
	if bad := (*cli.Error)(nil); errors.As(kept, &bad) {
		return bad
	}
	if kept != nil {
		return fmt.Errorf("failures could not be kept: %w", kept)
	}
	if err := errors.Join(saved, f.writeJUnit(c, &sum)); err != nil {
		return err
	}
	return f.exit(c, &sum)
}

// runSeeds runs the campaign. kept is the first error about a failure that was to be
// kept; from then on neither failures nor the state are.
func (f *fuzz) runSeeds(ctx context.Context, c *campaign.Campaign, rep reporter) (sum campaign.Summary, kept, err error) {
	sum, err = c.Run(ctx, func(s *campaign.Summary, seed uint64, first *campaign.Group) {
		if first != nil && kept == nil {
			kept = f.keepFailure(ctx, c, first, rep)
		}
		if time.Since(f.savedAt) > stateInterval && kept == nil {
			_ = f.saveUnfinished(c, s) // it is tried again, and an error at the end is reported
		}
		rep.progress(s, seed)
	})
	return sum, kept, err
}

func (f *fuzz) reporter(cmd *cobra.Command) reporter {
	if f.json {
		return newJSONReporter(cmd.OutOrStdout())
	}
	return newTextReporter(cmd, f.verbose)
}

func (f *fuzz) campaign(cmd *cobra.Command) (*campaign.Campaign, error) {
	c, err := f.plans.campaign()
	if err != nil {
		return nil, err
	}
	if c.Options.CheckTimeout = f.checkTimeout; f.checkTimeout <= 0 {
		return nil, fmt.Errorf("--check-timeout %v: want more than 0", f.checkTimeout)
	}
	c.Start, c.Seeds, c.For, c.Stable, c.Workers, c.Guard = f.start, f.seeds, f.budget, f.stable, f.workers, f.guard
	if c.Trail = f.trail; f.trail && f.state == "" {
		return nil, fmt.Errorf("--trail: it is kept in the state: give --state FILE, too")
	}
	if c.Shard, c.Shards, err = parseShard(f.shard); err != nil {
		return nil, err
	}
	if cmd.Flags().Changed("seeds") && c.Seeds == 0 {
		return nil, fmt.Errorf("--seeds 0: want at least 1")
	}
	if cmd.Flags().Changed("for") && c.For <= 0 {
		return nil, fmt.Errorf("--for %v: want more than 0", c.For)
	}
	if cmd.Flags().Changed("until-stable") && c.Stable == 0 {
		return nil, fmt.Errorf("--until-stable 0: want at least 1")
	}
	if c.Seeds == 0 && c.For == 0 && c.Stable == 0 {
		c.Seeds = defaultSeeds
	}
	return c, c.Validate()
}

func (f *fuzz) writeJUnit(c *campaign.Campaign, s *campaign.Summary) error {
	if f.junit == "" {
		return nil
	}
	if err := newJUnit(c, s, f.failureTexts, f.replayLine, f.neverHitFails).write(f.junit); err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	return nil
}

// replayLine returns the command line that repeats the first failure of a signature.
func (f *fuzz) replayLine(g *campaign.Group) string {
	return f.plans.replayLine(g.First) + f.checkFlag(g.Signature)
}

// checkFlag returns the flag that makes replay, which has more time, give up like the
// campaign.
func (f *fuzz) checkFlag(signature string) string {
	if signature != play.UndecidedSignature || f.checkTimeout == 0 {
		return ""
	}
	return fmt.Sprintf(" --check-timeout %v", f.checkTimeout)
}

// findDifference reports where two runs of the same seed diverge, for the first seed
// that was found to do so.
func (f *fuzz) findDifference(ctx context.Context, c *campaign.Campaign, s *campaign.Summary, rep reporter) error {
	if len(s.Differed) == 0 {
		return nil
	}
	rep.comparing(s.Differed[0])
	d, err := play.FindDifference(context.WithoutCancel(ctx), c.System, c.Plan(s.Differed[0]))
	if err != nil {
		return err
	}
	rep.differed(s.Differed[0], d)
	return nil
}

func (f *fuzz) exit(c *campaign.Campaign, s *campaign.Summary) error {
	switch {
	case len(s.Differed) > 0:
		return &cli.Error{Code: cli.Harness, Text: "harness fault: " + differedSentence(s)}
	case s.Failed > 0:
		return &cli.Error{Code: cli.Violated}
	case s.Undecided > 0:
		return &cli.Error{Code: cli.Undecided}
	case s.Seeds == 0:
		return &cli.Error{Code: cli.Undecided, Text: "no seed was run, so nothing was shown: give it more seeds, or more time"}
	}
	if never := s.NeverHit(c.System); f.neverHitFails && len(never) > 0 {
		return &cli.Error{Code: cli.NeverHit, Text: fmt.Sprintf("%d of %d coverage marks were never hit: %s; run more seeds, or find out what keeps the plans from getting there",
			len(never), len(c.System.Marks), strings.Join(never, ", "))}
	}
	return nil
}

func differedSentence(s *campaign.Summary) string {
	return fmt.Sprintf("%d of %d seeds that ran twice differed, the first is %d; this is a bug of the system under test or of the harness",
		len(s.Differed), s.Guarded, s.Differed[0])
}

func (f *fuzz) verboseFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, fmt.Sprintf("list the faults that hit, and from %d seeds on the pairs and marks that were missed", fewSeeds))
}

// neverHitFlag adds --never-hit-fails, and the deprecated name --cold-fails.
func (f *fuzz) neverHitFlag(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.neverHitFails, "never-hit-fails", false, fmt.Sprintf("exit with %d if a coverage mark was never hit", cli.NeverHit))
	flags.BoolVar(&f.neverHitFails, "cold-fails", false, "")
	if err := flags.MarkDeprecated("cold-fails", "it is --never-hit-fails now"); err != nil {
		panic(err) // the flag does not exist
	}
}
