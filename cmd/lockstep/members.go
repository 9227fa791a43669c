package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func membersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List and change the members of a cluster",
		Long: `List and change the members of a running cluster.

One thing changes at a time, and goes on by itself, whoever asked for it: a new member is
invited, introduces itself, catches up without a vote, and becomes a voter. In between both
the old voters and the next ones decide. Clients are served all the while. docs/MEMBERS.md
has the steps for growing, shrinking, and replacing a node that is lost.`,
		Args: cli.Exactly(0, "list, add, remove, replace, promote, move or abandon"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(membersListCommand(), membersAddCommand(), membersRemoveCommand(), membersReplaceCommand(),
		membersPromoteCommand(), membersMoveCommand(), membersAbandonCommand())
	return cmd
}

func membersListCommand() *cobra.Command {
	var a clientFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the members, and how far a change of them is",
		Long: `List the members as the node with the latest ones knows them, with the addresses at which
it dials them.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listMembers(cmd) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.flags(cmd)
	return cmd
}

// changeCommand returns a command for one kind of change. parse makes the change of its
// arguments.
func changeCommand(use, short, long string, args cobra.PositionalArgs, parse func(args []string) (httpapi.MemberChange, error)) *cobra.Command {
	var a clientFlags
	var noWait bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args,
		Long: long + `

The command waits until the change is through, however long that takes. To interrupt it
stops the wait alone: lockstep members list shows how far the change is.

Exit codes: 5 refused, or another change came first, 6 whether it is begun is not known,
9 no node answers.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := parse(args)
			if err != nil {
				return err
			}
			cli.BeginAnswer(cmd, "the change is accepted (lockstep members list)")
			return a.changeMembers(cmd, change, !noWait)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.flags(cmd)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "wait only until the members show the change, and not until it is through")
	return cmd
}

func membersAddCommand() *cobra.Command {
	learner := false
	cmd := changeCommand("add ID=HOST:PORT", "Add a node to the members",
		`Add a node to the members, with a number that none has had before, and the address at
which the others reach it. It becomes a voter once it has caught up; with --learner it
stays without a vote. Start it first, or now, with an empty directory and --join.`,
		cli.Exactly(1, "a new node, as in 4=127.0.0.1:7004"),
		func(args []string) (httpapi.MemberChange, error) {
			id, address, err := parseMember(args[0])
			return httpapi.MemberChange{Change: "add", Node: id, Address: address, Learner: learner}, err
		})
	cmd.Flags().BoolVar(&learner, "learner", false, "the node stays without a vote, until it is promoted")
	return cmd
}

func membersRemoveCommand() *cobra.Command {
	return changeCommand("remove ID", "Remove a node from the members",
		`Remove a node from the members. It may be down. If it runs, it learns that it was removed,
and stops; its number is not used again.`,
		cli.Exactly(1, "the number of a member"),
		func(args []string) (httpapi.MemberChange, error) {
			id, err := parseID(args[0])
			return httpapi.MemberChange{Change: "remove", Node: id}, err
		})
}

func membersReplaceCommand() *cobra.Command {
	return changeCommand("replace OLD NEW=HOST:PORT", "Replace a node that is lost by a new one",
		`Replace a node, which may be down or have lost its disk, by a new one with a number of
its own. The new one catches up without a vote, and takes the place of the old one in one
step: the number of voters stays the same. Start it first, or now, with an empty directory
and --join.`,
		cli.Exactly(2, "a member and the new node, as in 2 4=127.0.0.1:7004"),
		func(args []string) (httpapi.MemberChange, error) {
			old, err := parseID(args[0])
			if err != nil {
				return httpapi.MemberChange{}, err
			}
			id, address, err := parseMember(args[1])
			return httpapi.MemberChange{Change: "replace", Node: id, Address: address, Replaces: old}, err
		})
}

