package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Each command has examples that it accepts, and each command of the root is in a group.
func TestHelpOfCommands(t *testing.T) {
	cmd, err := root()
	require.NoError(t, err)
	for _, c := range allCommands(cmd) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			require.Equal(t, c.Parent() == cmd, c.GroupID != "", "group %q", c.GroupID)
			require.NotEmpty(t, c.Example)
			for line := range strings.Lines(c.Example) {
				accepts(t, strings.TrimPrefix(c.CommandPath(), cmd.Name()+" "), line)
			}
		})
	}
}

// Switches are shown without the values that they take.
func TestSwitchesInHelp(t *testing.T) {
	cmd, err := root()
	require.NoError(t, err)
	for _, c := range append(allCommands(cmd), cmd) {
		c.InitDefaultHelpFlag()
		usage := c.UsageString()
		require.Contains(t, usage, "--help   ", c.CommandPath())
		require.Contains(t, usage, "--json   ", c.CommandPath())
		require.NotContains(t, usage, "true|false", c.CommandPath())
	}
}

// allCommands lists the commands for people below one.
func allCommands(cmd *cobra.Command) (all []*cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Hidden {
			continue
		}
		all = append(append(all, c), allCommands(c)...)
	}
	return all
}

// accepts parses an example of a command, up to a comment or a redirection, with a command
// of its own: flags keep their values.
func accepts(t *testing.T, path, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	line, _, _ = strings.Cut(line, ">")
	cmd, err := root()
	require.NoError(t, err)
	found, rest, err := cmd.Find(strings.Fields(strings.ReplaceAll(line, "'", ""))[1:])
	require.NoError(t, err, line)
	require.True(t, strings.HasPrefix(strings.TrimPrefix(found.CommandPath(), cmd.Name()+" "), path), line)
	require.NoError(t, found.ParseFlags(rest), line)
	require.NoError(t, found.ValidateArgs(found.Flags().Args()), line)
}
