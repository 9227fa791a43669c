// Command mutants tests the tests: it puts bugs that other systems have had into the
// code that the simulator runs, one at a time, and measures how long the standard
// campaign takes to find each.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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
	dir            string
	only           string
	fast           bool
	jobs           int
	json           bool
	write          bool
	ablate         bool
	ablationBudget time.Duration // budget of ablations
}

func newCommand() *cobra.Command {
	o := options{settings: settings{grace: driverGrace}}
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "Measure how fast the campaign finds known bugs",
		Long: `Build the node with each mutant of testdata/mutants, run the standard campaign on
it from several first seeds until a property is violated, and make the plan of the first
failure small. The tree is not touched.

Before that the node as it is must pass. The exit code is 1 if a mutant survives that
is not argued to be equivalent, does not apply or does not compile.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "", "directory of the mutants (default: testdata/mutants of this module)")
	f.StringVar(&o.only, "only", "", "only the mutants whose names match this regular expression")
	f.BoolVar(&o.fast, "fast", false, "only those that are marked as fast, from one first seed, without shrinking")
	f.DurationVar(&o.budget, "budget", time.Minute, "how long a campaign may look for a violation")
	f.IntVar(&o.starts, "starts", 5, "campaigns for each mutant, from different first seeds")
	f.IntVar(&o.shrink, "shrink", 1000, "runs to make the first failing plan small with (0: leave it)")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "mutants at the same time, each on one core")
	f.BoolVar(&o.ablate, "ablate", false, "do it once more without each part of the harness, from up to three first seeds")
	f.DurationVar(&o.ablationBudget, "ablation-budget", 5*time.Second, "how long a campaign may look then")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.write, "write", false, "write docs/TEETH.md")
	return cmd
}

func (o *options) run(cmd *cobra.Command) error {
	if o.starts < 1 || o.jobs < 1 || o.budget <= 0 || o.shrink < 0 || o.ablationBudget <= 0 {
		return fmt.Errorf("--starts %d --jobs %d --budget %v --shrink %d --ablation-budget %v: want at least 1, 1, more than 0, 0 and more than 0",
			o.starts, o.jobs, o.budget, o.shrink, o.ablationBudget)
	}
	if o.write && (o.fast || o.only != "" || o.dir != "") {
		return errors.New("--write: the page is about all mutants: leave --fast, --only and --dir out")
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
	scratch, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	begin := time.Now()
	if err := o.control(ctx, root, scratch); err != nil {
		return err
	}
	t := newTable(ctx, root, o)
	err = o.forEach(ctx, all, func(m *mutant) error {
		f, err := o.testMutant(ctx, root, scratch, m)
		if err != nil {
			return err
		}
		return t.add(cmd.ErrOrStderr(), f)
	})
	if err != nil {
		return err
	}
	t.finish(all, time.Since(begin))
	if err := o.print(cmd, root, t); err != nil {
		return err
	}
	return t.unresolved()
}

// selectMutants returns the mutants that the flags select.
func (o *options) selectMutants(root string) ([]*mutant, error) {
	dir := o.dir
	if dir == "" {
		dir = filepath.Join(root, "testdata", "mutants")
	}
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
	}
	return all, nil
}

const (
	driverGrace  = 2 * time.Minute // for each driver; see settings
	controlSeeds = 2000            // seeds that the unchanged node must pass
)

// control checks that the unchanged node passes, with the whole harness and without
// each part that ablations leave out. So failures are due to the mutants.
func (o *options) control(ctx context.Context, root, scratch string) error {
	without := []string{""}
	if o.ablate {
		without = append(without, parts...)
	}
	none := &mutant{name: "control"}
	_, err := inScratch(scratch, none, func(dir string) (finding, error) {
		program, err := build(ctx, root, dir, none)
		if err != nil {
			return finding{}, err
		}
		for _, part := range without {
			s := settings{budget: time.Minute, grace: o.grace, without: part}
			r, err := runDriver(ctx, program, s, "-seeds", fmt.Sprint(controlSeeds))
			if err != nil {
				return finding{}, err
			}
			if r.Signature != "" {
				return finding{}, fmt.Errorf("seed %d fails without %q: nothing can be concluded about mutants: %s: %s", r.Seed, part, r.Signature, r.Sentence)
			}
		}
		return finding{}, nil
	})
	if err != nil {
		return fmt.Errorf("the node as it is: %w", err)
	}
	return nil
}

// testMutant builds a mutant, runs its campaigns and, if it is killed, its
// ablations.
func (o *options) testMutant(ctx context.Context, root, scratch string, m *mutant) (finding, error) {
	return inScratch(scratch, m, func(dir string) (finding, error) {
		program, err := build(ctx, root, dir, m)
		if ctx.Err() != nil {
			return finding{}, ctx.Err()
		}
		if err != nil {
			return finding{Name: m.name, Class: m.class, Status: broken, Problem: err.Error()}, nil
		}
		s := o.settings
		if m.equivalent != "" {
			s.starts = 1
		}
		f := hunt(ctx, program, m, s)
		if o.ablate && f.Status == killed {
			o.ablateMutant(ctx, program, m, &f)
		}
		return f, ctx.Err()
	})
}

// parts lists the parts of the harness that the driver can leave out.
var parts = []string{"invariants", "swarm", "disk", "clocks", "liveness"}

// ablateMutant measures how soon a mutant is found without each part of the harness.
func (o *options) ablateMutant(ctx context.Context, program string, m *mutant, f *finding) {
	for _, part := range parts {
		s := settings{starts: min(o.starts, 3), budget: o.ablationBudget, grace: o.grace, without: part}
		a := hunt(ctx, program, m, s)
		if a.Status == broken {
			f.Status, f.Problem = broken, "without "+part+": "+a.Problem
			return
		}
		f.Ablated = append(f.Ablated, ablatedFinding{part, a.Status == killed, a.Seeds, a.Seconds})
	}
}

// inScratch calls do with a directory for a mutant, and then removes the directory.
func inScratch(scratch string, m *mutant, do func(dir string) (finding, error)) (finding, error) {
	dir, err := os.MkdirTemp(scratch, m.name)
	if err != nil {
		return finding{}, err
	}
	defer os.RemoveAll(dir)
	return do(dir)
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
