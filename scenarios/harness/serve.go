package harness

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// defaultListen is where the page of campaigns is, so that it can be found again.
const defaultListen = "127.0.0.1:7788"

func serveCommand() *cobra.Command {
	var s serve
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Show the campaigns and failures of a folder as a page",
		Long: `Show what the folder DIR has that fuzz --out writes, by default ` + defaultOut + `: the failures,
with their reports and the lines that repeat them; the campaigns that have ended there;
and which failures are new, ongoing, gone or regressed. A page that is open follows the
folder, and the state files that --state names.

The page is for this host only, changes nothing, and needs no network. What it shows is at
/v1/campaigns as JSON, too. Ctrl-C ends it.

To see a campaign in progress, give --serve to fuzz.`,
		Args: cli.AtMost(1, "the folder of kept failures"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args) },
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	flags := cmd.Flags()
	flags.StringVar(&s.listen, "listen", defaultListen, "loopback address of the page; with port 0 a free one is taken")
	flags.StringSliceVar(&s.states, "state", nil, "state files of campaigns whose figures are shown")
	flags.StringVar(&s.mutants, "mutants", "", "file of results of cmd/mutants, for a plot of how soon bugs are found")
	return cmd
}

type serve struct {
	listen  string
	states  []string
	mutants string
}

func (s *serve) run(cmd *cobra.Command, args []string) error {
	config := board.Config{Dir: defaultOut, States: s.states}
	if len(args) > 0 {
		config.Dir = args[0]
	}
	if info, err := os.Stat(config.Dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: it is no folder: run fuzz first, which makes it, or name the folder of fuzz --out", config.Dir)
	}
	var err error
	if s.mutants != "" {
		if config.Mutants, err = board.ReadMutants(s.mutants); err != nil {
			return fmt.Errorf("--mutants: %w", err)
		}
	}
	l, err := board.Listen(s.listen)
	if err != nil {
		return fmt.Errorf("--listen %w", err)
	}
	address := "http://" + l.Addr().String() + "/"
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"address": address, "dir": config.Dir}) // the output keeps its errors
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s is shown at %s until Ctrl-C\n", config.Dir, address)
	}
	return board.NewServer(config).Serve(cmd.Context(), l)
}
