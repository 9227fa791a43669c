package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/spf13/cobra"
)

// loadSettings gives the flags of a command's own that are not on the command line their
// values from the environment, and from the file that --config names.
func loadSettings(cmd *cobra.Command) (*settings.Set, error) {
	s := settings.New(cmd.Flags(), settings.Names(cmd.LocalFlags()))
	f := cmd.Flags().Lookup(settings.ConfigFlag)
	file := f.Value.String()
	if !f.Changed {
		file = os.Getenv(settings.Variable(settings.ConfigFlag))
	}
	if file == "" {
		return s, s.Load(os.Environ(), nil)
	}
	content, err := settings.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return s, s.Load(os.Environ(), content)
}

// fromEnvironment has a command take the flags that are defined from now on, until the
// function that it returns is called, from the environment, too.
func fromEnvironment(cmd *cobra.Command) (defined func()) {
	before := settings.Names(cmd.LocalFlags())
	return func() {
		names := slices.DeleteFunc(settings.Names(cmd.LocalFlags()), func(name string) bool { return slices.Contains(before, name) })
		cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
			set, run := settings.New(cmd.Flags(), names), cmd.RunE
			cmd.RunE = func(cmd *cobra.Command, args []string) error { return nameSource(run(cmd, args), set) }
			return set.Load(os.Environ(), nil)
		}
	}
}

// nameSource adds to an error that begins with a flag whose value is from elsewhere where it
// comes from.
func nameSource(err error, set *settings.Set) error {
	for _, s := range set.List() {
		named := err != nil && (strings.HasPrefix(err.Error(), "--"+s.Name+":") || strings.HasPrefix(err.Error(), "--"+s.Name+" "))
		if named && (s.Source == settings.Environment || s.Source == settings.File) {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return err
}
