package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Exactly is cobra.ExactArgs with an error that names the missing argument.
func Exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s: want %s, got %d arguments; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

// AtMost is cobra.MaximumNArgs with an error that names the argument.
func AtMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("%s: want at most %s, got %d arguments; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

// AtLeastOne accepts one argument or more.
func AtLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: want %s, got 0 arguments; see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

// CompleteFlag completes the values of a flag, which must exist.
func CompleteFlag(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag does not exist
	}
}

// strictArgs makes the commands that cobra adds reject unknown arguments, as all
// others do. It must be called after the output is set: cobra's commands keep the
// output.
func strictArgs(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Args = checkShell
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if c, _, err := root.Find([]string{"help"}); err == nil {
		help := c.Run
		c.Run = nil
		c.RunE = func(c *cobra.Command, args []string) error {
			if _, _, err := c.Root().Find(args); err != nil {
				return fmt.Errorf("help: %w; see %s --help", err, c.Root().Name())
			}
			help(c, args)
			return nil
		}
	}
}

func checkShell(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("completion: unknown shell %q: want bash, zsh, fish or powershell", args[0])
	}
	return nil
}
