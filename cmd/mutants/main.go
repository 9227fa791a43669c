// Command mutants tests the tests: it puts bugs that other systems have had into the
// code that the simulator runs, one at a time, and measures how long the standard
// campaign takes to find each.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// options holds the values of the flags.
type options struct {
	settings
	driver        string // package of the program that runs campaigns, from the root
	dir           string
	only          string
	fast          bool
	apart         bool
	tests         bool
	jobs          int
	json          bool
	write         bool
	ablate        bool
	ablationSeeds uint64        // of each campaign of an ablation
	ablationCPU   time.Duration // that a process may use then
	results       string        // file of findings to go on from; empty: none
	limit         int           // mutants to test in this run; 0: all
}

func newCommand() *cobra.Command {
	o := options{driver: "cmd/mutants/driver"}
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "Measure how fast the campaign finds known bugs",
		Long: `Put the mutants of testdata/mutants into the node, run the standard campaign on each
from several first seeds until a property is violated, and make the plan of the first
failure small. The tree is not touched.

Mutants that change bodies of functions share one program, which becomes one of them when
it starts; the others have builds of their own. A mutant of code that the program does not
contain is refused, or, with --tests, given to the unit tests of the packages that
depend on it, until one fails that passes without it.

Before that the node as it is must pass. Budgets are counts of seeds, so a verdict does
not depend on the load of the host. A process that uses more processor time than --cpu
is ended, and its mutant is undecided.

With --results a run that was interrupted, or ended by --limit, goes on where it was: what
is in the file is not tested again, if it is of the same sources, mutant and flags.

The exit code is 1 if a mutant survives that is not argued to be equivalent, is undecided,
does not apply or does not compile.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "", "directory of the mutants (default: testdata/mutants of this module)")
	f.StringVar(&o.only, "only", "", "only the mutants whose names match this regular expression")
	f.BoolVar(&o.fast, "fast", false, "only those that are marked as fast, from one first seed, without shrinking")
	f.Uint64Var(&o.seeds, "seeds", 25_000, "seeds that a campaign may run to find a violation")
	f.DurationVar(&o.cpu, "cpu", 5*time.Minute, "processor time that a process may use, in whole seconds, before its mutant is undecided")
	f.IntVar(&o.starts, "starts", 5, "campaigns for each mutant, from different first seeds")
	f.IntVar(&o.shrink, "shrink", 200, "runs to make the first failing plan small with (0: leave it)")
	f.BoolVar(&o.tests, "tests", false, "run unit tests for the mutants that no campaign can reach, and for those whose files name packages with tests")
	f.BoolVar(&o.apart, "apart", false, "build each mutant by itself, to check that weaving them into one program changes no result")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "mutants at the same time, each on one core")
	f.BoolVar(&o.ablate, "ablate", false, "do it once more without each part of the harness, from up to three first seeds")
	f.Uint64Var(&o.ablationSeeds, "ablation-seeds", 500, "seeds that a campaign may run then, or with a mutant whose file names packages with tests")
	f.DurationVar(&o.ablationCPU, "ablation-cpu", 20*time.Second, "processor time that a process may use then, in whole seconds, before that result is undecided")
	f.StringVar(&o.results, "results", "", "append each finding to this file, and do not test the mutants again that are in it")
	f.IntVar(&o.limit, "limit", 0, "test at most so many mutants that are not in --results (0: all)")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.write, "write", false, "write docs/TEETH.md")
	return cmd
}

func (o *options) run(cmd *cobra.Command) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.fast {
		o.starts, o.shrink = 1, 0
	}
	ctx := cmd.Context()
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	all, err := o.selectMutants(root)
	if err != nil {
		return err
	}
	r, err := o.openResults(root)
	if err != nil {
		return err
	}
	t := newTable(ctx, root, o)
	left, err := o.fill(ctx, cmd.ErrOrStderr(), module{root, o.driver}, all, r, t)
	if err := errors.Join(err, r.close()); err != nil {
		return err
	}
	if left > 0 {
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d mutants are left: repeat the command to go on\n", left, len(all))
		return errors.Join(err, t.unresolved())
	}
	t.finish(all, r.took())
	if err := o.print(cmd, root, t); err != nil {
		return err
	}
	return t.unresolved()
}

// fill fills the table with the findings that there are already, and those of the
// mutants that are missing, as far as --limit goes. It returns how many are left.
func (o *options) fill(ctx context.Context, w io.Writer, m module, all []*mutant, r *results, t *table) (left int, err error) {
	known, missing := r.split(all)
	t.of, t.known, t.Findings = len(all), len(known), known
	if o.results != "" {
		if _, err := fmt.Fprintf(w, "%d of %d mutants are in %s\n", len(known), len(all), o.results); err != nil {
			return 0, err
		}
	}
	if o.limit > 0 && len(missing) > o.limit {
		left, missing = len(missing)-o.limit, missing[:o.limit]
	}
	if t.later = left; len(missing) == 0 {
		return left, nil
	}
	err = o.testMissing(ctx, w, m, missing, r, t)
	if ctx.Err() != nil && o.results != "" {
		err = fmt.Errorf("%w: what is found is in %s: repeat the command to go on", err, o.results)
	}
	return left, err
}

// testMissing tests mutants, after the node as it is.
func (o *options) testMissing(ctx context.Context, w io.Writer, m module, missing []*mutant, r *results, t *table) error {
	scratch, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	p, err := o.prepare(ctx, m, scratch, missing)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, p.describe()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "the node as it is, %d seeds from each first one\n", controlSeeds); err != nil {
		return err
	}
	if err := o.control(ctx, p); err != nil {
		return err
	}
	t.begin = time.Now()
	return o.forEach(ctx, missing, func(m *mutant) error {
		f, err := o.testMutant(ctx, p, scratch, m)
		if err != nil {
			return err
		}
		if err := r.add(m, f); err != nil {
			return err
		}
		return t.add(w, f)
	})
}

// validate names the first flag that is out of bounds.
func (o *options) validate() error {
	switch {
	case o.starts < 1:
		return fmt.Errorf("--starts %d: want at least 1", o.starts)
	case o.jobs < 1:
		return fmt.Errorf("--jobs %d: want at least 1", o.jobs)
	case o.shrink < 0:
		return fmt.Errorf("--shrink %d: want at least 0", o.shrink)
	case o.seeds < 1 || o.seeds > seedStride:
		return fmt.Errorf("--seeds %d: want 1 to %d", o.seeds, seedStride)
	case o.ablationSeeds < 1 || o.ablationSeeds > seedStride:
		return fmt.Errorf("--ablation-seeds %d: want 1 to %d", o.ablationSeeds, seedStride)
	case o.limit < 0:
		return fmt.Errorf("--limit %d: want at least 0", o.limit)
	case o.limit > 0 && o.results == "":
		return errors.New("--limit: the next run cannot go on without --results: name a file")
	case o.cpu < time.Second || o.cpu%time.Second != 0:
		return fmt.Errorf("--cpu %v: want whole seconds, at least 1s", o.cpu)
	case o.ablationCPU < time.Second || o.ablationCPU%time.Second != 0:
		return fmt.Errorf("--ablation-cpu %v: want whole seconds, at least 1s", o.ablationCPU)
	case o.write && (o.fast || o.only != "" || o.dir != ""):
		return errors.New("--write: the page is about all mutants: leave --fast, --only and --dir out")
	}
	return nil
}

// mutantsDir is the directory of the mutants.
func (o *options) mutantsDir(root string) string {
	if o.dir != "" {
		return o.dir
	}
	return filepath.Join(root, "testdata", "mutants")
}

// selectMutants returns the mutants that the flags select.
func (o *options) selectMutants(root string) ([]*mutant, error) {
	dir := o.mutantsDir(root)
	all, err := load(dir)
	if err != nil {
		return nil, err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	all = slices.DeleteFunc(all, func(m *mutant) bool { return !only.MatchString(m.name) || o.fast && !m.fast })
	if len(all) == 0 {
		return nil, fmt.Errorf("--only %s: no mutant of %s has such a name", o.only, dir)
	}
	for _, m := range all {
		if _, err := m.apply(root); err != nil {
			return nil, err
		}
		if err := requireTests(root, m); err != nil {
			return nil, err
		}
	}
	return all, nil
}

const controlSeeds = 2000 // seeds that the unchanged node must pass

// prepare builds what all mutants share, and refuses those that no campaign can reach.
func (o *options) prepare(ctx context.Context, m module, scratch string, all []*mutant) (*programs, error) {
	p, err := m.prepare(ctx, scratch, all)
	if err != nil {
		return nil, err
	}
	if o.apart {
		p.setAllApart(all)
	}
	if !o.tests {
		return p, p.refuse()
	}
	p.tests, err = m.listTests(ctx, scratch)
	return p, err
}

// control checks that the unchanged node passes, with the whole harness and without
// each part that ablations leave out. So failures are due to the mutants. It notes the
// coverage marks that are not hit.
func (o *options) control(ctx context.Context, p *programs) error {
	for i := range o.starts {
		r, err := o.controlRun(ctx, p, "", i)
		if err != nil {
			return err
		}
		o.neverHit = append(o.neverHit, r.NeverHit)
	}
	if !o.ablate {
		return nil
	}
	for _, part := range parts {
		if _, err := o.controlRun(ctx, p, part, 0); err != nil {
			return err
		}
	}
	return nil
}

// controlRun runs the unchanged node from the first seed of the i-th campaign.
func (o *options) controlRun(ctx context.Context, p *programs, without string, i int) (report, error) {
	s := settings{cpu: o.cpu, without: without}
	r, err := runDriver(ctx, program{path: p.woven}, s, "-start", strconv.Itoa(i*seedStride), "-seeds", fmt.Sprint(controlSeeds))
	if err == nil && r.Signature != "" {
		err = fmt.Errorf("seed %d fails without %q: nothing can be said of mutants: %s: %s", r.Seed, without, r.Signature, r.Sentence)
	}
	if err != nil {
		return r, fmt.Errorf("the node as it is: %w", err)
	}
	return r, nil
}

// testMutant runs the campaigns of a mutant and its unit tests, as far as it has any.
// Builds of its own are put into a directory in scratch, for that time.
func (o *options) testMutant(ctx context.Context, all *programs, scratch string, m *mutant) (finding, error) {
	dir, err := os.MkdirTemp(scratch, m.name)
	if err != nil {
		return finding{}, err
	}
	defer os.RemoveAll(dir)
	f, uncontained := finding{Name: m.name, Class: m.class}, all.uncontained[m] != ""
	if !uncontained {
		f = o.runCampaigns(ctx, all, dir, m)
	}
	if all.tests != nil && (uncontained || len(m.tests) > 0) {
		f.addTests(m, all.tests.test(ctx, dir, m, o.cpu))
	}
	return f, ctx.Err()
}

// runCampaigns runs the campaigns of a mutant and, if it is killed, its ablations.
func (o *options) runCampaigns(ctx context.Context, all *programs, dir string, m *mutant) finding {
	p, err := all.of(ctx, dir, m)
	if err != nil {
		return finding{Name: m.name, Class: m.class, Status: broken, Problem: err.Error()}
	}
	s := o.settings
	if m.equivalent != "" {
		s.starts = 1
	}
	if len(m.tests) > 0 {
		s.seeds = min(s.seeds, o.ablationSeeds) // its file expects campaigns to miss it
	}
	f := hunt(ctx, p, m, s)
	if o.ablate && f.Status == killed {
		o.ablateMutant(ctx, p, m, &f)
	}
	return f
}

// parts lists the parts of the harness that --ablate has the driver leave out.
var parts = []string{"invariants", "swarm", "disk", "clocks", "liveness"}

// leastAblation is the least number of seeds of a campaign of an ablation, if
// --ablation-seeds allows it.
const leastAblation = 100

// ablateMutant measures how soon a mutant is found without each part of the harness. Ten
// times the seeds that it usually takes show whether it is found at all; one that takes more
// than half of --ablation-seeds is not measured, since missing it would show nothing. One
// that is undecided without a part keeps its verdict: only that part's worth is not known.
func (o *options) ablateMutant(ctx context.Context, p program, m *mutant, f *finding) {
	if f.Seeds > o.ablationSeeds/2 {
		return
	}
	seeds := min(max(10*f.Seeds, leastAblation), o.ablationSeeds)
	for _, part := range parts {
		s := settings{starts: min(o.starts, 3), seeds: seeds, cpu: o.ablationCPU, without: part}
		a := hunt(ctx, p, m, s)
		if a.Status == broken {
			f.Status, f.Problem = broken, "without "+part+": "+a.Problem
			return
		}
		f.Ablated = append(f.Ablated, ablatedFinding{part, a.Status == killed, a.Status == undecided, a.Seeds, a.Seconds})
	}
}

// forEach calls do with all mutants, several at a time. The first error ends it.
func (o *options) forEach(ctx context.Context, all []*mutant, do func(*mutant) error) error {
	todo := make(chan *mutant, len(all))
	for _, m := range all {
		todo <- m
	}
	close(todo)
	errs := make(chan error, o.jobs)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var pool sync.WaitGroup
	for range o.jobs {
		pool.Go(func() {
			for m := range todo {
				if ctx.Err() != nil {
					errs <- ctx.Err()
					return
				}
				if err := do(m); err != nil {
					cancel()
					errs <- err
					return
				}
			}
		})
	}
	pool.Wait()
	close(errs)
	var first error
	for err := range errs {
		if first == nil || first == context.Canceled {
			first = err
		}
	}
	return first
}
