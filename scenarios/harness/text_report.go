package harness

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/spf13/cobra"
)

// textReporter is the reporter for people. Results go to out.
type textReporter struct {
	out     io.Writer
	verbose bool
	status  *cli.Progress
	ctx     context.Context // its end interrupts the campaign
	budget  budget

	mu     sync.Mutex // guards the fields below: the status is shown by another goroutine
	latest string     // the progress at the latest seed
	seeds  uint64     // of the campaign so far
	last   time.Time  // of latest
}

func newTextReporter(cmd *cobra.Command, verbose bool) *textReporter {
	return &textReporter{out: cmd.OutOrStdout(), verbose: verbose, status: cli.NewProgress(cmd.ErrOrStderr()), ctx: cmd.Context()}
}

func (p *textReporter) begin(c *campaign.Campaign) {
	fmt.Fprintf(p.out, "system %s, profile %s, %s\n", c.System.Name, c.Shape.Profile, describeBudget(c))
	if c.Resume.Seeds > 0 {
		after := "going on after"
		if c.Resume.Interrupted {
			after = "going on where it was interrupted, after"
		}
		fmt.Fprintf(p.out, "%s %d seeds, of which %d failed\n", after, c.Resume.Seeds, c.Resume.Failed)
	}
	p.budget, p.seeds = newBudget(c), c.Resume.Seeds
	p.watch()
}

// watch shows the progress of the campaign from now on.
func (p *textReporter) watch() {
	p.status.Begin(func(time.Duration) string {
		p.mu.Lock()
		defer p.mu.Unlock()
		return ifEnding(p.ctx, p.budget.times(p.seeds)+p.latest)
	})
}

// ifEnding is the progress of a stage; once ctx has ended, it says that the runs that
// have begun are still to end.
func ifEnding(ctx context.Context, progress string) string {
	if ctx.Err() != nil {
		return "ending, Ctrl-C ends at once: " + progress
	}
	return progress
}

// describeBudget describes which seeds a campaign runs, and when it ends.
func describeBudget(c *campaign.Campaign) string {
	s := fmt.Sprintf("seeds from %d", c.Start)
	if c.Seeds > 0 {
		s = fmt.Sprintf("seeds %d to %d", c.Start, c.Start+(c.Seeds-1))
	}
	if c.Shards > 1 {
		s += fmt.Sprintf(", shard %d/%d", c.Shard, c.Shards)
	}
	if c.For > 0 {
		s += fmt.Sprintf(" for %v", c.For)
	}
	if c.Stable > 0 {
		s += fmt.Sprintf(" until %d on end show nothing new", c.Stable)
	}
	return s
}

func (p *textReporter) progress(s *campaign.Summary, seed uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seeds = s.Seeds
	if time.Since(p.last) > 100*time.Millisecond {
		p.latest, p.last = p.line(s, seed), time.Now()
	}
}

// line returns the progress of a campaign.
func (p *textReporter) line(s *campaign.Summary, seed uint64) string {
	wall := s.Wall.Seconds()
	line := fmt.Sprintf(": seed %d, %d failed, ", seed, s.Failed)
	if len(s.Marks) > 0 {
		line += fmt.Sprintf("%d/%d marks, ", s.MarksHit(), len(s.Marks))
	}
	line += fmt.Sprintf("%.0f seeds/s, %.0f × real time", float64(s.Seeds)/wall, float64(s.Simulated)/1e9/wall)
	for i, g := range s.Groups {
		line += fmt.Sprintf("%s %d × %s", []string{":", ","}[min(i, 1)], g.Count, g.Signature)
	}
	return line
}

func (p *textReporter) failure(f failureEvent) {
	p.status.End()
	fmt.Fprintf(p.out, "\n%s\nrepeat it: %s\nkept in:   %s\n", cli.Fit(p.out, f.text, 0), f.Replay, f.Dir)
	p.watch()
}

func (p *textReporter) shrinking(was *failureEvent, number, all int) func(*scenarios.Plan, int) {
	s := &shrinkStatus{}
	stage := fmt.Sprintf("shrinking %d of %d, %s: ", number, all, was.Signature)
	p.status.Begin(func(since time.Duration) string { return ifEnding(p.ctx, stage+s.text(since)) })
	return s.update
}

func (p *textReporter) shrunk(m shrunkEvent) {
	p.status.End()
	fmt.Fprintf(p.out, "\n%s of seed %d\n%s\n", m.Signature, m.Seed, cli.Fit(p.out, m.text, 0))
	if m.Replay != "" {
		fmt.Fprintf(p.out, "repeat it:   %s\nlook closer: %s -v\n", m.Replay, m.Replay)
	}
	if m.Report != "" {
		fmt.Fprintf(p.out, "see it:      open %s in a browser\n", m.Report)
	}
	if m.ReportError != "" {
		fmt.Fprintf(p.out, "no %s: %s\n", reportFile, m.ReportError)
	}
}

func (p *textReporter) comparing(seed uint64) {
	p.status.Begin(func(since time.Duration) string {
		return fmt.Sprintf("%s: running seed %d in pairs, to find where its runs part", whole(since), seed)
	})
}

func (p *textReporter) differed(seed uint64, d *play.Difference) {
	p.status.End()
	if d == nil {
		fmt.Fprintf(p.out, "\nseed %d ran in two ways, and did not do so again\n", seed)
		return
	}
	fmt.Fprintf(p.out, "\nseed %d runs in two ways: %v\n", seed, d)
}

func (p *textReporter) close() { p.status.End() }
