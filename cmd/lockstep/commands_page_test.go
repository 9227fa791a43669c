package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/sim/golden"
)

// docs/COMMANDS.md lists all commands with their flags. -update writes the list.
func TestCommandsPage(t *testing.T) {
	const (
		page  = "../../docs/COMMANDS.md"
		begin = "-run CommandsPage -update -->\n"
	)
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	before, _, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	cmd, err := root()
	require.NoError(t, err)
	golden.Equal(t, page, before+begin+commandsText(cmd))
}

// commandsText returns the commands of each group of root as sections.
func commandsText(root *cobra.Command) string {
	var b strings.Builder
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		for _, c := range allCommands(root) {
			if c.Runnable() && !c.Hidden && topOf(c, root).GroupID == g.ID {
				writeCommand(&b, c)
			}
		}
	}
	return b.String()
}

// topOf returns the command of root that c is, or is below.
func topOf(c, root *cobra.Command) *cobra.Command {
	for c.Parent() != root {
		c = c.Parent()
	}
	return c
}

func writeCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n### %s\n\n%s.\n\n    %s\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."), c.UseLine())
	rows := ""
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		rows += fmt.Sprintf("| `%s` | %s | %s |\n", strings.TrimSpace("--"+f.Name+" "+kind), defaultText(f), strings.ReplaceAll(usage, "|", `\|`))
	})
	if rows != "" {
		fmt.Fprintf(b, "\n| flag | default | meaning |\n|---|---|---|\n%s", rows)
	}
}
