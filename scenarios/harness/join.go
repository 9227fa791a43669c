package harness

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func joinCommand(systems systemList) *cobra.Command {
	f := fuzz{plans: &planFlags{systems: systems}}
	cmd := &cobra.Command{
		Use:   "join STATE.json...",
		Short: "Make one campaign of campaigns whose seeds follow each other",
		Long: `Make one campaign of campaigns whose seeds follow each other. Each was run by the same
build with --trail, --start and --seeds, and has kept its state with --state. The states
may be given in any order.

The result is that of one campaign with all the seeds, also its hash of all runs, and it is
reported like that, with the same exit code. With --state it is kept in a file, from which
fuzz goes on.`,
		Args: cli.AtLeastOne("the states of campaigns"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.json = cli.AsJSON(cmd)
			return f.join(cmd, args)
		},
	}
	cmd.Flags().StringVar(&f.state, "state", "", "keep the state of the one campaign in this file")
	f.tellFlags(cmd)
	return cmd
}

func (f *fuzz) join(cmd *cobra.Command, names []string) error {
	j, err := campaign.JoinStates(names)
	if err != nil {
		return err
	}
	if f.state != "" {
		if err := j.WriteState(f.state); err != nil {
			return fmt.Errorf("--state: %w", err)
		}
	}
	m := j.Merged()
	return f.tell(cmd, names, &m)
}
