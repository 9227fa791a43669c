// Command lockstep-fleet runs campaigns on many machines: it serves the queue that they
// share, works for it, submits campaigns to it and tells their status. The command
// lockstep runs it as its subcommand fleet.
package main

import (
	"os"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func main() { os.Exit(cli.Run(root())) }

// root returns the command with its subcommands.
func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lockstep-fleet",
		Short: "Run campaigns on many machines",
		Long: `Run campaigns on many machines. One of them serves the queue, each works for it with the
program of the system under test, and anyone submits campaigns and asks for their status.
The result is that of one machine that runs all the seeds, to the last bit.

  lockstep fleet serve --dir /var/lib/lockstep-fleet
  lockstep fleet work --binary ./mine
  lockstep fleet submit nightly --binary ./mine --seeds 1000000
  lockstep fleet status nightly --wait

Exit codes: 0 fine, 1 a property is violated, 2 usage or bad input, 3 harness fault,
4 undecided, or nothing shown yet.`,
		Version:       cli.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cli.AddOutputFlags(cmd)
	cmd.AddCommand(serveCommand(), workCommand(), submitCommand(), statusCommand(), removeCommand(), bisectCommand())
	cmd.AddGroup(&cobra.Group{ID: "fleet", Title: "Commands of the fleet:"})
	cli.AddHelp(cmd, topics)
	return cmd
}

var topics = map[string]cli.Topic{
	"serve": {Group: "fleet", Examples: []string{
		"serve --dir fleet --http 127.0.0.1:7788 --canary lockstep",
		"serve --dir fleet --repo . --package ./cmd/mine                # finds the commits of failures",
		"serve --dir fleet --listen 10.0.0.1:4222 --config nats.conf    # for other machines",
		"serve --nats nats://10.0.0.1:4222 --replicas 3                 # in a cluster of your own",
	}},
	"work": {Group: "fleet", Examples: []string{
		"work --binary ./mine",
		"work --binary ./mine --nats nats://10.0.0.1:4222 --creds worker.creds",
		"work --accept-programs    # those of submit --send-program",
	}},
	"submit": {Group: "fleet", Examples: []string{
		"submit nightly --binary ./mine --seeds 1000000",
		"submit head --commit HEAD --package ./cmd/mine --seeds 20000    # built here, and sent",
		"submit disks --binary ./mine --seeds 5000..9999 --profile disk --weight 3",
	}},
	"status": {Group: "fleet", Examples: []string{
		"status",
		"status nightly --json",
		"status nightly --wait --state whole.json    # a state for fuzz",
	}},
	"bisect": {Group: "fleet", Examples: []string{"bisect --good v1.2.0 --package ./cmd/mine --plan failures/mine-13-read/shrunk.json"}},
	"remove": {Group: "fleet", Examples: []string{"remove nightly"}},
}
