package main

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func defineCommand() *cobra.Command {
	var a clientFlags
	cmd := &cobra.Command{
		Use:   "define FILE",
		Short: "Create a definition of machines",
		Long: `Create a definition of machines from a file in YAML or JSON:

  name: lamp
  states: [off, on, broken]
  initial: off
  terminal: [broken]
  transitions:
    - off -> on
    - on -> off
    - on -> broken

From then on machines like lamp/hall can be used at every node. A definition is
never changed or removed. To create the same one again does nothing.`,
		Args: cli.Exactly(1, "a file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.define(cmd, args[0]) },
	}
	a.flags(cmd)
	completeFiles(cmd, "yaml", "yml", "json")
	return cmd
}

func (a *clientFlags) define(cmd *cobra.Command, file string) error {
	d, err := definition.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := d.Text()
	if err != nil {
		return err
	}
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	op := session.Operation{Name: c.NewName(), Kind: node.Propose, Key: fsm.MetaName + "/" + d.Name, To: text}
	r, err := c.Do(cmd.Context(), op)
	if err != nil && cmd.Context().Err() == nil {
		return err
	}
	if r.Reason == node.Illegal {
		r = resolveExisting(d.Name, text, r)
	}
	return a.finish(cmd, op, r, "defined "+d.Name)
}

// resolveExisting returns the outcome of creating a definition that existed before.
func resolveExisting(name, text string, r client.Result) client.Result {
	if r.State == text {
		r.Outcome = node.Committed
		return r
	}
	r.Text = fmt.Sprintf("there is another definition %s, and definitions do not change: choose another name, or use that one: lockstep definitions %s shows it", name, name)
	return r
}

func retireCommand() *cobra.Command {
	var a clientFlags
	cmd := &cobra.Command{
		Use:   "retire KEY",
		Short: "End a machine for good",
		Long: `End a machine for good, in whatever state it is. Nothing changes it any more, and
its name is never used again: every node keeps the name and one small entry for
ever.`,
		Args: cli.Exactly(1, "a machine, as in lifecycle/web-1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.doOperation(cmd, session.Operation{Kind: node.Propose, Key: args[0], To: fsm.Retired})
		},
	}
	a.flags(cmd)
	a.completeMachine(cmd, nil)
	return cmd
}
