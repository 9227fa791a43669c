package check

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pageFlag is the flag that names the file of the page, as it was given.
func pageFlag(cmd *cobra.Command) string {
	if cmd.Flags().Changed("viz") {
		return "--viz"
	}
	return "--html"
}

// pageError returns the error of a page that could not be written. A violation, which is
// printed already, keeps its exit code: that of bad usage would hide it.
func pageError(verdict checker.Status, err error) error {
	if verdict == checker.Violated {
		return &cli.Error{Code: cli.Violated, Text: err.Error()}
	}
	return err
}

// writePage writes the page about the verdict on a history. The same time limit holds as
// for the check.
func (c *check) writePage(cmd *cobra.Command, name string, h source, r checker.Result) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), c.budget)
	defer cancel()
	f, err := os.Create(c.html)
	if err != nil {
		return err
	}
	src := report.HistorySource{
		Name: "the standard input", History: h.History, Result: r, Model: h.model,
		Repeat: repeatLine(cmd, name),
	}
	if name != "-" {
		src.Name = filepath.Base(name)
	}
	w := bufio.NewWriter(f)
	return errors.Join(report.WriteHTML(w, report.MakeHistory(ctx, src)), w.Flush(), f.Close())
}

// repeatLine returns the command line that judges the history again; empty if it came from
// the standard input.
func repeatLine(cmd *cobra.Command, name string) string {
	if name == "-" {
		return ""
	}
	words := []string{cli.ProgramName(), "check"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "html" && f.Name != "viz" && f.Name != "json" {
			words = append(words, "--"+f.Name+"="+cli.Quote(f.Value.String()))
		}
	})
	return strings.Join(append(words, cli.Quote(name)), " ")
}
