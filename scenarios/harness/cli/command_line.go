package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// CommandLine returns the line for a shell that runs cmd again with arguments and with
// the flags that it was given. The flags in other have these values instead; an empty
// value leaves a flag out.
func CommandLine(cmd *cobra.Command, args []string, other map[string]string) string {
	words := []string{ProgramName()}
	words = append(words, strings.Fields(cmd.CommandPath())[1:]...)
	for _, a := range args {
		words = append(words, Quote(a))
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, replaced := other[f.Name]; !replaced {
			words = append(words, flagWord(f))
		}
	})
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if other[name] != "" {
			words = append(words, "--"+name+" "+Quote(other[name]))
		}
	}
	return strings.Join(words, " ")
}

// flagWord returns a flag as a part of a command line.
func flagWord(f *pflag.Flag) string {
	value := f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok {
		value = strings.Join(list.GetSlice(), ",")
	}
	switch f.NoOptDefVal {
	case "":
		return fmt.Sprintf("--%s %s", f.Name, Quote(value))
	case value:
		return "--" + f.Name
	}
	return fmt.Sprintf("--%s=%s", f.Name, Quote(value))
}
