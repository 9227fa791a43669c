package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/spf13/cobra"
)

// Budgets of runs.
const (
	fuzzShrinkBudget = 2_000 // for each failure that a campaign shrinks by itself
	necessitySeeds   = 200
)

func shrinkCommand(systems systemList) *cobra.Command {
	var s shrink
	cmd := &cobra.Command{
		Use:   "shrink SEED|PLAN.json",
		Short: "Make a plan that fails as small as it can be",
		Long: `Make a plan that fails as small and as simple as it can be: that of a seed and
these flags, or one from a file (- for standard input). The result fails in the
same way. Where chance decides the fate of messages, the fates that matter become
overrides. The same plan and budget always give the same result.

Without --out the plan is the output, and the report about it goes to standard
error.

Ctrl-C ends the search, and the smallest plan so far is the result: it fails in the same
way, is not minimal, and the exit code is 0, or 4 if the plan was not seen to fail by then.
A second Ctrl-C ends it at once.`,
		Args: cli.Exactly(1, "a seed or a plan file"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args[0]) },
	}
	s.plans = newPlanFlags(cmd, systems)
	completeKept(cmd)
	f := cmd.Flags()
	f.StringVar(&s.out, "out", "", "file for the plan (default: standard output)")
	f.IntVar(&s.budget, "budget", campaign.DefaultShrinkRuns, "runs at most; one of many events counts as several")
	f.IntVar(&s.workers, "workers", 0, "runs at the same time (0: one per core)")
	f.DurationVar(&s.checkTimeout, "check-timeout", campaign.DefaultCheckTimeout, "give up judging a history after so long; a plan may fail by that")
	f.BoolVar(&s.why, "why", false, "report what each remaining part is needed for: see necessity")
	f.IntVar(&s.seeds, "seeds", necessitySeeds, "with --why: seeds that each plan runs with")
	return cmd
}

type shrink struct {
	plans           *planFlags
	out             string
	budget, workers int
	checkTimeout    time.Duration
	why, json       bool
	seeds           int
	interrupted     bool // the search
}

// shrinkJSON is the JSON form of the result.
type shrinkJSON struct {
	Signature string              `json:"signature"`
	Before    planSize            `json:"before"`
	After     planSize            `json:"after"`
	Runs      int                 `json:"runs"`
	Minimal   bool                `json:"minimal"`
	Ended     bool                `json:"interrupted,omitempty"` // by a signal
	Needs     *campaign.Necessity `json:"necessity,omitempty"`
	Plan      json.RawMessage     `json:"plan"`
}

func (s *shrink) run(cmd *cobra.Command, arg string) error {
	s.json = cli.AsJSON(cmd)
	if s.budget < 1 {
		return fmt.Errorf("--budget %d: want at least 1", s.budget)
	}
	if s.checkTimeout <= 0 {
		return fmt.Errorf("--check-timeout %v: want more than 0", s.checkTimeout)
	}
	if err := checkSeeds(s.seeds); err != nil {
		return err
	}
	p, err := s.plans.planOf(cmd, arg)
	if err != nil {
		return err
	}
	sys, err := s.plans.systems.named(p.System)
	if err != nil {
		return err
	}
	small, err := s.search(cmd, sys, p)
	if err != nil {
		return err
	}
	var needs *campaign.Necessity
	if s.why && cmd.Context().Err() == nil {
		n, err := measureNecessity(cmd, sys, small.Plan, campaign.NecessityOptions{Seeds: s.seeds, Workers: s.workers})
		if err != nil && cmd.Context().Err() == nil {
			return err
		}
		needs = &n
	}
	return s.print(cmd, p, &small, needs)
}

// search shrinks the plan, and shows its progress. When it is interrupted it returns the
// smallest plan so far.
func (s *shrink) search(cmd *cobra.Command, sys scenarios.System, p *scenarios.Plan) (campaign.Shrunk, error) {
	var status shrinkStatus
	line := cli.NewProgress(cmd.ErrOrStderr())
	line.Begin(func(since time.Duration) string { return ifEnding(cmd.Context(), status.text(since)) })
	defer line.End()
	small, err := campaign.Shrink(cmd.Context(), sys, p, campaign.ShrinkOptions{
		Runs: s.budget, Workers: s.workers, CheckTimeout: s.checkTimeout, Progress: status.update,
	})
	switch {
	case cmd.Context().Err() == nil:
		return small, err
	case small.Plan == nil:
		return small, &cli.Error{Code: cli.Undecided, Text: "interrupted before the plan was seen to fail, and so nothing is written: run it again"}
	}
	s.interrupted = true
	return small, nil
}

