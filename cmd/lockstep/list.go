package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

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
	f := cmd.Flags()
	f.IntVar(&l.Limit, "limit", 100, "machines to list")
	f.StringVar(&l.After, "after", "", "only machines after this one")
	f.StringVar(&l.State, "state", "", "only machines in this state")
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
	all, want := httpapi.Page{Machines: []httpapi.Listed{}}, l.Limit
	for {
		l.Limit = min(want-len(all.Machines), 1000)
		page, err := c.List(cmd.Context(), l)
		if err != nil {
			return withExitCode(err)
		}
		all.Machines = append(all.Machines, page.Machines...)
		all.Next, all.Consistency, all.Node = page.Next, page.Consistency, page.Node
		if l.After = page.Next; page.Next == "" || len(all.Machines) >= want {
			return a.printList(cmd, &all)
		}
	}
}

// withExitCode gives an error of a client its exit code.
func withExitCode(err error) error {
	if errors.Is(err, client.ErrUnreachable) {
		return &cli.Error{Code: cli.Unreachable, Text: err.Error()}
	}
	return err
}

func (a *clientFlags) printList(cmd *cobra.Command, p *httpapi.Page) error {
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(p)
	}
	unknown := 0
	for _, m := range p.Machines {
		if m.Unknown {
			unknown++
			fmt.Fprintf(out, "%s ?\n", printable.String(m.Key))
			continue
		}
		fmt.Fprintf(out, "%s %s v%d\n", printable.String(m.Key), printable.String(m.State), m.Version)
	}
	notes := cmd.ErrOrStderr()
	if p.Consistency == "local" {
		fmt.Fprintf(notes, "what node %d knows; --linearizable reads each machine\n", p.Node)
	}
	if unknown > 0 {
		fmt.Fprintf(notes, "?: node %d has not learnt the state\n", p.Node)
	}
	if p.Next != "" {
		fmt.Fprintf(notes, "there are more: --after %s\n", printable.String(p.Next))
	}
	return nil
}
