package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

type submit struct {
	connection
	binary, seeds string
	campaign      fleet.Campaign
}

func submitCommand() *cobra.Command {
	var s submit
	cmd := &cobra.Command{
		Use:   "submit NAME",
		Short: "Submit a campaign to a fleet",
		Long: `Submit a campaign to a fleet, under a name. The program runs the first seed here, to see that
it can; workers need a copy of the same file.

The same command again has no effect, but that jobs which the queue has lost are added.`,
		Args: cli.Exactly(1, "the name of the campaign"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args[0]) },
	}
	s.register(cmd, defaultNATS)
	f, c := cmd.Flags(), &s.campaign
	f.StringVar(&s.binary, "binary", "", "the program that runs the seeds")
	f.StringVar(&s.seeds, "seeds", "", "how many seeds, or the first and the last, as in 5000..9999")
	f.Uint64Var(&c.RangeSeeds, "range", 1000, "seeds that a worker runs at a time")
	f.IntVar(&c.Guard, "guard", 2, "percent of seeds that run twice to catch nondeterminism")
	f.IntVar(&c.Repeat, "repeat", 0, "percent of ranges that run a second time on another worker, to compare machines")
	f.DurationVar(&c.CheckTimeout, "check-timeout", campaign.DefaultCheckTimeout, "give up judging a history after so long")
	f.DurationVar(&c.Lease, "lease", fleet.DefaultLease, "the range of a worker that is silent for so long goes to another one")
	f.IntVar(&c.Weight, "weight", 1, "its share of the workers beside other campaigns")
	f.StringVar(&c.Plans.System, "system", "", "system under test (default: the first of the program)")
	f.StringVar(&c.Plans.Profile, "profile", "", "families of faults, as of fuzz")
	f.StringSliceVar(&c.Plans.Without, "without", nil, "families of faults that no plan has")
	f.IntVar(&c.Plans.Nodes, "nodes", 0, "nodes of the cluster (0: left to the seed)")
	f.IntVar(&c.Plans.Clients, "clients", 0, "clients (0: left to the seed)")
	f.IntVar(&c.Plans.Ops, "ops", 0, "operations in a plan (0: left to the seed)")
	f.IntVar(&c.Plans.Machines, "machines", 0, "machines that the operations are spread over (0: left to the seed)")
	f.IntVar(&c.Plans.Aimed, "aimed", 0, "percent of seeds with aimed faults (0: the usual share, -1: none)")
	return cmd
}

func (s *submit) run(cmd *cobra.Command, name string) (err error) {
	if s.binary == "" {
		return errors.New("--binary: want the program that runs the seeds: a command made by harness.Main, or lockstep")
	}
	program, err := fleet.OpenProgram(s.binary, 0)
	if err != nil {
		return fmt.Errorf("--binary: %w", err)
	}
	if steward.IsCanary(name) {
		return fmt.Errorf("campaign %s: the names that begin with canary- are those of fleet serve --canary: give it another name", name)
	}
	c := &s.campaign
	if c.First, c.Seeds, err = parseSeeds(s.seeds); err != nil {
		return err
	}
	c.Name, c.Build, c.Submitted = name, program.Build, time.Now().UTC()
	if err := c.Validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lockstep-fleet-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.Probe, err = program.Probe(cmd.Context(), dir, c); err != nil {
		return fmt.Errorf("--binary: %w", err)
	}
	q, end, err := s.open(cmd.Context(), "submit")
	if err != nil {
		return err
	}
	defer end()
	if err := fleet.Submit(cmd.Context(), q, c); err != nil {
		return fmt.Errorf("campaign %s: %w", name, err)
	}
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"name": name, "build": c.Build, "seeds": c.Seeds, "ranges": c.Ranges()})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "campaign %s: %d seeds in %d ranges, build %s\nworkers need a copy of %s\n", name, c.Seeds, c.Ranges(), c.Build, program.Path)
	return nil
}

// parseSeeds parses a number of seeds, or FIRST..LAST.
func parseSeeds(text string) (first, seeds uint64, err error) {
	wrong := fmt.Errorf("--seeds %q: want a number of seeds, or the first and the last, as in 5000..9999", text)
	begin, end, isRange := strings.Cut(text, "..")
	if !isRange {
		if seeds, err = strconv.ParseUint(text, 10, 64); err != nil || seeds == 0 {
			return 0, 0, wrong
		}
		return 0, seeds, nil
	}
	first, errF := strconv.ParseUint(begin, 10, 64)
	last, errL := strconv.ParseUint(end, 10, 64)
	if errF != nil || errL != nil || last < first || last-first+1 == 0 {
		return 0, 0, wrong
	}
	return first, last - first + 1, nil
}
