package fleet

import (
	"context"
	"strconv"
)

// Submit adds a campaign and the jobs of all ranges, and repetitions, that have no result. The same campaign
// again adds the jobs that were lost, if any, and nothing else.
func Submit(ctx context.Context, q Queue, c *Campaign) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := q.AddCampaign(ctx, c); err != nil {
		return err
	}
	var jobs []Job
	for _, kind := range []Kind{RangeKind, RepeatKind} {
		done, err := doneRanges(ctx, q, c, kind)
		if err != nil {
			return err
		}
		for i := range c.Ranges() {
			if !done[i] && (kind == RangeKind || c.Repeats(i)) {
				jobs = append(jobs, Job{Campaign: c.Name, Kind: kind, Range: i})
			}
		}
	}
	return q.AddJobs(ctx, jobs)
}

// doneRanges returns the ranges that have a result of a kind.
func doneRanges(ctx context.Context, q Queue, c *Campaign, kind Kind) (map[int]bool, error) {
	done := map[int]bool{}
	err := q.Results(ctx, c.Name, kind, func(key string, _ []byte) {
		if i, err := strconv.Atoi(key); err == nil {
			done[i] = true
		}
	})
	return done, err
}
