package harness

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// budget is what a campaign may use: time, seeds or both. It tells how much is left.
type budget struct {
	begin  time.Time
	time   time.Duration // 0: no limit
	seeds  uint64        // of the whole campaign; 0: no limit
	before uint64        // seeds of earlier commands
}

func newBudget(c *campaign.Campaign) budget {
	return budget{time.Now(), c.For, c.SeedCount(), c.Resume.Seeds}
}

// times describes the time since the begin, and the time that is left.
func (b *budget) times(seeds uint64) string {
	since := time.Since(b.begin)
	s := whole(since)
	if left, ok := b.left(since, seeds); ok {
		s += fmt.Sprintf(", %s left", whole(left))
	}
	return s
}

// left estimates the time that is left; ok is false if nothing is known of it.
func (b *budget) left(since time.Duration, seeds uint64) (left time.Duration, ok bool) {
	if ok = b.time > 0; ok {
		left = max(0, b.time-since)
	}
	ran := seeds - b.before
	if b.seeds == 0 || ran == 0 || seeds > b.seeds {
		return left, ok
	}
	bySeeds := time.Duration(float64(since) * float64(b.seeds-seeds) / float64(ran))
	if !ok || bySeeds < left {
		left = bySeeds
	}
	return left, true
}

// whole is a time in whole seconds, as in 90 s, or in minutes from two on.
func whole(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprint(d.Round(time.Second))
}
