package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness/check"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// Main runs Command with the arguments of the process, and ends the process. It is
// all that a main function needs:
//
//	func main() { harness.Main(mySystem()) }
func Main(systems ...scenarios.System) {
	cmd, err := Command(systems...)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", programBase(), err)
		os.Exit(int(cli.Usage))
	}
	os.Exit(cli.Run(cmd))
}

// Command returns a command with the subcommands fuzz, serve, replay, shrink, necessity,
// report, plan and check for systems under test, of which the first is the default. Its
// name, descriptions and subcommands can be changed. cli.Run executes it; Execute returns
// its errors, of which those with an exit code of their own are a *cli.Error.
//
// The error is about the systems: there is none, one lacks its name or New, or two
// have the same name.
func Command(systems ...scenarios.System) (*cobra.Command, error) {
	list := systemList(systems)
	if err := list.validate(); err != nil {
		return nil, err
	}
	cmd := &cobra.Command{
		Use:     programBase(),
		Short:   "Deterministic torture for " + strings.Join(list.names(), ", "),
		Long:    longHelp(list),
		Version: cli.Version(),

		SilenceUsage:  true, // an error is returned: cli.Run prints it
		SilenceErrors: true,
	}
	cli.AddOutputFlags(cmd)
	cmd.AddCommand(fuzzCommand(list), serveCommand(), planCommand(list), replayCommand(list), shrinkCommand(list), necessityCommand(list), reportCommand(list), check.Command())
	addHelp(cmd)
	return cmd, nil
}

// programBase returns the name of the program without its directory.
func programBase() string { return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") }

func longHelp(systems systemList) string {
	var b strings.Builder
	b.WriteString(`Deterministic torture for systems of processes:

`)
	for _, s := range systems {
		fmt.Fprintf(&b, "  %-12s %s\n", s.Name, s.About)
	}
	fmt.Fprintf(&b, `
A seed expands to a plan: a cluster, the requests of its clients, and faults. A plan
runs in a simulator, always in the same way, and the history of its clients is judged.
Begin with: %s fuzz

Exit codes: 0 fine, 1 a property is violated, 2 usage or bad input,
3 harness fault (nondeterminism), 4 undecided, 8 a coverage mark was never hit
(fuzz --never-hit-fails), 125 a kept plan is not valid for this build.

To find the commit that introduced a failure, keep its plan outside of the repository,
and let git run it, built anew for each commit (go run turns every exit code but 0
into 1):

  git bisect run sh -c 'go build -o ../mine ./cmd/mine || exit 125
    ../mine replay /elsewhere/plan.json --expect passed'`, programBase())
	return b.String()
}

// systemList is the systems under test of a command. The first is the default.
type systemList []scenarios.System

// validate names the first system that a command cannot have.
func (l systemList) validate() error {
	if len(l) == 0 {
		return errors.New("harness: no system under test: want at least one scenarios.System")
	}
	seen := map[string]bool{}
	for i, s := range l {
		switch {
		case s.Name == "" || strings.ContainsAny(s.Name, " \t\n/\\"):
			return fmt.Errorf("harness: system %d: name %q: want a word without spaces and slashes", i+1, s.Name)
		case s.New == nil:
			return fmt.Errorf("harness: system %s: New is nil: want the function that begins a run", s.Name)
		case seen[s.Name]:
			return fmt.Errorf("harness: system %s: two systems have this name", s.Name)
		}
		seen[s.Name] = true
		if err := s.Validate(); err != nil {
			return fmt.Errorf("harness: %w", err)
		}
	}
	return nil
}

func (l systemList) names() []string {
	var names []string
	for _, s := range l {
		names = append(names, s.Name)
	}
	return names
}

// named returns the system of a name.
func (l systemList) named(name string) (scenarios.System, error) {
	for _, s := range l {
		if s.Name == name {
			return s, nil
		}
	}
	return scenarios.System{}, fmt.Errorf("%w %q: want one of %s", errSystem, name, strings.Join(l.names(), ", "))
}

var errSystem = errors.New("unknown system")
