package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError is the error of a flag of a command: it names the flags that are spelled alike,
// and the page that has all.
func flagError(c *cobra.Command, err error) error {
	hint := ";"
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
		if names := flagsLike(c, unknown.GetSpecifiedName()); len(names) > 0 {
			hint = "; did you mean --" + strings.Join(names, " or --") + "?"
		}
	}
	return fmt.Errorf("%w%s see %s --help", err, hint, c.CommandPath())
}

// flagsLike lists the flags of a command that are spelled like name, by cobra's measure of
// names of commands.
func flagsLike(c *cobra.Command, name string) []string {
	var names cobra.Command
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	names.SuggestionsMinimumDistance = 2
	return names.SuggestionsFor(name)
}
