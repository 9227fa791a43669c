package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func planCommand(systems systemList) *cobra.Command {
	var src *planFlags
	cmd := &cobra.Command{
		Use:   "plan SEED",
		Short: "Print the plan that a seed expands to",
		Long:  "Print the plan that a seed and these flags expand to, as JSON. Save it, edit it, replay it.",
		Args:  cli.Exactly(1, "a seed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := src.plan(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(scenarios.Encode(p))
			return err
		},
	}
	src = newPlanFlags(cmd, systems)
	cmd.AddCommand(&cobra.Command{
		Use:   "validate FILE",
		Short: "Check a plan without running it",
		Args:  cli.Exactly(1, "a plan file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := systems.readPlan(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if cli.AsJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(validatedJSON{args[0], true, p.System, p.Seed})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: valid: system %s, seed %d\n%s", args[0], p.System, p.Seed, p.Summary())
			return nil
		},
	})
	cmd.AddCommand(schemaCommand(systems))
	return cmd
}

// schemaCommand returns the command that prints the schema of plans.
func schemaCommand(systems systemList) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of plans",
		Long:  "Print the JSON Schema of the plans of a system, with its knobs and operations, for editors.",
		Args:  cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sys, err := systems.named(name)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(sys.Schema())
			return err
		},
	}
	cmd.Flags().StringVar(&name, "system", systems[0].Name, "system under test: "+strings.Join(systems.names(), ", "))
	cli.CompleteFlag(cmd, "system", systems.names)
	return cmd
}

// validatedJSON is the JSON form of a successful validation.
type validatedJSON struct {
	File   string `json:"file"`
	Valid  bool   `json:"valid"`
	System string `json:"system"`
	Seed   uint64 `json:"seed"`
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
	p, err := s.systems.readPlan(arg, cmd.InOrStdin())
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%q is neither a seed nor a file: %w", arg, err)
	}
	return p, err
}

// readPlan reads a plan, or the plan of an artefact, from a file or, for "-", from
// in.
func (l systemList) readPlan(name string, in io.Reader) (*scenarios.Plan, error) {
	p, _, err := l.readArtefact(name, in)
	return p, err
}

// readArtefact is readPlan that also returns the artefact; nil if the file is a
// plan.
func (l systemList) readArtefact(name string, in io.Reader) (*scenarios.Plan, *campaign.Artefact, error) {
	data, err := readInput(name, in)
	if err != nil {
		return nil, nil, err
	}
	if !campaign.IsArtefact(data) {
		p, err := l.decodePlan(name, data)
		return p, nil, err
	}
	a, p, err := campaign.DecodeArtefact(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := l.named(p.System); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: plan: system: %w", name, campaign.ErrArtefact, err)
	}
	return p, &a, nil
}

func (l systemList) decodePlan(name string, data []byte) (*scenarios.Plan, error) {
	p, err := scenarios.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	sys, err := l.named(p.System)
	if err != nil {
		return nil, fmt.Errorf("%s: system: %w", name, err)
	}
	if err := sys.Check(p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// readInput returns the content of a file or, for "-", of in.
func readInput(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return input.ReadAll("standard input", in, input.MaxPlan)
	}
	return input.ReadFile(name, input.MaxPlan)
}
