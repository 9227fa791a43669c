package harness

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func mergeCommand(systems systemList) *cobra.Command {
	f := fuzz{plans: &planFlags{systems: systems}}
	cmd := &cobra.Command{
		Use:   "merge STATE.json...",
		Short: "Add up the states of campaigns that share the seeds",
		Long: `Add up the states that campaigns with --shard have kept with --state, and report what
they have shown together, as one campaign does at its end, with the same exit code.`,
		Args: cli.AtLeastOne("the states of campaigns"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.json = cli.AsJSON(cmd)
			return f.merge(cmd, args)
		},
	}
	f.tellFlags(cmd)
	return cmd
}

// tellFlags adds the flags of a command that tells what campaigns have shown together.
func (f *fuzz) tellFlags(cmd *cobra.Command) {
	f.plans.own.register(cmd.Flags(), f.plans.systems)
	cmd.Flags().StringVar(&f.junit, "junit", "", "write what the campaigns have shown to this file, as JUnit XML")
	f.neverHitFlag(cmd)
	f.verboseFlag(cmd)
}

// maxMissingShown bounds the missing shards that are told one by one.
const maxMissingShown = 16

func (f *fuzz) merge(cmd *cobra.Command, names []string) error {
	m, err := campaign.MergeStates(names)
	if err != nil {
		return err
	}
	return f.tell(cmd, names, &m)
}

// tell reports what campaigns have shown together, and ends as one campaign does.
func (f *fuzz) tell(cmd *cobra.Command, names []string, m *campaign.Merged) error {
	f.plans.system, f.plans.shape = m.Shape.System, m.Shape
	c, err := f.plans.campaign()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(c.System.Definitions, m.Shape.Definitions) {
		return fmt.Errorf("%s: its plans are of machines %s: give the file that the campaign was given, as --definition", names[0], definitionNames(m.Shape.Definitions))
	}
	if !slices.Equal(c.System.Marks, m.Marks) {
		return fmt.Errorf("%s: it counts other marks than this build knows", names[0])
	}
	c.Start, c.Shards = m.Start, m.Shards
	rep := f.reporter(cmd)
	for i, shard := range m.Missing {
		if i == maxMissingShown {
			fmt.Fprintf(cmd.ErrOrStderr(), "and %d shards more are missing\n", len(m.Missing)-i)
			break
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "shard %d/%d is missing\n", shard, m.Shards)
	}
	for _, shard := range m.Partial[:min(maxMissingShown, len(m.Partial))] {
		fmt.Fprintf(cmd.ErrOrStderr(), "shard %d/%d is not at its end: its command goes on\n", shard, m.Shards)
	}
	rep.summary(c, &m.Summary, &ending{
		cpu: cli.CPUTime(), replay: f.replayLine, neverHit: f.neverHitFails, incomplete: len(m.Missing) + len(m.Partial),
	})
	if err := f.writeJUnit(c, &m.Summary); err != nil {
		return err
	}
	return f.exit(c, &m.Summary)
}

func definitionNames(all []fsm.Definition) string {
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}
