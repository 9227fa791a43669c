package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/spf13/cobra"
)

// reportFile is the name of a failure's page, in its directory and elsewhere.
const reportFile = "report.html"

func reportCommand(systems systemList) *cobra.Command {
	var r explain
	cmd := &cobra.Command{
		Use:   "report DIR|PLAN.json|ARTEFACT.json|SEED",
		Short: "Explain a failure by a page, a picture or data",
		Long: `Explain a failure by one page that needs nothing else: what the seed chose, the
messages and what became of them, the states of the nodes at each event, the history of
the clients, and what contradicts what. The argument is the directory in which fuzz has
kept a failure, a plan, an artefact, or a seed with these flags, whose plan is shrunk
first if it fails.

The page is report.html, or the file of -o. In its place --json prints all that the page
knows as one JSON value, --svg a picture, --shiviz a log with vector clocks for ShiViz,
and --mermaid a sequence diagram for texts: to the standard output, or the file of -o.`,
		Args: cli.Exactly(1, "the directory of a failure, a plan file, an artefact or a seed"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.plans = newPlanFlags(cmd, systems)
	completeKept(cmd)
	f := cmd.Flags()
	f.StringVarP(&r.out, "output", "o", "", "file to write, or - for the standard output (default: "+reportFile+" for the page)")
	f.BoolVar(&r.svg, "svg", false, "a picture of the first run, as SVG")
	f.BoolVar(&r.shiviz, "shiviz", false, "a log of the first run with vector clocks, for ShiViz")
	f.BoolVar(&r.mermaid, "mermaid", false, "a sequence diagram of the first run, for Mermaid")
	f.BoolVar(&r.options.Full, "full", false, "besides the shrunk run, show the one that the seed gave")
	f.BoolVar(&r.noShrink, "no-shrink", false, "of a seed: do not shrink its plan")
	f.BoolVar(&r.why, "why", false, "measure what each part of the first plan is needed for as necessity does, show the nearest run that passes, and find the point of no return")
	f.IntVar(&r.options.Events, "events", report.DefaultEvents, "events of a run at most: those up to its violation, and a few after it")
	f.IntVar(&r.workers, "workers", 0, "runs at the same time (0: one per core)")
	f.DurationVar(&r.options.CheckTimeout, "check-timeout", time.Minute, "give up judging a history after so long; it is then undecided")
	return cmd
}

// explain is the report command.
type explain struct {
	plans                      *planFlags
	out                        string
	svg, shiviz, mermaid, json bool
	noShrink, why              bool
	workers                    int
	options                    report.Options
}

func (r *explain) run(cmd *cobra.Command, arg string) error {
	r.json = cli.AsJSON(cmd)
	write, err := r.writer()
	switch {
	case err != nil:
		return err
	case r.options.Events < 1:
		return fmt.Errorf("--events %d: want at least 1", r.options.Events)
	case r.options.CheckTimeout <= 0:
		return fmt.Errorf("--check-timeout %v: want more than 0", r.options.CheckTimeout)
	}
	sys, src, err := r.source(cmd, arg)
	if err != nil {
		return err
	}
	if r.options.Passing = r.why; r.why {
		if err := r.measure(cmd, sys, &src); err != nil {
			return err
		}
	}
	d, err := report.Make(cmd.Context(), sys, src, r.options)
	if err != nil {
		return err
	}
	return r.print(cmd, d, write)
}

// writer returns the function that writes the form that is wanted, and the default of -o.
func (r *explain) writer() (func(io.Writer, *report.Document) error, error) {
	ofFirst := func(write func(io.Writer, *report.Document, int) error) func(io.Writer, *report.Document) error {
		return func(w io.Writer, d *report.Document) error { return write(w, d, 0) }
	}
	write, wanted, other := report.WriteHTML, 0, "-"
	for _, form := range []struct {
		wanted bool
		write  func(io.Writer, *report.Document) error
	}{{r.json, report.WriteJSON}, {r.svg, ofFirst(report.WriteSVG)}, {r.shiviz, ofFirst(report.WriteShiViz)}, {r.mermaid, ofFirst(report.WriteMermaid)}} {
		if form.wanted {
			write, wanted = form.write, wanted+1
		}
	}
	if wanted > 1 {
		return nil, errors.New("--json, --svg, --shiviz and --mermaid: want one of them, or none for the page")
	}
	if wanted == 0 {
		other = reportFile
	}
	if r.out == "" {
		r.out = other
	}
	return write, nil
}

// print writes the document, and tells where.
func (r *explain) print(cmd *cobra.Command, d *report.Document, write func(io.Writer, *report.Document) error) error {
	if r.out == "-" {
		out := bufio.NewWriter(cmd.OutOrStdout())
		if err := write(out, d); err != nil {
			return err
		}
		return out.Flush()
	}
	if err := writeReport(r.out, d, write); err != nil {
		return err
	}
	if !r.json {
		fmt.Fprintf(cmd.OutOrStdout(), "%s, seed %d: %s\n%s\nwritten to: %s\n", d.System, d.Seed, documentVerdict(d), d.Sentence, r.out)
	}
	return nil
}

func documentVerdict(d *report.Document) string {
	if d.Signature == "" || d.Status != string(play.Violated) {
		return d.Status
	}
	return "violated " + d.Signature
}

// writeReport writes a document to a file.
func writeReport(name string, d *report.Document, write func(io.Writer, *report.Document) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	return errors.Join(write(w, d), w.Flush(), f.Close())
}

// source finds the plans that an argument names.
func (r *explain) source(cmd *cobra.Command, arg string) (sys scenarios.System, src report.Source, err error) {
	_, notSeed := strconv.ParseUint(arg, 10, 64)
	info, notFile := os.Stat(arg)
	switch {
	case notSeed != nil && notFile == nil && info.IsDir():
		src, err = r.kept(cmd, arg)
	default:
		src.Full, err = r.plans.planOf(cmd, arg)
	}
	if err != nil {
		return sys, src, err
	}
	first := src.Shrunk
	if first == nil {
		first = src.Full
	}
	if sys, err = r.plans.systems.named(first.System); err != nil {
		return sys, src, err
	}
	if notSeed == nil && !r.noShrink {
		if err := r.shrink(cmd, sys, &src); err != nil {
			return sys, src, err
		}
	}
	src.Build = report.Build(campaign.ThisBuild())
	src.Repeat = (&replay{plans: r.plans}).commandLine(cmd, arg, first)
	return sys, src, nil
}

// kept reads the directory of a failure.
func (r *explain) kept(cmd *cobra.Command, dir string) (src report.Source, err error) {
	if given := r.plans.setFlags(cmd); len(given) > 0 {
		return src, fmt.Errorf("%s: a plan file describes its run completely; leave out %s", dir, given[0])
	}
	for _, f := range []struct {
		name string
		plan **scenarios.Plan
	}{{"shrunk.json", &src.Shrunk}, {"plan.json", &src.Full}} {
		*f.plan, err = r.plans.systems.readPlan(filepath.Join(dir, f.name), cmd.InOrStdin())
		if err != nil && !os.IsNotExist(err) {
			return src, err
		}
	}
	if src.Shrunk == nil && src.Full == nil {
		return src, fmt.Errorf("%s: it has neither shrunk.json nor plan.json: want the directory in which fuzz has kept a failure", dir)
	}
	src.Necessity, err = readNecessity(filepath.Join(dir, "necessity.json"))
	return src, err
}

// shrink shrinks the plan of a seed if it fails.
func (r *explain) shrink(cmd *cobra.Command, sys scenarios.System, src *report.Source) error {
	o := play.Options{CheckTimeout: campaign.DefaultCheckTimeout}
	if result, err := play.Run(cmd.Context(), sys, src.Full, o); err != nil || result.Status != play.Violated {
		return err
	}
	s := shrink{plans: r.plans, budget: fuzzShrinkBudget, workers: r.workers, checkTimeout: campaign.DefaultCheckTimeout}
	small, err := s.search(cmd, sys, src.Full)
	if err != nil {
		return err
	}
	src.Shrunk = small.Plan
	return nil
}

// measure measures the necessity of the parts of the first plan, and the point of no return
// of each run that is shown.
func (r *explain) measure(cmd *cobra.Command, sys scenarios.System, src *report.Source) error {
	plans := []*scenarios.Plan{src.Shrunk, src.Full}
	switch {
	case src.Shrunk == nil:
		plans = plans[1:]
	case src.Full == nil || !r.options.Full:
		plans = plans[:1]
	}
	needs, err := measureNecessity(cmd, sys, plans[0], campaign.NecessityOptions{Seeds: necessitySeeds, Workers: r.workers})
	if err != nil {
		return err
	}
	src.Necessity = necessityOf(&needs)
	for _, p := range plans {
		n, err := measureNoReturn(cmd, sys, p, r.workers)
		if err != nil {
			return err
		}
		src.NoReturn = append(src.NoReturn, n)
	}
	return nil
}
