package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

type bisection struct {
	source
	good, bad, plan, expect string
	limit                   time.Duration
}

func bisectCommand() *cobra.Command {
	var b bisection
	cmd := &cobra.Command{
		Use:   "bisect",
		Short: "Find the commit that brought a failure",
		Long: `Find the commit that brought a failure: build the program of commits between a good and a bad
one, and replay the plan of the failure with each. A commit that does not build, or to
which the plan means nothing, is skipped, and named. The history is that of the first
parents. The commits are checked out in a directory of their own; the repository is left
alone.

fleet serve --repo does so by itself for each failure that is new or has come back.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd) },
	}
	b.register(cmd)
	f := cmd.Flags()
	f.StringVar(&b.good, "good", "", "a commit without the failure")
	f.StringVar(&b.bad, "bad", "HEAD", "a later commit with it")
	f.StringVar(&b.plan, "plan", "", "file with the plan of the failure, best the shrunk one")
	f.StringVar(&b.expect, "expect", "", "signature of the failure (default: the one that the bad commit shows)")
	f.DurationVar(&b.limit, "limit", time.Minute, "the most time for a replay; a commit that takes longer is skipped")
	return cmd
}

func (b *bisection) run(cmd *cobra.Command) error {
	switch {
	case b.good == "":
		return errors.New("--good: want a commit without the failure")
	case b.plan == "":
		return errors.New("--plan: want the file with the plan of the failure, as shrunk.json in its folder")
	case b.limit <= 0:
		return fmt.Errorf("--limit %v: want more than 0", b.limit)
	}
	builder, err := b.open(cmd.Context())
	if err != nil {
		return err
	}
	search := &bisect.Search{Builder: builder, Good: b.good, Bad: b.bad, Plan: b.plan, Signature: b.expect, Limit: b.limit, Tell: func(step bisect.Step) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s %s\n", bisect.Short(step.Commit), step.Outcome)
	}}
	result, err := search.Run(cmd.Context())
	if err := errors.Join(err, builder.Close()); err != nil {
		return err
	}
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
	}
	fmt.Fprint(cmd.OutOrStdout(), result.Text())
	return nil
}
