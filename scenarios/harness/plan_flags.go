package harness

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// planFlags holds the flags that, with a seed, determine a plan.
type planFlags struct {
	systems systemList
	system  string
	own     systemFlags
	with    []string        // names of families
	without []string        // names of families
	shape   scenarios.Shape // the other fields that flags set
}

// newPlanFlags adds the flags to a command.
func newPlanFlags(cmd *cobra.Command, systems systemList) *planFlags {
	s := &planFlags{systems: systems}
	f := cmd.Flags()
	f.StringVar(&s.system, "system", systems[0].Name, "system under test: "+strings.Join(systems.names(), ", "))
	f.StringVar((*string)(&s.shape.Profile), "profile", string(scenarios.All), "families of faults: none, network, crash, disk or all")
	f.StringSliceVar(&s.with, "with", nil, "families of faults that every plan has, as in members")
	f.StringSliceVar(&s.without, "without", nil, "families of faults that no plan has, as in wipe,rollback")
	for _, n := range s.numbers() {
		f.IntVar(n.value, n.name, 0, n.usage)
	}
	s.own.register(f, systems)
	cli.CompleteFlag(cmd, "system", systems.names)
	cli.CompleteFlag(cmd, "profile", func() []string {
		var names []string
		for _, p := range scenarios.FaultProfiles() {
			names = append(names, string(p))
		}
		return names
	})
	for _, name := range []string{"with", "without"} {
		cli.CompleteFlag(cmd, name, familyNames)
	}
	return s
}

func familyNames() (names []string) {
	for _, f := range scenarios.AllFamilies() {
		names = append(names, f.String())
	}
	return names
}

// numberFlag is a flag for a number of a shape; 0 leaves it to the seed.
type numberFlag struct {
	name  string
	value *int
	usage string
}

func (s *planFlags) numbers() []numberFlag {
	return []numberFlag{
		{"nodes", &s.shape.Nodes, "nodes of the cluster (0: left to the seed)"},
		{"clients", &s.shape.Clients, "clients (0: left to the seed)"},
		{"ops", &s.shape.Operations, "operations in a plan (0: left to the seed)"},
		{"machines", &s.shape.Machines, "machines that the operations are spread over (0: left to the seed)"},
		{"aimed", &s.shape.Aimed, fmt.Sprintf("percent of seeds with faults aimed at instants of a first run (0: the usual share, %d: none)", scenarios.Unaimed)},
	}
}

// flagNames lists the flags that, with a seed, determine a plan.
func (s *planFlags) flagNames() []string {
	names := append([]string{"system", "profile", "with", "without"}, s.own.names()...)
	for _, n := range s.numbers() {
		names = append(names, n.name)
	}
	return names
}

// setFlags lists the flags of s that the user gave.
func (s *planFlags) setFlags(cmd *cobra.Command) []string {
	known := s.flagNames()
	var names []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(known, f.Name) {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

// campaign returns the campaign that the flags describe, without a budget.
func (s *planFlags) campaign() (*campaign.Campaign, error) {
	sys, err := s.systems.named(s.system)
	if err != nil {
		return nil, err
	}
	if err := s.own.apply(&sys); err != nil {
		return nil, err
	}
	c := &campaign.Campaign{System: sys, Shape: s.shape}
	if c.Shape.With, err = parseFamilies("with", s.with); err != nil {
		return nil, err
	}
	if c.Shape.Without, err = parseFamilies("without", s.without); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// parseFamilies returns the families that a flag names.
func parseFamilies(flag string, names []string) (list []scenarios.Family, _ error) {
	for _, name := range names {
		family, err := scenarios.ParseFamily(name)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		list = append(list, family)
	}
	return list, nil
}

// replayLine returns the command line that repeats one seed. A command of one system
// needs not name it.
func (s *planFlags) replayLine(seed uint64) string {
	line := fmt.Sprintf("%s replay %d", cli.ProgramName(), seed)
	if len(s.systems) > 1 {
		line += " --system " + s.system
	}
	line += fmt.Sprintf(" --profile %s", s.shape.Profile) + s.own.line()
	if len(s.with) > 0 {
		line += " --with " + strings.Join(s.with, ",")
	}
	if len(s.without) > 0 {
		line += " --without " + strings.Join(s.without, ",")
	}
	for _, n := range s.numbers() {
		if *n.value != 0 {
			line += fmt.Sprintf(" --%s %d", n.name, *n.value)
		}
	}
	return line
}

// plan returns the plan of a seed, given as text.
func (s *planFlags) plan(seed string) (*scenarios.Plan, error) {
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("seed %q: want a whole number from 0 to 2^64-1", seed)
	}
	c, err := s.campaign()
	if err != nil {
		return nil, err
	}
	return c.Plan(n), nil
}
