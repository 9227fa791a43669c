package main

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func removeCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a campaign from a fleet, with its results",
		Long: `Remove a campaign from a fleet, with its results. What workers are at goes on to its end, and is
thrown away. What serve has kept in its folder stays.`,
		Args: cli.Exactly(1, "the name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, end, err := c.open(cmd.Context(), "remove")
			if err != nil {
				return err
			}
			defer end()
			_, missing := named(cmd.Context(), q, args[0])
			if missing != nil && !errors.Is(missing, errNone) {
				return missing
			}
			if err := q.Remove(cmd.Context(), args[0]); err != nil { // also of one of which an earlier removal has left results
				return err
			}
			if missing != nil {
				return fmt.Errorf("%w; what was left of one, if anything, was removed", missing)
			}
			if !cli.AsJSON(cmd) {
				fmt.Fprintf(cmd.OutOrStdout(), "campaign %s was removed\n", args[0])
			}
			return nil
		},
	}
	c.register(cmd, defaultNATS)
	return cmd
}
