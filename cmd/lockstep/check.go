package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "check HISTORY.jsonl",
		Short: "Judge whether a recorded history is linearizable",
		Long: `Judge whether a recorded history is linearizable (- reads standard input). The
format is described in docs/HISTORY.md.`,
		Args: exactly(1, "a history file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			h, err := checker.Read(bytes.NewReader(data))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if timeout <= 0 {
				return fmt.Errorf("--timeout %v: want more than 0", timeout)
			}
			r := checker.Check(cmd.Context(), h, checker.Options{Timeout: timeout})
			if err := printCheck(cmd, len(h.Operations), r, asJSON); err != nil {
				return err
			}
			switch r.Status {
			case checker.Violated:
				return &failure{code: exitViolated}
			case checker.Undecided:
				return &failure{code: exitUndecided}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the verdict as JSON")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "give up after this; the verdict is then undecided")
	return cmd
}

// checked is the JSON form of a verdict on a history.
type checked struct {
	Verdict    checker.Status `json:"verdict"`
	Operations int            `json:"operations"`
	Machine    string         `json:"machine,omitempty"`
	Operation  string         `json:"operation,omitempty"`
	Class      string         `json:"class,omitempty"`
	Sentence   string         `json:"sentence,omitempty"`
}

func printCheck(cmd *cobra.Command, operations int, r checker.Result, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		c := checked{Verdict: r.Status, Operations: operations, Machine: r.Machine, Class: r.Class, Sentence: r.Explanation}
		if r.Culprit != nil {
			c.Operation = r.Culprit.ID
		}
		return json.NewEncoder(out).Encode(c)
	}
	_, err := fmt.Fprintf(out, "%s: %d operations\n", r.Status, operations)
	if err == nil && r.Explanation != "" {
		_, err = fmt.Fprintln(out, r.Explanation)
	}
	return err
}
