package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/spf13/cobra"
)

func planCommand() *cobra.Command {
	var src planFlags
	cmd := &cobra.Command{
		Use:   "plan SEED",
		Short: "Print the plan that a seed expands to",
		Long:  "Print the plan that a seed and these flags expand to, as JSON. Save it, edit it, replay it.",
		Args:  exactly(1, "a seed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := src.plan(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(scenarios.Encode(p))
			return err
		},
	}
	src.flags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:   "validate FILE",
		Short: "Check a plan without running it",
		Args:  exactly(1, "a plan file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readPlan(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if asJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(validatedJSON{args[0], true, p.System, p.Seed})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: valid: system %s, seed %d\n%s", args[0], p.System, p.Seed, p.Summary())
			return nil
		},
	})
	return cmd
}

// validatedJSON is the JSON form of a successful validation.
type validatedJSON struct {
	File   string `json:"file"`
	Valid  bool   `json:"valid"`
	System string `json:"system"`
	Seed   uint64 `json:"seed"`
}

// exactly is cobra.ExactArgs with an error that names the missing argument.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s: want %s, got %d arguments; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
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

// planOf returns the plan that an argument names: a seed, or a file. Flags that
// shape the plan of a seed do not apply to a file.
func (s *planFlags) planOf(cmd *cobra.Command, arg string) (*scenarios.Plan, error) {
	if _, err := strconv.ParseUint(arg, 10, 64); err == nil {
		return s.plan(arg)
	}
	if given := s.setFlags(cmd); len(given) > 0 {
		return nil, fmt.Errorf("%s: a plan file describes its run completely; leave out %s", arg, strings.Join(given, ", "))
	}
	p, err := readPlan(arg, cmd.InOrStdin())
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%q is neither a seed nor a file: %w", arg, err)
	}
	return p, err
}

// readPlan reads a plan, or the plan of an artefact, from a file or, for "-", from
// in.
func readPlan(name string, in io.Reader) (*scenarios.Plan, error) {
	p, _, err := readArtefact(name, in)
	return p, err
}

// readArtefact is readPlan that also returns the artefact; nil if the file is a
// plan.
func readArtefact(name string, in io.Reader) (*scenarios.Plan, *campaign.Artefact, error) {
	data, err := readInput(name, in)
	if err != nil {
		return nil, nil, err
	}
	if !campaign.IsArtefact(data) {
		p, err := decodePlan(name, data)
		return p, nil, err
	}
	a, p, err := campaign.DecodeArtefact(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := systemNamed(p.System); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: plan: system: %w", name, campaign.ErrArtefact, err)
	}
	return p, &a, nil
}

func decodePlan(name string, data []byte) (*scenarios.Plan, error) {
	p, err := scenarios.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := systemNamed(p.System); err != nil {
		return nil, fmt.Errorf("%s: system: %w", name, err)
	}
	return p, nil
}

func readInput(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}
