package harness

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// parseShard parses "i/n", or "" for no shards.
func parseShard(s string) (shard, shards uint64, err error) {
	if s == "" {
		return 0, 0, nil
	}
	i, n, _ := strings.Cut(s, "/")
	shard, errI := strconv.ParseUint(i, 10, 64)
	shards, errN := strconv.ParseUint(n, 10, 64)
	if errI != nil || errN != nil || shard >= shards || shards > campaign.MaxShards {
		return 0, 0, fmt.Errorf("--shard %s: want i/n with i from 0 to n-1 and n up to %d, as in 0/4", s, campaign.MaxShards)
	}
	return shard, shards, nil
}

// stateInterval is the longest time for which the state file is out of date.
const stateInterval = 5 * time.Second

// resume lets c go on from the state file, if there is one.
func (f *fuzz) resume(c *campaign.Campaign) (err error) {
	if f.state == "" {
		return nil
	}
	if f.build, err = cli.BuildID(); err != nil {
		return fmt.Errorf("--state: the build of this program is unknown: %w", err)
	}
	return c.ReadState(f.state, f.build)
}

// saveUnfinished saves the state on the way: should the process end before the next time,
// the campaign was interrupted. A file that cannot be written is found before the first
// seed.
func (f *fuzz) saveUnfinished(c *campaign.Campaign, s *campaign.Summary) error {
	unfinished := *s
	unfinished.Interrupted = true
	if s.Seeds == 0 {
		unfinished.Marks = make([]uint64, len(c.System.Marks))
	}
	return f.save(c, &unfinished)
}

func (f *fuzz) save(c *campaign.Campaign, s *campaign.Summary) error {
	if f.state == "" {
		return nil
	}
	f.savedAt = time.Now()
	if err := c.WriteState(f.state, f.build, s); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

// ending tells how a campaign came to its end, and how to go on with it.
func (f *fuzz) ending(cmd *cobra.Command, c *campaign.Campaign, s *campaign.Summary, took time.Duration) *ending {
	end := &ending{cpu: cli.CPUTime(), replay: f.replayLine, neverHit: f.neverHitFails}
	_, left := c.NextSeed(s)
	switch {
	case s.Interrupted:
		end.interrupted, end.goOn = max(took, 1), f.goOnLine(cmd, c, s)
	case s.Seeds == 0 || s.Seeds > c.Resume.Seeds: // it ran something, or there is nothing
	case stable(c, s):
		end.state, end.goOn = f.state, cli.CommandLine(cmd, nil, map[string]string{"until-stable": fmt.Sprint(2 * c.Stable)})
	case !left:
		end.state, end.goOn = f.state, cli.CommandLine(cmd, nil, map[string]string{"seeds": fmt.Sprint(2 * c.Seeds)})
	}
	return end
}

// goOnLine returns the line that goes on with an interrupted campaign: the same with a
// state, and otherwise one that runs the seeds that are left.
func (f *fuzz) goOnLine(cmd *cobra.Command, c *campaign.Campaign, s *campaign.Summary) string {
	next, left := c.NextSeed(s)
	if f.state != "" || !left || s.Seeds == 0 {
		return cli.CommandLine(cmd, nil, nil)
	}
	other := map[string]string{"start": fmt.Sprint(next)}
	if c.Seeds > 0 {
		other["seeds"] = fmt.Sprint(c.Start + (c.Seeds - 1) - next + 1)
	}
	return cli.CommandLine(cmd, nil, other)
}
