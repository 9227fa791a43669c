package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func necessityCommand(systems systemList) *cobra.Command {
	var n necessity
	cmd := &cobra.Command{
		Use:   "necessity SEED|PLAN.json",
		Short: "Measure which parts of a plan its failure needs",
		Long: `Take each operation, fault and override out of a plan that fails, one at a time, and
run the rest with many seeds, which decide the choices that the plan leaves open:
how often does it still fail in the same way, and how often in another? Shrink
the plan first.

Ctrl-C ends it with the parts that are measured by then, and exit code 0, or 4 if there is
none. A second Ctrl-C ends it at once.`,
		Args: cli.Exactly(1, "a seed or a plan file"),
		RunE: func(cmd *cobra.Command, args []string) error { return n.run(cmd, args[0]) },
	}
	n.plans = newPlanFlags(cmd, systems)
	completeKept(cmd)
	f := cmd.Flags()
	f.IntVar(&n.seeds, "seeds", necessitySeeds, "seeds that each plan runs with, from its own on")
	f.IntVar(&n.workers, "workers", 0, "runs at the same time (0: one per core)")
	return cmd
}

type necessity struct {
	plans          *planFlags
	seeds, workers int
}

func (n *necessity) run(cmd *cobra.Command, arg string) error {
	if err := checkSeeds(n.seeds); err != nil {
		return err
	}
	p, err := n.plans.planOf(cmd, arg)
	if err != nil {
		return err
	}
	sys, err := n.plans.systems.named(p.System)
	if err != nil {
		return err
	}
	needs, err := measureNecessity(cmd, sys, p, campaign.NecessityOptions{Seeds: n.seeds, Workers: n.workers})
	interrupted := err != nil && cmd.Context().Err() != nil
	switch {
	case interrupted && len(needs.Rows) == 0:
		return &cli.Error{Code: cli.Undecided, Text: "interrupted before any part was measured"}
	case err != nil && !interrupted:
		return err
	}
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(needs)
	}
	printNecessity(cmd.OutOrStdout(), &needs)
	if interrupted {
		fmt.Fprintln(cmd.OutOrStdout())
		cli.PrintColoured(cmd.OutOrStdout(), cli.Yellow, "INTERRUPTED")
		fmt.Fprintf(cmd.OutOrStdout(), " after %s: the others are not measured; fewer --seeds take less time\n", plural(len(needs.Rows)-1, "part"))
	}
	return nil
}

// measureNecessity measures the plan as it is and without each part, and shows its progress.
func measureNecessity(cmd *cobra.Command, sys scenarios.System, p *scenarios.Plan, o campaign.NecessityOptions) (campaign.Necessity, error) {
	var done, all atomic.Int64
	line := cli.NewProgress(cmd.ErrOrStderr())
	line.Begin(func(since time.Duration) string {
		s := whole(since)
		if d := done.Load(); d > 0 {
			s += fmt.Sprintf(", %s left: %d of %d plans", whole(since*time.Duration(all.Load()-d)/time.Duration(d)), d, all.Load())
		}
		return ifEnding(cmd.Context(), s)
	})
	defer line.End()
	o.Progress = func(d, n int) { done.Store(int64(d)); all.Store(int64(n)) }
	return campaign.MeasureNecessityWith(cmd.Context(), sys, p, o)
}

// printNecessity prints the table. Descriptions of parts that are too long for a line go
// on below their begin.
func printNecessity(out io.Writer, n *campaign.Necessity) {
	for line := range strings.Lines(n.String()) {
		fmt.Fprintln(out, cli.Wrap(strings.TrimSuffix(line, "\n"), cli.Width(out), necessityColumn+2))
	}
}

// necessityColumn is the column in which the parts begin.
const necessityColumn = 23

func checkSeeds(n int) error {
	if n < 1 || n > 1_000_000 {
		return fmt.Errorf("--seeds %d: want 1 to 1000000", n)
	}
	return nil
}
