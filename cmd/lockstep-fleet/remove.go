package main

import (
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
			if _, err := named(cmd.Context(), q, args[0]); err != nil {
				return err
			}
			if err := q.Remove(cmd.Context(), args[0]); err != nil {
				return err
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
