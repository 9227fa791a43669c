package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func seriesCommand(systems systemList) *cobra.Command {
	return &cobra.Command{
		Use:   "series",
		Short: "Run campaigns one after the other in one process",
		Long: `Run campaigns one after the other in one process, which saves what a process costs where
campaigns are short. It is for programs: the workers of a fleet use it.

The first line of the output is {"type": "ready"}. Each line of standard input is a
campaign, as an object with "args", the flags of fuzz, and "dir", the directory that it is
run in (this one if it is missing). Its end is a line of the output, an object with "type":
"ended", its "number", from 1, the exit "code", and the "error" if there is one. What fuzz
would print is left out, so give it --state and --out; what a system prints by itself stands
between these lines. The process ends with its input, or after the campaign that Ctrl-C
interrupts.`,
		Args: cli.Exactly(0, "campaigns on standard input"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := os.Getwd()
			if err != nil {
				return err
			}
			return runSeries(cmd.Context(), systems, home, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// seriesCampaign is a campaign of a series.
type seriesCampaign struct {
	Args []string `json:"args"`
	Dir  string   `json:"dir"`
}

// seriesEvent is a line of the output of a series.
type seriesEvent struct {
	Type   string   `json:"type"` // ready or ended
	Number int      `json:"number,omitempty"`
	Code   cli.Code `json:"code"`
	Error  string   `json:"error,omitempty"`
}

// runSeries runs the campaigns that it reads, until their end, or that of ctx. Between them
// the process is in the directory home, since theirs may be removed.
func runSeries(ctx context.Context, systems systemList, home string, in io.Reader, out io.Writer) error {
	if err := tellSeries(out, seriesEvent{Type: "ready"}); err != nil {
		return err
	}
	next := readSeries(ctx, in)
	for number := 1; ; number++ {
		select {
		case <-ctx.Done():
			return nil
		case n := <-next:
			if n.err != nil {
				return n.endOfSeries()
			}
			e := runOfSeries(ctx, systems, n.campaign)
			e.Number = number
			if err := os.Chdir(home); err != nil { // before the end is told: another one may follow
				return err
			}
			if err := tellSeries(out, e); err != nil {
				return err
			}
		}
	}
}

// tellSeries writes an event as a line of its own, in one piece, also behind the beginning of
// a line that a system has printed.
func tellSeries(out io.Writer, e seriesEvent) error {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = out.Write(slices.Concat([]byte("\n"), line, []byte("\n")))
	}
	return err
}

// nextOfSeries is a campaign that was read, or why there is none.
type nextOfSeries struct {
	campaign seriesCampaign
	err      error
}

func (n *nextOfSeries) endOfSeries() error {
	if errors.Is(n.err, io.EOF) {
		return nil
	}
	return fmt.Errorf(`standard input: %w: want a line of JSON for each campaign, as {"args": ["--seeds", "100"]}`, n.err)
}

// readSeries reads campaigns until the first error, which comes last. A read that blocks
// does not keep the process from its end.
func readSeries(ctx context.Context, in io.Reader) <-chan nextOfSeries {
	next := make(chan nextOfSeries)
	go func() {
		d := json.NewDecoder(in)
		d.DisallowUnknownFields()
		for {
			var n nextOfSeries
			n.err = d.Decode(&n.campaign)
			select {
			case next <- n:
			case <-ctx.Done():
				return
			}
			if n.err != nil {
				return
			}
		}
	}()
	return next
}

// runOfSeries runs a campaign as a process with these arguments would.
func runOfSeries(ctx context.Context, systems systemList, c seriesCampaign) seriesEvent {
	err := error(nil)
	if c.Dir != "" {
		err = os.Chdir(c.Dir)
	}
	if err == nil {
		root := &cobra.Command{Use: programBase(), SilenceUsage: true, SilenceErrors: true}
		cli.AddOutputFlags(root)
		fuzz := fuzzCommand(systems)
		fuzz.RemoveCommand(fuzz.Commands()...)
		root.AddCommand(fuzz)
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		root.SetArgs(append([]string{"fuzz"}, c.Args...))
		err = root.ExecuteContext(ctx)
	}
	e := seriesEvent{Type: "ended", Code: cli.CodeOf(err)}
	if err != nil {
		e.Error = err.Error()
	}
	return e
}
