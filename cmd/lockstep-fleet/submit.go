package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

type submit struct {
	connection
	source
	binary, seeds string
	commit, good  string
	send          bool
	campaign      fleet.Campaign
}

func submitCommand() *cobra.Command {
	var s submit
	cmd := &cobra.Command{
		Use:   "submit NAME",
		Short: "Submit a campaign to a fleet",
		Long: `Submit a campaign to a fleet, under a name. The program runs the first seed here, to see that
it can. Workers need a copy of the same file; or it is sent to those that accept programs, with
--send-program.

With --package the program is built here from a commit of a repository, and sent. Failures
have the commit, and fleet serve --repo finds the one that brought each.

The same command again has no effect, but that jobs which the queue has lost are added.`,
		Args: cli.Exactly(1, "the name of the campaign"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args[0]) },
	}
	s.connection.register(cmd, defaultNATS)
	s.source.register(cmd)
	f, c := cmd.Flags(), &s.campaign
	f.StringVar(&s.binary, "binary", "", "the program that runs the seeds")
	f.BoolVar(&s.send, "send-program", false, "send the program to the workers that accept programs; up to 256 MB")
	f.StringVar(&s.commit, "commit", "", "commit of the program (default: the one that go build has noted in it; with --package HEAD)")
	f.StringVar(&s.good, "good", "", "an earlier commit without failures, from which serve --repo searches (default: that of an earlier campaign)")
	f.StringVar(&s.seeds, "seeds", "", "how many seeds, or the first and the last, as in 5000..9999")
	f.Uint64Var(&c.RangeSeeds, "range", 1000, "seeds that a worker runs at a time")
	f.IntVar(&c.Guard, "guard", 2, "percent of seeds that run twice to catch nondeterminism")
	f.IntVar(&c.Repeat, "repeat", 0, "percent of ranges that run a second time on another worker, to compare machines")
	f.DurationVar(&c.CheckTimeout, "check-timeout", campaign.DefaultCheckTimeout, "give up judging a history after so long")
	f.DurationVar(&c.Lease, "lease", fleet.DefaultLease, "the range of a worker that is silent for so long goes to another one")
	f.IntVar(&c.Weight, "weight", 1, "its share of the workers beside other campaigns")
	f.StringVar(&c.Plans.System, "system", "", "system under test (default: the first of the program)")
	f.StringVar(&c.Plans.Profile, "profile", "", "families of faults, as of fuzz")
	f.StringSliceVar(&c.Plans.With, "with", nil, "families of faults that every plan has")
	f.StringSliceVar(&c.Plans.Without, "without", nil, "families of faults that no plan has")
	f.IntVar(&c.Plans.Nodes, "nodes", 0, "nodes of the cluster (0: left to the seed)")
	f.IntVar(&c.Plans.Clients, "clients", 0, "clients (0: left to the seed)")
	f.IntVar(&c.Plans.Ops, "ops", 0, "operations in a plan (0: left to the seed)")
	f.IntVar(&c.Plans.Machines, "machines", 0, "machines that the operations are spread over (0: left to the seed)")
	f.IntVar(&c.Plans.Aimed, "aimed", 0, "percent of seeds with aimed faults (0: the usual share, -1: none)")
	return cmd
}

func (s *submit) run(cmd *cobra.Command, name string) error {
	if (s.binary == "") == (s.pkg == "") {
		return errors.New("--binary, --package: want one of them: the program that runs the seeds, a command made by harness.Main, or its package")
	}
	if steward.IsCanary(name) {
		return fmt.Errorf("campaign %s: the names that begin with canary- are those of fleet serve --canary: give it another name", name)
	}
	c := &s.campaign
	var err error
	if c.First, c.Seeds, err = parseSeeds(s.seeds); err != nil {
		return err
	}
	c.Name, c.Submitted = name, time.Now().UTC()
	if s.pkg != "" {
		builder, err := s.source.open(cmd.Context())
		if err != nil {
			return err
		}
		return errors.Join(s.build(cmd, builder), builder.Close())
	}
	c.Commit, c.Good = cmp.Or(s.commit, commitOf(s.binary)), s.good
	return s.submit(cmd)
}

// build builds the program of the commit, and submits it.
func (s *submit) build(cmd *cobra.Command, b *bisect.Builder) (err error) {
	c := &s.campaign
	if c.Commit, err = b.Commit(cmd.Context(), cmp.Or(s.commit, "HEAD")); err != nil {
		return fmt.Errorf("--commit: %w", err)
	}
	if s.good != "" {
		if c.Good, err = b.Commit(cmd.Context(), s.good); err != nil {
			return fmt.Errorf("--good: %w", err)
		}
	}
	if s.binary, err = b.Build(cmd.Context(), c.Commit); err != nil {
		return fmt.Errorf("--commit %s: %w", bisect.Short(c.Commit), err)
	}
	s.send = true // no worker has a copy
	return s.submit(cmd)
}

func (s *submit) submit(cmd *cobra.Command) error {
	c := &s.campaign
	program, err := fleet.OpenProgram(s.binary, 0)
	if err != nil {
		return fmt.Errorf("--binary: %w", err)
	}
	if c.Build = program.Build; s.send {
		c.Program = program.Hash
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if err := s.probe(cmd, program); err != nil {
		return err
	}
	q, end, err := s.connection.open(cmd.Context(), "submit")
	if err != nil {
		return err
	}
	defer end()
	if s.send {
		err = fleet.SubmitProgram(cmd.Context(), q, c, program)
	} else {
		err = fleet.Submit(cmd.Context(), q, c)
	}
	if err != nil {
		return fmt.Errorf("campaign %s: %w", c.Name, err)
	}
	return s.tell(cmd, program)
}

// probe runs the first seed, to see that the program can.
func (s *submit) probe(cmd *cobra.Command, program *fleet.Program) error {
	dir, err := os.MkdirTemp("", "lockstep-fleet-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.campaign.Probe, err = program.Probe(cmd.Context(), dir, &s.campaign); err != nil {
		return fmt.Errorf("--binary: %w", err)
	}
	return nil
}

func (s *submit) tell(cmd *cobra.Command, program *fleet.Program) error {
	c := &s.campaign
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"name": c.Name, "build": c.Build, "commit": c.Commit, "program": c.Program, "seeds": c.Seeds, "ranges": c.Ranges()})
	}
	need := "workers need a copy of " + program.Path
	if s.send {
		need = "workers with --accept-programs get the program from the queue"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "campaign %s: %d seeds in %d ranges, build %s\n%s\n", c.Name, c.Seeds, c.Ranges(), c.Build, need)
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
