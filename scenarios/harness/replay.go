package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/spf13/cobra"
)

func replayCommand(systems systemList) *cobra.Command {
	var r replay
	cmd := &cobra.Command{
		Use:   "replay SEED|PLAN.json|ARTEFACT.json|DIR",
		Short: "Run one plan again, and report the verdict",
		Long: `Run one plan again, and report the verdict: the plan of a seed and these flags, or
one from a file (- for standard input) or from the directory in which fuzz has kept a
failure, the shrunk one if there is one. The same plan always gives the same verdict and
the same hash.

With -v the trace is printed until the violation shows; events have numbers. On a terminal
each process has a column, with its text if there is room. --trace FILE writes all of it.

With --save the plan is kept together with what it showed, an artefact. Given
one, or with --expect, replay reports whether the result is the same. Exit codes are
then those that "git bisect run" understands: 0 the same, 1 another, 125 the plan is
not valid for this build, 4 undecided. A hash that differs is reported and is no failure.

With --until the run stops on the way, and --dump shows the state of nodes there;
--dump alone shows it where the violation does.`,
		Args: cli.Exactly(1, "a seed, a plan file, an artefact or the directory of a failure"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.plans = newPlanFlags(cmd, systems)
	completeKept(cmd)
	f := cmd.Flags()
	f.StringVar(&r.trace, "trace", "", "write the trace of the run to this file")
	f.BoolVarP(&r.verbose, "verbose", "v", false, "print the trace of the run until its violation")
	f.DurationVar(&r.checkTimeout, "check-timeout", time.Minute, "give up judging the history after so long; it is then undecided")
	f.StringVar(&r.save, "save", "", "keep the plan and what it showed in this file")
	f.StringVar(&r.expect, "expect", "", "expected verdict: passed, or the signature of a violation")
	cli.CompleteFlag(cmd, "expect", keptSignatures)
	f.Uint64Var(&r.until, "until", 0, "stop after this event, counted from 1")
	f.StringArrayVar(&r.dump, "dump", nil, "where the run stops, or its violation shows, print the whole state of a node, as in node=2")
	cmd.MarkFlagsMutuallyExclusive("until", "save")
	cmd.MarkFlagsMutuallyExclusive("until", "expect")
	cmd.MarkFlagsMutuallyExclusive("dump", "save")
	cmd.MarkFlagsMutuallyExclusive("dump", "expect")
	return cmd
}

type replay struct {
	plans         *planFlags
	trace         string
	verbose, json bool
	save, expect  string
	until         uint64
	checkTimeout  time.Duration
	dump          []string
	line          string // see commandLine
}

func (r *replay) run(cmd *cobra.Command, arg string) error {
	if r.json = cli.AsJSON(cmd); r.json && r.verbose {
		return errJSONAndVerbose
	}
	if cmd.Flags().Changed("until") && r.until == 0 {
		return errors.New("--until 0: events count from 1")
	}
	if r.checkTimeout <= 0 {
		return fmt.Errorf("--check-timeout %v: want more than 0", r.checkTimeout)
	}
	p, expected, err := r.planAndArtefact(cmd, arg)
	if err != nil {
		return err
	}
	sys, err := r.plans.systems.named(p.System)
	if err != nil {
		return err
	}
	out := cli.Buffer(cmd.OutOrStdout())
	defer out.Flush()
	trace, closeTrace, err := r.tracer()
	if err != nil {
		return err
	}
	end := func() error { return r.runPlan(cmd.Context(), out, sys, p, expected, trace) }
	if cmd.Flags().Changed("until") || len(r.dump) > 0 {
		end = func() error { return r.runUntil(cmd.Context(), out, sys, p, trace) }
	}
	r.line = r.commandLine(cmd, arg, p)
	err = end()
	if e := closeTrace(); e != nil {
		return e
	}
	return err
}

// runPlan runs the plan to its end and compares the result with the expected one, if
// there is one.
func (r *replay) runPlan(ctx context.Context, out io.Writer, sys scenarios.System, p *scenarios.Plan, expected *campaign.Artefact, trace func(sim.TraceLine)) error {
	o := play.Options{Trace: trace, Explain: true, CrossCheck: true, CheckTimeout: r.checkTimeout}
	var result play.Result
	var compared campaign.Comparison
	var err error
	if expected == nil {
		result, err = play.Run(ctx, sys, p, o)
	} else {
		result, compared, err = expected.Compare(ctx, sys, p, o)
	}
	if err != nil {
		return err
	}
	view := &traceView{}
	if r.verbose {
		if view, err = printTrace(out, sys, p, result.Violation); err != nil {
			return err
		}
	}
	if err := r.print(out, p, &result, expected, &compared); err != nil {
		return err
	}
	r.printNext(out, &result, view)
	if r.save != "" {
		if err := saveArtefact(ctx, r.save, sys, p); err != nil {
			return err
		}
	}
	if expected != nil && result.Status != play.Undecided {
		if compared.Holds {
			return nil
		}
		return &cli.Error{Code: cli.Violated}
	}
	return verdictError(result.Status)
}

// commandLine returns the start of a line that replays the same plan; nothing if that came
// from the standard input.
func (r *replay) commandLine(cmd *cobra.Command, arg string, p *scenarios.Plan) string {
	switch _, err := strconv.ParseUint(arg, 10, 64); {
	case arg == "-":
		return ""
	case err == nil:
		return r.plans.replayLine(p.Seed)
	}
	return fmt.Sprintf("%s replay %s", cli.ProgramName(), cli.Quote(arg))
}

// printNext prints the line with which a person looks closer at a violation.
func (r *replay) printNext(out io.Writer, result *play.Result, view *traceView) {
	switch {
	case r.json || r.line == "" || result.Violation == nil:
	case !r.verbose:
		fmt.Fprintf(out, "look closer: %s -v\n", r.line)
	case view.node != 0:
		fmt.Fprintf(out, "stop there:  %s --until %d --dump node=%d\n", r.line, view.shown, view.node)
	default:
		fmt.Fprintf(out, "stop there:  %s --until %d\n", r.line, view.shown)
	}
}

// tracer returns a function that writes the trace to a file, all of it, or nil.
func (r *replay) tracer() (trace func(sim.TraceLine), closeTrace func() error, err error) {
	if r.trace == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.Create(r.trace)
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriter(f)
	return sim.WriteTrace(w), func() error {
		if err := w.Flush(); err != nil {
			return err
		}
		return f.Close()
	}, nil
}

// replayJSON is the JSON form of a result. It depends on the plan alone.
type replayJSON struct {
	System    string              `json:"system"`
	Seed      uint64              `json:"seed"`
	Verdict   play.Status         `json:"verdict"`
	Signature string              `json:"signature,omitempty"`
	Machine   string              `json:"machine,omitempty"`
	At        *scenarios.Duration `json:"at,omitempty"`
	Sentence  string              `json:"sentence"`
	Hash      string              `json:"hash"`
	Events    uint64              `json:"events"`
	Messages  uint64              `json:"messages"`
	Ops       play.Outcomes       `json:"ops"`
	Simulated scenarios.Duration  `json:"simulated"`
	Expected  *expectationJSON    `json:"expected,omitempty"`
}

func (r *replay) print(out io.Writer, p *scenarios.Plan, result *play.Result, expected *campaign.Artefact, c *campaign.Comparison) error {
	if !r.json {
		fmt.Fprintf(out, "%s\n%d events, %d messages delivered, %d operations, %v simulated\n", cli.Fit(out, result.Text(p), 0),
			result.Stats.Events, result.Stats.Delivered, result.Outcomes.Total(), result.Simulated)
		if expected != nil {
			fmt.Fprint(out, c.Text(expected, result))
		}
		return nil
	}
	j := replayJSON{
		System: p.System, Seed: p.Seed, Verdict: result.Status, Signature: result.Signature(), Sentence: result.Sentence(),
		Hash: fmt.Sprintf("%016x", result.Hash), Events: result.Stats.Events, Messages: result.Stats.Delivered,
		Ops: result.Outcomes, Simulated: result.Simulated,
	}
	if v := result.Violation; v != nil {
		j.Machine, j.At = v.Machine, &v.At
	}
	if expected != nil {
		j.Expected = newExpectationJSON(expected, c)
	}
	return json.NewEncoder(out).Encode(j)
}

// verdictError returns the exit code for a status. The result is printed already.
func verdictError(s play.Status) error {
	switch s {
	case play.Violated:
		return &cli.Error{Code: cli.Violated}
	case play.Undecided:
		return &cli.Error{Code: cli.Undecided}
	}
	return nil
}

var errJSONAndVerbose = errors.New("--json and --verbose: the trace would stand among the JSON; write it to a file with --trace FILE")
