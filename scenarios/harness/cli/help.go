package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Topic is the part of a command's help that is not in its description.
type Topic struct {
	Group    string   // id of the group under which the root lists it; empty for commands of commands
	Examples []string // command lines without the name of the program, to be pasted
}

// AddHelp gives commands their groups and examples, by their paths below root, as in
// "plan validate". A later topic of a command takes the place of an earlier one. It panics
// if there is no such command, or no such group at root.
func AddHelp(root *cobra.Command, topics map[string]Topic) {
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", "flagUsages .LocalFlags",
		".InheritedFlags.FlagUsages", "flagUsages .InheritedFlags",
	).Replace((&cobra.Command{}).UsageTemplate()))
	for path, topic := range topics {
		cmd, rest, err := root.Find(strings.Fields(path))
		if err != nil || len(rest) > 0 {
			panic(fmt.Sprintf("help of %q: there is no such command", path))
		}
		if topic.Group != "" && !root.ContainsGroup(topic.Group) {
			panic(fmt.Sprintf("help of %q: there is no group %q", path, topic.Group))
		}
		cmd.GroupID, cmd.Example = topic.Group, examples(topic.Examples)
	}
}

// examples returns command lines of this program as cobra shows them.
func examples(lines []string) string {
	program := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	var all []string
	for _, line := range lines {
		all = append(all, "  "+program+" "+line)
	}
	return strings.Join(all, "\n")
}

func init() { cobra.AddTemplateFunc("flagUsages", flagUsages) }

// flagUsages describes flags: switches as --flag, though they take =true and =false, too.
// On a terminal the lines are as wide as it is.
func flagUsages(flags *pflag.FlagSet) string {
	shown := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.VisitAll(func(f *pflag.Flag) {
		g := *f
		if g.Value.Type() == "bool" {
			g.Value = plainSwitch{g.Value}
		}
		shown.AddFlag(&g)
	})
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		width = 0 // no terminal: no line is wrapped
	}
	return shown.FlagUsagesWrapped(width)
}

// plainSwitch is the value of a switch under a type of which pflag shows nothing: for type
// bool it would show [=true|false].
type plainSwitch struct{ pflag.Value }

func (plainSwitch) Type() string     { return "boolfunc" }
func (plainSwitch) IsBoolFlag() bool { return true }
