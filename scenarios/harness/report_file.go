package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/spf13/cobra"
)

// readNecessity reads the output of necessity --json; nil if there is no such file.
func readNecessity(file string) (*report.Necessity, error) {
	data, err := input.ReadFile(file, input.MaxPlan)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var n campaign.Necessity
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: want the output of necessity --json: %w", file, err)
	}
	return necessityOf(&n), nil
}

// necessityOf is a table as documents have it.
func necessityOf(n *campaign.Necessity) *report.Necessity {
	d := &report.Necessity{Signature: n.Signature, Seeds: n.Seeds}
	for _, row := range n.Rows {
		d.Rows = append(d.Rows, report.NecessityRow(row))
	}
	return d
}

// noReturnSeeds is the number of runs from each instant.
const noReturnSeeds = 20

// measureNoReturn measures from when on the failure of a plan is certain, and shows its
// progress.
func measureNoReturn(cmd *cobra.Command, sys scenarios.System, p *scenarios.Plan, workers int) (*report.NoReturn, error) {
	line := cli.NewProgress(cmd.ErrOrStderr())
	line.Begin(func(since time.Duration) string {
		return ifEnding(cmd.Context(), whole(since)+", looking for the point of no return")
	})
	defer line.End()
	n, err := campaign.MeasureNoReturn(cmd.Context(), sys, p, noReturnSeeds, workers)
	if err != nil {
		return nil, err
	}
	d := &report.NoReturn{Seeds: n.Seeds}
	point, certain := n.Point()
	for i, at := range n.Instants {
		d.Instants = append(d.Instants, report.NoReturnInstant{N: at.Event, At: report.Time(at.At), Same: at.Same, Other: at.Other})
		if certain && at == point {
			d.Point = new(i)
		}
	}
	return d, nil
}

// keepReport writes the page of a failure that the campaign has kept into its directory,
// and returns its file. small is its shrunk plan, nil if there is none. That a page could
// not be made is no verdict on the system, whatever its own code does meanwhile.
func (f *fuzz) keepReport(ctx context.Context, c *campaign.Campaign, was *failureEvent, small *scenarios.Plan) (file string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			file, err = "", fmt.Errorf("panic: %v", cause)
		}
	}()
	src := report.Source{
		Full: c.Plan(was.Seed), Shrunk: small, Repeat: was.Replay, // names no directory: the page is the same wherever it is kept
		Build: report.Build(campaign.ThisBuild()),
	}
	d, err := report.Make(ctx, c.System, src, report.Options{CheckTimeout: c.CheckTimeout()})
	if err != nil {
		return "", err
	}
	file = filepath.Join(was.Dir, reportFile)
	if err := writeReport(file, d, report.WriteHTML); err != nil {
		return "", err
	}
	return file, nil
}
