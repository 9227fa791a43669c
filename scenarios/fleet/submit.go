package fleet

import (
	"context"
	"strconv"
)

// Submit adds a campaign and the jobs of all ranges that have no result. The same campaign
// again adds the jobs that were lost, if any, and nothing else.
func Submit(ctx context.Context, q Queue, c *Campaign) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := q.AddCampaign(ctx, c); err != nil {
		return err
	}
	done, err := doneRanges(ctx, q, c)
	if err != nil {
		return err
	}
	var jobs []Job
	for i := range c.Ranges() {
		if !done[i] {
			jobs = append(jobs, Job{Campaign: c.Name, Kind: RangeKind, Range: i})
		}
	}
	return q.AddJobs(ctx, jobs)
}

// doneRanges returns the ranges that have a result.
func doneRanges(ctx context.Context, q Queue, c *Campaign) (map[int]bool, error) {
	done := map[int]bool{}
	err := q.Results(ctx, c.Name, RangeKind, func(key string, _ []byte) {
		if i, err := strconv.Atoi(key); err == nil {
			done[i] = true
		}
	})
	return done, err
}
