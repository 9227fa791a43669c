package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/spf13/cobra"
)

// completionTimeout is the time for a cluster to tell what there is. A shell waits for it.
const completionTimeout = 500 * time.Millisecond

// maxCompletions bounds the machines that a shell lists.
const maxCompletions = 100

// noFiles is the directive to complete no names of files.
const noFiles = cobra.ShellCompDirectiveNoFileComp

// completer completes words by what a running cluster knows. Without a cluster it
// completes nothing.
type completer struct {
	ctx    context.Context
	client *client.Client
}

// complete calls ask with the cluster that the flags and the environment of a command name.
func (a *clientFlags) complete(cmd *cobra.Command, ask func(c completer) ([]string, cobra.ShellCompDirective)) ([]string, cobra.ShellCompDirective) {
	if cmd.PreRunE != nil && cmd.PreRunE(cmd, nil) != nil { // the environment
		return nil, noFiles
	}
	a.timeout = min(a.timeout, completionTimeout)
	a.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	c, err := a.newClient()
	if err != nil {
		return nil, noFiles
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	return ask(completer{ctx, c})
}

// completeMachine completes the first argument of a command to a machine, and completes the
// second with next, if it is not nil.
func (a *clientFlags) completeMachine(cmd *cobra.Command, next func(c completer, key string) []string) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.complete(cmd, func(c completer) ([]string, cobra.ShellCompDirective) { return c.machines(word) })
		case len(args) == 1 && next != nil:
			return a.complete(cmd, func(c completer) ([]string, cobra.ShellCompDirective) { return next(c, args[0]), noFiles })
		}
		return nil, noFiles
	}
}

// machines completes the beginning of a key: first its definition, as a shell completes
// folders, then its name.
func (c completer) machines(word string) ([]string, cobra.ShellCompDirective) {
	if !strings.Contains(word, "/") {
		var names []string
		for _, d := range c.definitions() {
			names = append(names, d.Name+"/")
		}
		return names, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	page, err := c.client.List(c.ctx, client.ListOptions{Prefix: word, Limit: maxCompletions})
	if err != nil {
		return nil, noFiles
	}
	var keys []string
	for _, m := range page.Machines {
		state := fmt.Sprintf("%s v%d", stateText(m.Key, m.State), m.Version)
		if m.Unknown {
			state = "state not learnt"
		}
		keys = append(keys, printable.String(m.Key)+"\t"+printable.String(state))
	}
	return keys, noFiles
}

// next completes the states that a machine can go to, or all states of its definition if
// its own is not known in time.
func (c completer) next(key string) (states []string) {
	name, _, _ := fsm.SplitKey(key)
	d := findDefinition(c.definitions(), name)
	if d == nil {
		return nil
	}
	r, err := c.client.Get(c.ctx, key)
	if err != nil || r.Outcome != node.Committed {
		return d.States
	}
	for _, t := range d.Transitions {
		if t.From == r.State {
			states = append(states, t.To+"\tfrom "+r.State)
		}
	}
	return states
}

// states completes the states of all definitions.
func (c completer) states() (states []string) {
	for _, d := range c.definitions() {
		states = append(states, d.States...)
	}
	slices.Sort(states)
	return append(slices.Compact(states), fsm.Retired)
}

// definitionNames completes the names of definitions, with their states.
func (c completer) definitionNames() (names []string) {
	for _, d := range c.definitions() {
		names = append(names, d.Name+"\t"+strings.Join(d.States, " "))
	}
	return names
}

func (c completer) definitions() []fsm.Definition {
	list, err := c.client.Definitions(c.ctx)
	if err != nil {
		return nil
	}
	return list
}

// completeDefinition completes the only argument of a command to a definition.
func (a *clientFlags) completeDefinition(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, noFiles
		}
		return a.complete(cmd, func(c completer) ([]string, cobra.ShellCompDirective) { return c.definitionNames(), noFiles })
	}
}

// completeState completes the flag --state.
func (a *clientFlags) completeState(cmd *cobra.Command) {
	err := cmd.RegisterFlagCompletionFunc("state", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.complete(cmd, func(c completer) ([]string, cobra.ShellCompDirective) { return c.states(), noFiles })
	})
	if err != nil {
		panic(err) // the flag does not exist
	}
}

// completeFiles completes arguments to files with these extensions.
func completeFiles(cmd *cobra.Command, extensions ...string) {
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeFolders completes an argument to folders.
func completeFolders(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}
