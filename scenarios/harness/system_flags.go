package harness

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/pflag"
)

// systemFlags holds the flags that only some systems understand: those of systems
// with machines. Flags that a system declares by itself belong here too, in the same
// four methods.
type systemFlags struct {
	definition string // file
}

// register adds the flags to those of a command. They are hidden if no system
// understands them, and still refused with the reason.
func (s *systemFlags) register(f *pflag.FlagSet, systems systemList) {
	f.StringVar(&s.definition, "definition", "", "file with the definition of the machines, in YAML or JSON (default: the system's)")
	for _, sys := range systems {
		if hasMachines(sys) {
			return
		}
	}
	if err := f.MarkHidden("definition"); err != nil {
		panic(err) // the flag does not exist
	}
}

// names lists the names of the flags.
func (s *systemFlags) names() []string { return []string{"definition"} }

// apply applies the flags to a system, which refuses those that it does not
// understand.
func (s *systemFlags) apply(sys *scenarios.System) error {
	if s.definition == "" {
		return nil
	}
	if !hasMachines(*sys) {
		return fmt.Errorf("--definition: system %s has no machines that a definition could describe: leave it out", sys.Name)
	}
	d, err := definition.ReadFile(s.definition)
	if err != nil {
		return fmt.Errorf("--definition: %w", err)
	}
	sys.Definitions = []fsm.Definition{d}
	return nil
}

// line returns the flags as a part of a command line.
func (s *systemFlags) line() string {
	if s.definition == "" {
		return ""
	}
	return " --definition " + cli.Quote(s.definition)
}

// hasMachines reports whether the operations of a system are about machines.
func hasMachines(sys scenarios.System) bool { return len(sys.Definitions) > 0 }
