package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// root returns the lockstep command with its subcommands. This file also has what they
// share: the systems under test, the flags that with a seed determine a plan, and the
// command line that repeats a seed.
func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lockstep",
		Short: "Deterministic torture for replicated state machines",
		Long: `Deterministic torture for replicated state machines.

A seed expands to a plan: a cluster, what its clients do, and what goes wrong.
A plan runs in a simulator, always in the same way, and what its clients saw is
judged. Begin with: lockstep fuzz

Exit codes: 0 fine, 1 a property is violated, 2 usage or bad input,
3 harness fault (nondeterminism), 4 undecided, 5 rejected, 6 outcome unknown,
7 a node stopped by itself, 8 a coverage mark was never hit (fuzz --never-hit-fails), 9 unavailable,
10 the log of a node is damaged or not complete, 125 a kept plan is not valid for this build.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	addOutputFlags(cmd)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	})
	cmd.AddCommand(fuzzCommand(), planCommand(), replayCommand(), shrinkCommand(), necessityCommand(), checkCommand())
	cmd.AddCommand(nodeCommand(), clusterCommand(), getCommand(), listCommand(), watchCommand(), proposeCommand(), retireCommand(), defineCommand(), definitionsCommand(), statusCommand(), loadCommand(), inspectCommand())
	return cmd
}

// testSystems lists more systems, for tests of this command.
var testSystems []scenarios.System

// systems lists the systems under test. The first is the default.
func systems() []scenarios.System {
	return append([]scenarios.System{lockstep.System(), origin.System(), canary.System()}, testSystems...)
}

func systemNames() []string {
	var names []string
	for _, s := range systems() {
		names = append(names, s.Name)
	}
	return names
}

func systemNamed(name string) (scenarios.System, error) {
	for _, s := range systems() {
		if s.Name == name {
			return s, nil
		}
	}
	return scenarios.System{}, fmt.Errorf("%w %q: want one of %s", errSystem, name, strings.Join(systemNames(), ", "))
}

var errSystem = errors.New("unknown system")

// planFlags holds the flags that, with a seed, determine a plan.
type planFlags struct {
	system                               string
	profile                              string
	definition                           string // file
	nodes, clients, operations, machines int
	aimed                                int
}

func (s *planFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.system, "system", systems()[0].Name, "system under test: "+strings.Join(systemNames(), ", "))
	f.StringVar(&s.profile, "profile", string(scenarios.All), "families of faults: none, network, crash, disk or all")
	f.StringVar(&s.definition, "definition", "", "file with the definition of the machines, in YAML or JSON (default: the system's)")
	f.IntVar(&s.nodes, "nodes", 0, "nodes of the cluster (0: left to the seed)")
	f.IntVar(&s.clients, "clients", 0, "clients (0: left to the seed)")
	f.IntVar(&s.operations, "ops", 0, "operations in a plan (0: left to the seed)")
	f.IntVar(&s.machines, "machines", 0, "machines that the operations are spread over (0: left to the seed)")
	f.IntVar(&s.aimed, "aimed", 0, fmt.Sprintf("percent of seeds with faults aimed at instants of a first run (0: the usual share, %d: none)", scenarios.Unaimed))
	completeFlag(cmd, "system", systemNames)
	completeFlag(cmd, "profile", func() []string {
		var names []string
		for _, p := range scenarios.FaultProfiles() {
			names = append(names, string(p))
		}
		return names
	})
}

func completeFlag(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag does not exist
	}
}

// setFlags lists the flags of s that the user gave.
func (s *planFlags) setFlags(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"system", "profile", "definition", "nodes", "clients", "ops", "machines", "aimed"}, f.Name) {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

// campaign returns the campaign that the flags describe, without a budget.
func (s *planFlags) campaign() (*campaign.Campaign, error) {
	sys, err := systemNamed(s.system)
	if err != nil {
		return nil, err
	}
	if s.definition != "" {
		d, err := readDefinition(s.definition)
		if err != nil {
			return nil, fmt.Errorf("--definition: %w", err)
		}
		sys.Definitions = []fsm.Definition{d}
	}
	c := &campaign.Campaign{System: sys, Shape: scenarios.Shape{
		Profile: scenarios.FaultProfile(s.profile), Nodes: s.nodes, Clients: s.clients, Operations: s.operations, Machines: s.machines, Aimed: s.aimed,
	}}
	return c, c.Validate()
}

// replayLine returns the command line that repeats one seed.
func (s *planFlags) replayLine(seed uint64) string {
	line := fmt.Sprintf("%s replay %d --system %s --profile %s", programName(), seed, s.system, s.profile)
	if s.definition != "" {
		line += " --definition " + s.definition
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"nodes", s.nodes}, {"clients", s.clients}, {"ops", s.operations}, {"machines", s.machines}, {"aimed", s.aimed}} {
		if f.value != 0 {
			line += fmt.Sprintf(" --%s %d", f.name, f.value)
		}
	}
	return line
}
