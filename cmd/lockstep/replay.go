package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/spf13/cobra"
)

func replayCommand() *cobra.Command {
	var r replay
	cmd := &cobra.Command{
		Use:   "replay SEED|PLAN.json",
		Short: "Run one plan again, and say what it shows",
		Long: `Run one plan again, and say what it shows: that of a seed and these flags, or
one from a file (- for standard input). The same plan always gives the same
verdict and the same hash.`,
		Args: exactly(1, "a seed or a plan file"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.src.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&r.trace, "trace", "", "write everything that happened, in words, to this file")
	f.BoolVarP(&r.verbose, "verbose", "v", false, "print everything that happened")
	f.BoolVar(&r.json, "json", false, "print the result as JSON, a pure function of the plan")
	return cmd
}

type replay struct {
	src           source
	trace         string
	verbose, json bool
}

func (r *replay) run(cmd *cobra.Command, arg string) error {
	if r.json && r.verbose {
		return errMixed
	}
	p, err := r.plan(cmd, arg)
	if err != nil {
		return err
	}
	sys, err := systemNamed(p.System)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	defer out.Flush()
	trace, closeTrace, err := r.tracer(out)
	if err != nil {
		return err
	}
	result, err := campaign.Run(cmd.Context(), sys, p, campaign.Options{Trace: trace})
	if e := closeTrace(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := r.print(out, p, &result); err != nil {
		return err
	}
	return verdictError(result.Status)
}

// plan is the plan to run. Flags that shape a seed's plan say nothing about one
// from a file.
func (r *replay) plan(cmd *cobra.Command, arg string) (*scenarios.Plan, error) {
	if _, err := strconv.ParseUint(arg, 10, 64); err == nil {
		return r.src.plan(arg)
	}
	if given := r.src.given(cmd); len(given) > 0 {
		return nil, fmt.Errorf("%s: a plan file says all about its run; leave out %s", arg, strings.Join(given, ", "))
	}
	p, err := readPlan(arg, cmd.InOrStdin())
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%q is neither a seed nor a file: %w", arg, err)
	}
	return p, err
}

// tracer is where the trace goes: a file, the output, both or nowhere.
func (r *replay) tracer(out io.Writer) (trace func(sim.Line), closeTrace func() error, err error) {
	closeTrace = func() error { return nil }
	var to []io.Writer
	if r.verbose {
		to = append(to, out)
	}
	if r.trace != "" {
		f, err := os.Create(r.trace)
		if err != nil {
			return nil, nil, err
		}
		w := bufio.NewWriter(f)
		to = append(to, w)
		closeTrace = func() error {
			if err := w.Flush(); err != nil {
				return err
			}
			return f.Close()
		}
	}
	if len(to) == 0 {
		return nil, closeTrace, nil
	}
	all := io.MultiWriter(to...)
	return func(l sim.Line) { fmt.Fprintln(all, l) }, closeTrace, nil
}

// replayed is the JSON form of a result. It holds nothing but what the plan
// decides.
type replayed struct {
	System    string              `json:"system"`
	Seed      uint64              `json:"seed"`
	Verdict   campaign.Status     `json:"verdict"`
	Signature string              `json:"signature,omitempty"`
	Machine   string              `json:"machine,omitempty"`
	At        *scenarios.Duration `json:"at,omitempty"`
	Sentence  string              `json:"sentence"`
	Hash      string              `json:"hash"`
	Events    uint64              `json:"events"`
	Messages  uint64              `json:"messages"`
	Ops       campaign.Outcomes   `json:"ops"`
	Simulated scenarios.Duration  `json:"simulated"`
}

func (r *replay) print(out io.Writer, p *scenarios.Plan, result *campaign.Result) error {
	if !r.json {
		_, err := fmt.Fprintf(out, "%s\n%d events, %d messages delivered, %d operations, %v simulated\n", result.Text(p),
			result.Stats.Events, result.Stats.Delivered, result.Outcomes.Total(), result.Simulated)
		return err
	}
	j := replayed{
		System: p.System, Seed: p.Seed, Verdict: result.Status, Signature: result.Signature(), Sentence: result.Sentence(),
		Hash: fmt.Sprintf("%016x", result.Hash), Events: result.Stats.Events, Messages: result.Stats.Delivered,
		Ops: result.Outcomes, Simulated: result.Simulated,
	}
	if v := result.Violation; v != nil {
		j.Machine, j.At = v.Machine, &v.At
	}
	return json.NewEncoder(out).Encode(j)
}

// verdictError is the exit code for a status, when all has been said.
func verdictError(s campaign.Status) error {
	switch s {
	case campaign.Violated:
		return &failure{code: exitViolated}
	case campaign.Undecided:
		return &failure{code: exitUndecided}
	}
	return nil
}
