package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func listCommand() *cobra.Command {
	var a clientFlags
	l := client.ListOptions{}
	cmd := &cobra.Command{
		Use:   "list [PREFIX]",
		Short: "List machines",
		Long: `List the machines whose keys begin with PREFIX, in order, as known to the
first node that answers. Its view may be stale, and machines of which it has received
nothing yet are missing. With --linearizable each machine of the list is read.`,
		Args: cli.AtMost(1, "one prefix, as in lifecycle/web-"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				l.Prefix = strings.TrimSuffix(args[0], "*")
			}
			return a.list(cmd, l)
		},
	}
	a.flags(cmd)
	a.completeMachine(cmd, nil)
	f := cmd.Flags()
	f.IntVar(&l.Limit, "limit", 100, "machines to list")
	f.StringVar(&l.After, "after", "", "only machines after this one")
	f.StringVar(&l.State, "state", "", "only machines in this state")
	a.completeState(cmd)
	f.BoolVar(&l.Linearizable, "linearizable", false, "read each machine, instead of what one node knows")
	return cmd
}

// list requests pages until it has as many machines as requested.
func (a *clientFlags) list(cmd *cobra.Command, l client.ListOptions) error {
	if l.Limit < 1 {
		return fmt.Errorf("--limit %d: want 1 or more", l.Limit)
	}
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	all, want, asked := httpapi.Page{Machines: []httpapi.Listed{}}, l.Limit, l
	for {
		l.Limit = min(want-len(all.Machines), 1000)
		page, err := c.List(cmd.Context(), l)
		if err != nil {
			return withExitCode(err)
		}
		all.Machines = append(all.Machines, page.Machines...)
		all.Next, all.Consistency, all.Node = page.Next, page.Consistency, page.Node
		if l.After = page.Next; page.Next == "" || len(all.Machines) >= want {
			return printList(cmd, asked, &all)
		}
	}
}

// withExitCode gives an error of a client its exit code.
func withExitCode(err error) error {
	if errors.Is(err, client.ErrUnreachable) {
		return &cli.Error{Code: cli.Unreachable, Text: err.Error() + "; " + unansweredAdvice(err.Error())}
	}
	return err
}

func printList(cmd *cobra.Command, l client.ListOptions, p *httpapi.Page) error {
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(p)
	}
	unknown, err := printMachines(out, p.Machines)
	if err != nil {
		return err
	}
	notes := cmd.ErrOrStderr()
	if p.Consistency == "local" {
		fmt.Fprintf(notes, "what node %d knows; --linearizable reads each machine\n", p.Node)
	}
	if unknown > 0 {
		fmt.Fprintf(notes, "?: node %d has not learnt the state\n", p.Node)
	}
	switch {
	case len(p.Machines) > 0:
	case l.Prefix+l.State+l.After != "":
		fmt.Fprintln(notes, "no machine matches")
	default:
		fmt.Fprintln(notes, "no machines yet: the first transition makes one, as by: lockstep propose lifecycle/web-1 Running")
	}
	if p.Next != "" {
		fmt.Fprintf(notes, "there are more: --after %s\n", printable.String(p.Next))
	}
	return nil
}

// printMachines prints machines as a table, and returns how many are in an unknown state.
// Without machines it prints nothing.
func printMachines(out io.Writer, machines []httpapi.Listed) (unknown int, err error) {
	if len(machines) == 0 {
		return 0, nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tSTATE\tVERSION")
	for _, m := range machines {
		if m.Unknown {
			unknown++
			fmt.Fprintf(w, "%s\t?\t?\n", printable.String(m.Key))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\tv%d\n", printable.String(m.Key), printable.String(stateText(m.Key, m.State)), m.Version)
	}
	return unknown, w.Flush()
}
