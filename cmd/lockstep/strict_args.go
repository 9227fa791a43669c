package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

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
				return fmt.Errorf("help: %w; see lockstep --help", err)
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

// version identifies the source of this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown version"
	}
	words := []string{strings.Trim(info.Main.Version, "()")}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			words = append(words, s.Value[:min(12, len(s.Value))])
		}
		if s.Key == "vcs.modified" && s.Value == "true" {
			words = append(words, "modified")
		}
	}
	return strings.Join(append(words, info.GoVersion), " ")
}

var errJSONAndVerbose = errors.New("--json and --verbose: the trace would stand among the JSON; write it to a file with --trace FILE")
