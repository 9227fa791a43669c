package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/spf13/cobra"
)

func mergeCommand() *cobra.Command {
	var f fuzz
	cmd := &cobra.Command{
		Use:   "merge STATE.json...",
		Short: "Add up the states of campaigns that share the seeds",
		Long: `Add up the states that campaigns with --shard have kept with --state, and report what
they have shown together, as one campaign does at its end, with the same exit code.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s: want the states of campaigns, got 0 arguments; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.json = asJSON(cmd)
			return f.merge(cmd, args)
		},
	}
	cmd.Flags().StringVar(&f.plans.definition, "definition", "", "file with the definition of the machines that the campaigns were given")
	cmd.Flags().StringVar(&f.junit, "junit", "", "write what the campaigns have shown to this file, as JUnit XML")
	f.neverHitFlag(cmd)
	return cmd
}

func (f *fuzz) merge(cmd *cobra.Command, names []string) error {
	m, err := campaign.MergeStates(names)
	if err != nil {
		return err
	}
	s := m.Shape
	f.plans = planFlags{
		system: s.System, profile: string(s.Profile), definition: f.plans.definition,
		nodes: s.Nodes, clients: s.Clients, operations: s.Operations, machines: s.Machines,
	}
	c, err := f.plans.campaign()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(c.System.Definitions, s.Definitions) {
		return fmt.Errorf("%s: its plans are of machines %s: give the file that the campaign was given, as --definition", names[0], definitionNames(s.Definitions))
	}
	if !slices.Equal(c.System.Marks, m.Marks) {
		return fmt.Errorf("%s: it counts other marks than this build knows", names[0])
	}
	c.Start, c.Shards = m.Start, m.Shards
	rep := f.reporter(cmd)
	for _, shard := range m.Missing {
		fmt.Fprintf(cmd.ErrOrStderr(), "shard %d/%d is missing\n", shard, m.Shards)
	}
	rep.summary(c, &m.Summary, cpuTime(), f.plans.replayLine)
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
