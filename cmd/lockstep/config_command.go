package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runNode runs a node until it is interrupted.
func runNode(cmd *cobra.Command, s *nodeFlags, build func() (server.Config, error)) error {
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if err := validate(set, build); err != nil {
		return err
	}
	cfg, err := build()
	if err != nil {
		return err
	}
	for _, name := range set.Unknown(withoutClientVariables(os.Environ())) {
		cfg.Log.Warn("this variable of the environment is no setting", "variable", name)
	}
	return serve(cmd, []server.Config{cfg}, &s.operation, nil)
}

// withoutClientVariables returns an environment without the variables of clients: a node that
// is started where they are set has no use for them.
func withoutClientVariables(environ []string) []string {
	var a clientFlags
	var cmd cobra.Command
	a.flags(&cmd)
	ofClients := []string{tokenVariable}
	for _, name := range settings.Names(cmd.Flags()) {
		ofClients = append(ofClients, settings.Variable(name))
	}
	return slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(ofClients, name)
	})
}

// validate returns an error if the configuration that build makes of settings is not
// valid. It names the settings and their sources.
func validate(set *settings.Set, build func() (server.Config, error)) error {
	check := func() error {
		cfg, err := build()
		if err != nil {
			return err
		}
		return cfg.Validate()
	}
	err := check()
	if err == nil {
		return nil
	}
	var names []string
	elsewhere := false
	for _, s := range set.Blame(err, standIns(set, err), check) {
		names = append(names, s.String())
		elsewhere = elsewhere || s.Source != settings.CommandLine
	}
	if named := !errors.Is(err, server.ErrConfig) && !elsewhere; len(names) == 0 || named {
		return nameSource(err, set) // it names flags itself
	}
	return fmt.Errorf("%s: %w", strings.Join(names, " with "), err)
}

// standIns returns values of settings that every node has, for an error that is not about a
// missing one.
func standIns(set *settings.Set, err error) map[string]string {
	values := map[string]string{}
	for _, s := range set.List() {
		switch {
		case !errors.Is(err, server.ErrConfig): // the flags that it names belong together
		case s.Name == "data":
			values[s.Name] = "data"
		case s.Name == "id":
			values["peers"] = s.Value + "=127.0.0.1:7001"
		}
	}
	return values
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and check the configuration of a node",
		Args:  cli.Exactly(0, "print or check"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configPrintCommand(), configCheckCommand())
	return cmd
}

func configPrintCommand() *cobra.Command {
	cmd := nodeCommandFor(printConfig)
	cmd.Use, cmd.Short = "print", "Print the configuration that a node would have"
	cmd.Long = `Print the configuration that lockstep node would have with the same flags, in the
same environment: every setting, with its source. The output is a file for --config.
Secrets are not printed.`
	return cmd
}

// settingJSON is the JSON form of a setting.
type settingJSON struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, file, environment or flag
	Place  string `json:"place,omitempty"`
}

func printConfig(cmd *cobra.Command, _ *nodeFlags, build func() (server.Config, error)) error {
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if err := validate(set, build); err != nil {
		return err
	}
	if !cli.AsJSON(cmd) {
		return settings.WriteYAML(cmd.OutOrStdout(), set.List())
	}
	all := []settingJSON{}
	for _, s := range set.List() {
		all = append(all, settingJSON{s.Name, s.Value, s.Source.String(), s.Place})
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"settings": all})
}

func configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file of settings",
		Long: `Check a file of settings for lockstep node, by itself: the flags and the
environment of a node may add to it, so it need not name the node, its peers or its
directory.`,
		Args: cli.Exactly(1, "a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			content, err := settings.ReadFile(args[0])
			if err != nil {
				return err
			}
			check := nodeCommandFor(func(node *cobra.Command, _ *nodeFlags, build func() (server.Config, error)) error {
				set := settings.New(node.Flags(), settings.Names(node.LocalFlags()))
				if err := set.Load(nil, content); err != nil {
					return err
				}
				if err := complete(node); err != nil {
					return err
				}
				return validate(set, build)
			})
			if err := check.RunE(check, nil); err != nil {
				return err
			}
			if cli.AsJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"file": args[0], "settings": content.Len()})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d settings, all valid\n", args[0], content.Len())
			return nil
		},
	}
}

// complete gives the flags that a node cannot do without a value, if the file says nothing of
// them.
func complete(node *cobra.Command) error {
	f := node.Flags()
	id, joins := "1", f.Lookup("join").Value.String() != ""
	if joins {
		id = strconv.Itoa(configuration.MaxID) // the members to ask have other numbers
	}
	first, _, _ := strings.Cut(f.Lookup("peers").Value.String(), "=")
	if _, err := strconv.ParseUint(first, 10, 16); err == nil { // other peers have an error of their own
		id = first
	}
	if err := setMissing(f, "id", id); err != nil {
		return err
	}
	if joins {
		return errors.Join(setMissing(f, "data", "data"), setMissing(f, "listen", "127.0.0.1:7001"))
	}
	return errors.Join(setMissing(f, "data", "data"), setMissing(f, "peers", f.Lookup("id").Value.String()+"=127.0.0.1:7001"))
}

// setMissing sets a flag that has no value from elsewhere.
func setMissing(f *pflag.FlagSet, name, value string) error {
	if f.Changed(name) {
		return nil
	}
	return f.Set(name, value)
}
