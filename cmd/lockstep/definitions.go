package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func definitionsCommand() *cobra.Command {
	var a clientFlags
	cmd := &cobra.Command{
		Use:   "definitions [NAME]",
		Short: "List the definitions of machines",
		Long: `List the definitions that the first node that answers knows, or print one, as a file
for lockstep define. A node knows a definition when it has taken part in creating it or
has needed it.`,
		Args: cli.AtMost(1, "one definition, as in lifecycle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.definitions(cmd, strings.Join(args, ""))
		},
	}
	a.flags(cmd)
	a.completeDefinition(cmd)
	return cmd
}

func (a *clientFlags) definitions(cmd *cobra.Command, name string) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.Definitions(cmd.Context())
	if err != nil {
		return withExitCode(err)
	}
	out := cmd.OutOrStdout()
	switch {
	case name != "":
		return printDefinition(cmd, list, name)
	case cli.AsJSON(cmd):
		return json.NewEncoder(out).Encode(list)
	}
	return printDefinitions(out, list)
}

// printDefinition prints one definition of a list.
func printDefinition(cmd *cobra.Command, list []fsm.Definition, name string) error {
	d := findDefinition(list, name)
	if d == nil {
		return fmt.Errorf("no definition %q: %s", name, existing(list))
	}
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	_, err := io.WriteString(out, definitionFile(d))
	return err
}

// definitionFile returns a definition as a file in YAML. Names need no quotes in it.
func definitionFile(d *fsm.Definition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nstates: [%s]\ninitial: %s\n", d.Name, strings.Join(d.States, ", "), d.Initial)
	if len(d.Terminal) > 0 {
		fmt.Fprintf(&b, "terminal: [%s]\n", strings.Join(d.Terminal, ", "))
	}
	if len(d.Transitions) > 0 {
		b.WriteString("transitions:\n")
	}
	for _, t := range d.Transitions {
		fmt.Fprintf(&b, "  - %s -> %s\n", t.From, t.To)
	}
	return b.String()
}

// printDefinitions prints a table with the states of each definition in the order of the
// file, the initial one in a column of its own.
func printDefinitions(out io.Writer, list []fsm.Definition) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tINITIAL\tSTATES\tTRANSITIONS")
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", printable.String(d.Name), printable.String(d.Initial), printable.String(strings.Join(d.States, " ")), len(d.Transitions))
	}
	return w.Flush()
}
