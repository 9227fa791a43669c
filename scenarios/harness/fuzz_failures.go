package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// keepFailure saves the first failure of a signature and reports it. It runs the
// plan again; an equal verdict is part of the determinism guard.
func (f *fuzz) keepFailure(ctx context.Context, c *campaign.Campaign, g *campaign.Group, rep reporter) error {
	p := c.Plan(g.First)
	name := fmt.Sprintf("%s-%d-%s", c.System.Name, g.First, strings.ReplaceAll(g.Signature, "/", "-"))
	dir := filepath.Join(f.out, name)
	r, err := campaign.Save(context.WithoutCancel(ctx), dir, c.System, p, c.Options)
	if err != nil {
		return err
	}
	if r.Signature() != g.Signature && g.Signature != play.UndecidedSignature {
		return &cli.Error{Code: cli.Harness, Text: fmt.Sprintf("harness fault: seed %d was %s, and when it ran again: %q", g.First, g.Signature, r.Signature())}
	}
	text, short := r.Text(p), firstLine(r.Text(p))+"\n"+r.Sentence()
	if r.Signature() != g.Signature {
		again := fmt.Sprintf("seed %d was undecided in %v, and was decided when it ran again:\n", g.First, c.CheckTimeout())
		text, short = again+text, again+short
	}
	text += "\nrepeat it: " + f.replayLine(g) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "verdict.txt"), []byte(text), 0o666); err != nil {
		return err
	}
	f.failureTexts[g.Signature] = text
	was := failureEvent{
		Seed: g.First, Signature: g.Signature, Sentence: r.Sentence(), Hash: fmt.Sprintf("%016x", r.Hash),
		Replay: f.replayLine(g), Dir: dir, text: short,
	}
	f.failures = append(f.failures, was)
	rep.failure(was)
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// shrink shrinks the saved plans and writes their reports, until the context ends. It
// comes after the campaign, so that the campaign's times are not affected.
func (f *fuzz) shrink(ctx context.Context, c *campaign.Campaign, rep reporter) error {
	for i := range f.failures {
		was := &f.failures[i]
		event, small, err := f.shrinkOne(ctx, c, was, rep.shrinking(was, i+1, len(f.failures)))
		if err != nil {
			return err
		}
		if ctx.Err() == nil {
			if event.Report, err = f.keepReport(ctx, c, was, small); err != nil {
				event.ReportError = err.Error()
			}
		}
		rep.shrunk(event)
	}
	return nil
}

// shrinkOne shrinks the plan of one failure and keeps the result. A search that is
// interrupted keeps the smallest plan so far. The plan is nil if there is none.
func (f *fuzz) shrinkOne(ctx context.Context, c *campaign.Campaign, was *failureEvent, progress func(*scenarios.Plan, int)) (shrunkEvent, *scenarios.Plan, error) {
	p := c.Plan(was.Seed)
	event := shrunkEvent{Seed: was.Seed, Signature: was.Signature, Before: sizeOf(p)}
	file := filepath.Join(was.Dir, "shrunk.json")
	if ctx.Err() != nil {
		event.Error, event.text = "interrupted", "not shrunk: "+shrinkLine(filepath.Join(was.Dir, "plan.json"), file)
		return event, nil, nil
	}
	small, err := campaign.Shrink(ctx, c.System, p, campaign.ShrinkOptions{Runs: fuzzShrinkBudget, Workers: f.workers, CheckTimeout: f.checkTimeout, Progress: progress})
	event.Runs, event.Minimal = small.Runs, small.Minimal
	interrupted := ctx.Err() != nil && small.Plan != nil
	if err != nil && !interrupted {
		event.Error, event.text = err.Error(), fmt.Sprintf("not shrunk: %v", err)
		return event, nil, nil
	}
	if err := os.WriteFile(file, scenarios.Encode(small.Plan), 0o666); err != nil {
		return event, nil, err
	}
	event.After, event.Replay = sizeOf(small.Plan), cli.ProgramName()+" replay "+cli.Quote(file)+f.checkFlag(was.Signature)
	event.text = fmt.Sprintf("%s; %s\n%s", describeSizes(p, small.Plan), plural(small.Runs, "run"), shortOutline(small.Plan))
	switch {
	case interrupted:
		event.Error = "interrupted"
		event.text += "interrupted, and so not minimal; go on with: " + shrinkLine(file, file) + "\n"
	case !small.Minimal:
		event.text += minimality(&small) + "\n"
	}
	event.text = strings.TrimSuffix(event.text, "\n")
	return event, small.Plan, nil
}

// shrinkLine returns the line that shrinks the plan in a file.
func shrinkLine(file, to string) string {
	return fmt.Sprintf("%s shrink %s --out %s", cli.ProgramName(), cli.Quote(file), cli.Quote(to))
}

// maxOutline is the most lines of a plan that a campaign prints.
const maxOutline = 24

// shortOutline is the outline of a plan, indented. Of a long one it is the begin.
func shortOutline(p *scenarios.Plan) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSuffix(outline(p), "\n"), "\n")
	for i, line := range lines {
		if i == maxOutline {
			fmt.Fprintf(&b, "  ... and %s more\n", plural(len(lines)-i, "line"))
			break
		}
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}