func (s *shrink) print(cmd *cobra.Command, p *scenarios.Plan, small *campaign.Shrunk, needs *campaign.Necessity) error {
	text, words := scenarios.Encode(small.Plan), cmd.OutOrStdout()
	switch {
	case s.out != "":
		if err := os.WriteFile(s.out, text, 0o666); err != nil {
			return err
		}
	case !s.json:
		if _, err := cmd.OutOrStdout().Write(text); err != nil {
			return err
		}
		words = cmd.ErrOrStderr()
	}
	if s.json {
		return json.NewEncoder(words).Encode(shrinkJSON{
			small.Signature, sizeOf(p), sizeOf(small.Plan), small.Runs, small.Minimal, s.interrupted, needs, compactJSON(text),
		})
	}
	fmt.Fprintf(words, "%s, seed %d: %s\n%s; %s\n", p.System, p.Seed, small.Signature, describeSizes(p, small.Plan), plural(small.Runs, "run"))
	if !s.interrupted {
		fmt.Fprintln(words, minimality(small))
	}
	if s.out != "" {
		fmt.Fprintf(words, "repeat it: %s replay %s -v\n", cli.ProgramName(), cli.Quote(s.out))
	}
	if s.interrupted {
		fmt.Fprintf(words, "\n%s", cli.Fit(words, shortOutline(small.Plan), 0))
	} else {
		fmt.Fprintf(words, "\n%s", cli.Fit(words, outline(small.Plan), 0))
	}
	if needs != nil {
		fmt.Fprintln(words)
		printNecessity(words, needs)
	}
	if s.interrupted || cmd.Context().Err() != nil {
		s.printInterrupted(cmd, words, small)
	}
	return nil
}

// printInterrupted prints the last line about a search that was interrupted: how to go on
// from its plan.
func (s *shrink) printInterrupted(cmd *cobra.Command, words io.Writer, small *campaign.Shrunk) {
	file, saved := s.out, ""
	if file == "" {
		file, saved = "small.json", ", once the plan is in small.json"
	}
	other := map[string]string{"out": file}
	for _, name := range s.plans.flagNames() {
		other[name] = "" // the file has the whole plan
	}
	fmt.Fprintln(words)
	cli.PrintColoured(words, cli.Yellow, "INTERRUPTED")
	if !s.interrupted { // by then the search was over
		fmt.Fprintf(words, ", and so not all is measured; go on with%s: %s necessity %s\n", saved, cli.ProgramName(), cli.Quote(file))
		return
	}
	fmt.Fprintf(words, " after %s: the plan fails so, and is not minimal; go on with%s: %s\n",
		plural(small.Runs, "run"), saved, cli.CommandLine(cmd, []string{file}, other))
}

func compactJSON(text []byte) json.RawMessage {
	var b bytes.Buffer
	_ = json.Compact(&b, text) // it was encoded just now
	return b.Bytes()
}

// minimality says whether a plan can become smaller, and how.
func minimality(s *campaign.Shrunk) string {
	switch {
	case s.Minimal:
		return "minimal: without any one of these operations, faults and overrides it does not fail so"
	case s.Signature == play.UndecidedSignature:
		return "its time ended first: with a shorter --check-timeout it may become smaller"
	}
	return "the budget ended first: with a larger --budget it may become smaller"
}

// planSize counts the parts of a plan.
type planSize struct {
	Operations int `json:"operations"`
	Faults     int `json:"faults"`
	Overrides  int `json:"overrides"`
}

func (s planSize) String() string {
	text := plural(s.Operations, "operation") + ", " + plural(s.Faults, "fault")
	if s.Overrides > 0 {
		text += ", " + plural(s.Overrides, "override")
	}
	return text
}

func sizeOf(p *scenarios.Plan) planSize {
	return planSize{len(p.Operations), len(p.Faults), len(p.Overrides)}
}

// describeSizes describes the sizes of a plan before and after it was shrunk.
func describeSizes(before, after *scenarios.Plan) string {
	a, b := sizeOf(after), sizeOf(before)
	s := fmt.Sprintf("shrunk: %v, of %d and %d", a, b.Operations, b.Faults)
	if b.Overrides > 0 {
		s += fmt.Sprintf(" and %d", b.Overrides)
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// outline describes a small plan completely, as text.
func outline(p *scenarios.Plan) string {
	var b strings.Builder
	for i := range p.Operations {
		o := &p.Operations[i]
		fmt.Fprintf(&b, "operation %s at %v: %v on %s", o.ID, o.At, o, o.Key)
		if o.Node != 0 {
			fmt.Fprintf(&b, " at node %d", o.Node)
		}
		b.WriteByte('\n')
	}
	for _, f := range p.Overrides {
		fmt.Fprintf(&b, "message %v\n", f)
	}
	return b.String() + p.Summary()
}
