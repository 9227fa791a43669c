// Command lockstep runs nodes of a replicated state-machine service, and tests them
// in a deterministic simulator. It runs campaigns, replays and shrinks their
// failures, checks recorded histories, runs nodes and clusters, is their client,
// loads them, and inspects their logs.
//
// The commands of the simulator are those of package harness, with which a main
// function of one line tests another system.
package main

import (
	"fmt"
	"os"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/spf13/cobra"
)

func main() {
	cmd, err := root()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lockstep:", err)
		os.Exit(int(cli.Usage))
	}
	os.Exit(cli.Run(cmd))
}

// testSystems lists more systems, for tests of this command.
var testSystems []scenarios.System

// root returns the lockstep command with its subcommands.
func root() (*cobra.Command, error) {
	cmd, err := harness.Command(append([]scenarios.System{lockstep.System(), origin.System(), canary.System()}, testSystems...)...)
	if err != nil {
		return nil, err
	}
	cmd.Use, cmd.Short = "lockstep", "Deterministic torture for replicated state machines"
	cmd.Long = `Deterministic torture for replicated state machines.

A seed expands to a plan: a cluster, what its clients do, and what goes wrong.
A plan runs in a simulator, always in the same way, and what its clients saw is
judged. Begin with: lockstep fuzz

Exit codes: 0 fine, 1 a property is violated, 2 usage or bad input,
3 harness fault (nondeterminism), 4 undecided, 5 rejected, 6 outcome unknown,
7 a node stopped by itself, 8 a coverage mark was never hit (fuzz --never-hit-fails), 9 unavailable,
10 the log of a node, or a backup, is damaged or not complete, 11 a node was removed from
the members, 125 a kept plan is not valid for this build.
Those of replay serve "git bisect run": see lockstep replay --help.`
	cmd.AddCommand(nodeCommand(), clusterCommand(), configCommand(), getCommand(), listCommand(), watchCommand(), proposeCommand(), retireCommand(), defineCommand(), definitionsCommand(), statusCommand(), membersCommand(), certsCommand(), benchCommand(), inspectCommand(), backupCommand(), restoreCommand(), tokenCommand(), fleetCommand())
	addHelp(cmd)
	return cmd, nil
}
