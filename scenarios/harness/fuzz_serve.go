package harness

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// servedReporter returns the reporter of the campaign. With --serve it also tells the page
// of the campaign, which is served until stop is called.
func (f *fuzz) servedReporter(cmd *cobra.Command, c *campaign.Campaign) (rep reporter, stop func(), err error) {
	rep = f.reporter(cmd)
	if f.serve == "" {
		return rep, func() {}, nil
	}
	l, err := board.Listen(f.serve)
	if err != nil {
		return nil, nil, fmt.Errorf("--serve %w", err)
	}
	f.live = board.NewLive(c.SeedCount())
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := board.NewServer(board.Config{Dir: f.out, Live: f.live}).Serve(ctx, l); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "the page of the campaign has ended: %v\n", err) // the campaign goes on
		}
	})
	fmt.Fprintf(cmd.ErrOrStderr(), "the page of this campaign: http://%s/\n", l.Addr())
	stop = func() {
		cancel()
		done.Wait()
	}
	return &liveReporter{reporter: rep, live: f.live, record: func(s *campaign.Summary) board.Record { return f.record(cmd, c, s) }}, stop, nil
}

// record returns the record of the campaign so far.
func (f *fuzz) record(cmd *cobra.Command, c *campaign.Campaign, s *campaign.Summary) board.Record {
	r := board.NewRecord(c, s, f.replayLine)
	r.Command = cli.CommandLine(cmd, nil, map[string]string{"serve": ""})
	return r
}

// keepRecord appends the record of a campaign that has ended to those beside its failures.
// A folder is not made for a campaign in which nothing has failed. That the record could
// not be written is told, and is no verdict.
func (f *fuzz) keepRecord(cmd *cobra.Command, c *campaign.Campaign, s *campaign.Summary) {
	if s.Seeds == c.Resume.Seeds {
		return // it has run nothing
	}
	r := f.record(cmd, c, s)
	r.Ended = time.Now().UTC()
	if _, err := os.Stat(f.out); err == nil || len(s.Groups) > 0 {
		if err := board.AppendRecord(f.out, r); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "no record of this campaign: %v\n", err)
		}
	}
	if f.live != nil {
		f.live.Update(r, 0, false)
		f.live.Stage("ended")
	}
}

// liveReporter is a reporter that also tells the page of the campaign.
type liveReporter struct {
	reporter
	live   *board.Live
	record func(*campaign.Summary) board.Record
	budget budget
	last   time.Time // when the page was told
}

func (r *liveReporter) begin(c *campaign.Campaign) {
	r.budget = newBudget(c)
	r.reporter.begin(c)
	r.tell(&c.Resume)
}

// tellInterval bounds the time that the page costs the campaign.
const tellInterval = 250 * time.Millisecond

func (r *liveReporter) progress(s *campaign.Summary, seed uint64) {
	r.reporter.progress(s, seed)
	if time.Since(r.last) >= tellInterval {
		r.tell(s)
	}
}

func (r *liveReporter) tell(s *campaign.Summary) {
	r.last = time.Now()
	left, known := r.budget.left(time.Since(r.budget.begin), s.Seeds)
	r.live.Update(r.record(s), left, known)
}

func (r *liveReporter) shrinking(was *failureEvent, number, all int) func(*scenarios.Plan, int) {
	r.live.Stage(fmt.Sprintf("ended; shrinking %d of %d: %s", number, all, was.Signature))
	return r.reporter.shrinking(was, number, all)
}

func (r *liveReporter) comparing(seed uint64) {
	r.live.Stage(fmt.Sprintf("ended; running seed %d in pairs, to find where its runs part", seed))
	r.reporter.comparing(seed)
}
