package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func watchCommand() *cobra.Command {
	var a clientFlags
	var from int64
	cmd := &cobra.Command{
		Use:   "watch KEY|PREFIX",
		Short: "Stream transitions as they are chosen",
		Long: `Stream the transitions of a machine, as in lifecycle/web-1, or of all machines with
a prefix, which ends in / or *, as in lifecycle/ or 'lifecycle/web-*', until it is
interrupted.

First comes the state that each machine is in, then every transition that is chosen,
in the order of versions and each once. Transitions that a node has missed and
cannot learn any more are reported as a gap. When a node fails the watch goes on at
another; when none can be reached for --timeout it ends (exit code 9).

With --from VERSION it begins with what came after that version, of each machine. A
machine that has not reached it is reported as behind, once.`,
		Args: cli.Exactly(1, "a machine or a prefix"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWatchArg(args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("from") {
				if from < 0 {
					return fmt.Errorf("--from %d: want a version, 0 or more", from)
				}
				w.Resume, w.From = true, uint64(from)
			}
			return a.watch(cmd, w)
		},
	}
	a.flags(cmd)
	a.completeMachine(cmd, nil)
	cmd.Flags().Int64Var(&from, "from", 0, "begin after this version (default: at the present one)")
	return cmd
}

// parseWatchArg parses the argument of watch.
func parseWatchArg(arg string) (w client.WatchOptions, err error) {
	if prefix, ok := strings.CutSuffix(arg, "*"); ok {
		return client.WatchOptions{Prefix: prefix}, nil
	}
	if strings.HasSuffix(arg, "/") {
		return client.WatchOptions{Prefix: arg}, nil
	}
	if _, _, err := fsm.SplitKey(arg); err != nil {
		return w, fmt.Errorf("%w; a prefix ends in / or *", err)
	}
	return client.WatchOptions{Key: arg}, nil
}

func (a *clientFlags) watch(cmd *cobra.Command, w client.WatchOptions) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	lost := map[string]string{} // why each endpoint was left, since the last event
	w.OnNodeFailed = func(endpoint string, err error) {
		if lost[endpoint] != err.Error() {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s; trying the next\n", endpoint, printable.String(strings.TrimPrefix(err.Error(), endpoint+": ")))
		}
		lost[endpoint] = err.Error()
	}
	out := cmd.OutOrStdout()
	err = c.Watch(cmd.Context(), w, func(e watch.Event) error {
		clear(lost)
		if cli.AsJSON(cmd) {
			return json.NewEncoder(out).Encode(e)
		}
		_, err := fmt.Fprintln(out, printable.String(eventText(e)))
		return err
	})
	if cmd.Context().Err() != nil && errors.Is(err, cmd.Context().Err()) {
		return nil // interrupted: the normal end
	}
	return withExitCode(adviseWatch(cmd.Context(), c, w.Key, err))
}

func eventText(e watch.Event) string {
	switch {
	case e.State != nil:
		return fmt.Sprintf("%s %s v%d", e.State.Key, stateText(e.State.Key, e.State.State), e.State.Version)
	case e.Transition != nil:
		t := e.Transition
		return fmt.Sprintf("%s %s→%s v%d %s", t.Key, stateText(t.Key, t.From), stateText(t.Key, t.To), t.Version, t.Operation)
	case e.Behind != nil:
		return fmt.Sprintf("%s behind: it is at v%d, before v%d: what follows that will be reported", e.Behind.Key, e.Behind.Version, e.Behind.From)
	}
	return fmt.Sprintf("%s gap v%d to v%d: these transitions are not known any more", e.Gap.Key, e.Gap.From, e.Gap.To)
}