func membersPromoteCommand() *cobra.Command {
	replaces := uint16(0)
	cmd := changeCommand("promote ID", "Make a learner a voter",
		`Make a learner a voter, once it has caught up.`,
		cli.Exactly(1, "the number of a learner"),
		func(args []string) (httpapi.MemberChange, error) {
			id, err := parseID(args[0])
			return httpapi.MemberChange{Change: "promote", Node: id, Replaces: node.ID(replaces)}, err
		})
	cmd.Flags().Uint16Var(&replaces, "replaces", 0, "voter in whose place it comes (default: none)")
	return cmd
}

func membersMoveCommand() *cobra.Command {
	return changeCommand("move ID=HOST:PORT", "Tell all members another address of one",
		`Tell all members the address at which they reach one from now on. Connections that there
are stay. The node keeps its number and its directory: stop it, move it, start it.`,
		cli.Exactly(1, "a member and its address, as in 2=10.0.0.9:7001"),
		func(args []string) (httpapi.MemberChange, error) {
			id, address, err := parseMember(args[0])
			return httpapi.MemberChange{Change: "move", Node: id, Address: address}, err
		})
}

func membersAbandonCommand() *cobra.Command {
	return changeCommand("abandon [ID]", "Take back the change that is under way",
		`Take back the change that is under way: the old voters stay. A node that was to become a
voter stays as a learner; lockstep members remove removes it.`,
		cli.AtMost(1, "the number of a node that is to be promoted"),
		func(args []string) (c httpapi.MemberChange, err error) {
			c.Change = "abandon"
			if len(args) > 0 {
				c.Node, err = parseID(args[0])
			}
			return c, err
		})
}

func parseID(text string) (node.ID, error) {
	id, err := strconv.ParseUint(text, 10, 16)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("node %q: want a number from 1", text)
	}
	return node.ID(id), nil
}

// parseMember parses 4=HOST:PORT.
func parseMember(text string) (id node.ID, address string, err error) {
	parsed, err := parseAddresses("node", text)
	if err != nil {
		return 0, "", err
	}
	if len(parsed) > 1 {
		return 0, "", fmt.Errorf("node: %q: one node at a time", text)
	}
	for id, address = range parsed {
	}
	return id, address, nil
}

func (a *clientFlags) listMembers(cmd *cobra.Command) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	v := a.view(cmd.Context(), c)
	if v.err != nil {
		return withExitCode(v.err)
	}
	return printMembers(cmd, &v.members)
}

func printMembers(cmd *cobra.Command, m *httpapi.Members) error {
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(m)
	}
	if err := writeMembers(cmd.OutOrStdout(), m); err != nil {
		return err
	}
	note := fmt.Sprintf("epoch %d, as node %d knows it", m.Epoch, m.Node)
	if text := carryOverText(m); text != "" {
		note += "; " + text
	}
	_, err := fmt.Fprintln(cmd.ErrOrStderr(), note)
	return err
}

func writeMembers(out io.Writer, m *httpapi.Members) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tROLE\tADDRESS\tREMARK")
	for i := range m.Members {
		x := &m.Members[i]
		address := x.Address
		if address == "" {
			address = "-"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", x.Node, printable.String(string(x.Role)), printable.String(address), memberRemark(x))
	}
	return w.Flush()
}

// memberRemark says the next step of a member.
func memberRemark(m *httpapi.Member) string {
	var all []string
	if m.Role == httpapi.Invited {
		all = append(all, "has not introduced itself")
	}
	if m.Promote && m.Role != httpapi.Coming {
		all = append(all, "becomes a voter once it has caught up")
	}
	if m.Replaces != 0 {
		all = append(all, fmt.Sprintf("in the place of node %d", m.Replaces))
	}
	return strings.Join(all, "; ")
}

// carryOverText says how far a change of voters is; empty: none is under way.
func carryOverText(m *httpapi.Members) string {
	if len(m.Next) == 0 || m.CarryOver == nil || m.CarryOver.Total == 0 {
		return ""
	}
	done := m.CarryOver.Total - m.CarryOver.Left
	return fmt.Sprintf("%d of %d keys are chosen by the next voters, too (%d %%)", done, m.CarryOver.Total, 100*done/m.CarryOver.Total)
}
